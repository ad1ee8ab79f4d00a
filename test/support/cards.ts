import { dynamicBrCode, staticBrCode } from "../../src/domain/brCode.ts"
import type { Random } from "../../src/trials/random.ts"

const digitsOf = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.int(10)).join("")

/** Ends with the digit that makes it pass the Luhn check. */
const withLuhn = (body: string): string => {
  const sum = [...body].reverse().reduce((sum, digit, index) => {
    const value = Number(digit) * (index % 2 === 0 ? 2 : 1)
    return sum + (value > 9 ? value - 9 : value)
  }, 0)
  return body + String((10 - (sum % 10)) % 10)
}

/** Prefixes of each issuer, written down here a second time, and the lengths of its cards. */
const issuers: ReadonlyArray<
  readonly [name: string, prefixes: ReadonlyArray<string>, lengths: ReadonlyArray<number>]
> = [
  ["Visa", ["4", "4111", "4000", "4916", "4539"], [16, 18, 19]],
  ["Mastercard", ["51", "52", "53", "54", "55", "2221", "2345", "2699", "2720"], [16]],
  ["American Express", ["34", "37"], [15]],
  ["Diners Club", ["300", "301", "305", "3095", "36", "38", "39"], [14, 16, 19]],
  ["Discover", ["6011", "644", "649", "65", "622126"], [16, 19]],
  ["JCB", ["3528", "3530", "3566", "3589"], [16, 17, 18, 19]],
  ["JCB, older", ["1800", "2131"], [15]],
  ["UnionPay", ["620", "6212", "6225", "625", "6282", "8100", "8171"], [16, 17, 18, 19]],
  ["Maestro", ["5018", "5020", "5038", "56", "5893", "6304", "6759", "6761"], [15, 16, 17, 18, 19]],
  ["Elo", ["401178", "438935", "451416", "506699", "509000", "627780", "636368", "650405"], [16]],
  ["Elo", ["650901", "651652", "655000", "655021"], [16]],
  ["Hipercard", ["606282", "384100", "384140", "637095"], [16, 19]],
  ["Cabal", ["604201", "604300"], [16]],
  ["Mir", ["2200", "2201", "2204"], [16, 17, 18, 19]],
  ["RuPay", ["6070", "8172", "8200", "508500", "353800"], [16]],
  ["Verve", ["506099", "650002", "507865"], [16, 18, 19]],
  ["Troy, Napas, Humo, Uzcard", ["9792", "9704", "9860", "8600"], [16]]
]

const separators = [
  "",
  " ",
  "-",
  ".",
  "/",
  "  ",
  " - ",
  "\u00a0",
  "\u2009",
  "\u202f",
  "\u2013",
  "_",
  ",",
  ", ",
  "\n",
  "\t",
  "\\",
  "|",
  "\u200b",
  " / "
]

/** How the digits of a card stand together: as embossed, in fours, in one, or each alone. */
const layoutOf = (random: Random, length: number): ReadonlyArray<number> => {
  const fours = Array.from({ length: Math.ceil(length / 4) }, () => 4)
  const layouts = [fours, fours, [1], [8]]
  if (length === 15) layouts.push([4, 6, 5])
  if (length === 14) layouts.push([4, 6, 4])
  if (length === 19) layouts.push([6, 13])
  if (length === 16) layouts.push([4, 8, 4], [6, 6, 4], [4, 12], [6, 10], [2])
  return layouts[random.int(layouts.length)]!
}

const written = (digits: string, layout: ReadonlyArray<number>, separator: string): string => {
  const groups: Array<string> = []
  for (let at = 0, group = 0; at < digits.length; group++) {
    const size = layout[Math.min(group, layout.length - 1)]!
    groups.push(digits.slice(at, at + size))
    at += size
  }
  return groups.join(separator)
}

const around = [
  ["", ""],
  ["card ", ""],
  ["cartão: ", ", validade 12/30"],
  ["order 12 ", ""],
  ["pedido nº 1001 / ", " (R$ 10,00)"],
  ["ref:", ""],
  ["tok_", ""],
  ["", " 12/30 123"],
  ["(", ")"],
  ["4 de maio, ", " obrigado"],
  ['{"number":"', '","cvc":"123"}'],
  ["2026-11-30 ", ""]
] as const

const FULL_WIDTH_ZERO = 0xff10
const ARABIC_ZERO = 0x0660

/** A number that could be a card's, as people and programs write it. */
export const cardAt = (random: Random, index: number): { name: string; text: string } => {
  const [name, prefixes, lengths] = issuers[index % issuers.length]!
  const prefix = prefixes[random.int(prefixes.length)]!
  const length = lengths[random.int(lengths.length)]!
  const digits = withLuhn(prefix + digitsOf(random, length - prefix.length - 1))
  const separator = separators[random.int(separators.length)]!
  const zero = [48, 48, 48, 48, FULL_WIDTH_ZERO, ARABIC_ZERO][random.int(6)]!
  const [before, after] = around[random.int(around.length)]!
  const text = written(digits, layoutOf(random, length), separator)
    .replaceAll(/[0-9]/g, (digit) => String.fromCodePoint(zero + Number(digit)))
  return { name: `${name} of ${length} digits`, text: before + text + after }
}

const weighted = (digits: string, weights: ReadonlyArray<number>): number =>
  [...digits].reduce((sum, digit, index) => sum + Number(digit) * weights[index]!, 0)

const modulo11 = (digits: string, weights: ReadonlyArray<number>): string => {
  const rest = weighted(digits, weights) % 11
  return String(rest < 2 ? 0 : 11 - rest)
}

const cpf = (random: Random): string => {
  const body = digitsOf(random, 9)
  const first = body + modulo11(body, [10, 9, 8, 7, 6, 5, 4, 3, 2])
  return first + modulo11(first, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
}

const cnpj = (random: Random): string => {
  const body = digitsOf(random, 8) + (random.chance(0.9) ? "0001" : `00${digitsOf(random, 2)}`)
  const first = body + modulo11(body, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
  return first + modulo11(first, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2])
}

/** GS1's check digit: weights 3 and 1 from the right. */
const gs1 = (body: string): string => {
  const sum = [...body].reverse().reduce(
    (sum, digit, index) => sum + Number(digit) * (index % 2 === 0 ? 3 : 1),
    0
  )
  return body + String((10 - (sum % 10)) % 10)
}

/** A field of a boleto's line with its check digit. */
const field = (body: string): string => withLuhn(body)

const BANKS = ["001", "033", "104", "237", "341", "422", "748", "756", "260", "077"]

const boleto = (random: Random): string => {
  const bank = BANKS[random.int(BANKS.length)]!
  const [one, two, three] = [
    field(`${bank}9${digitsOf(random, 5)}`),
    field(digitsOf(random, 10)),
    field(digitsOf(random, 10))
  ]
  const end = `${9_000 + random.int(999)}${digitsOf(random, 10)}`
  const line = `${one.slice(0, 5)}.${one.slice(5)} ${two.slice(0, 5)}.${two.slice(5)} ` +
    `${three.slice(0, 5)}.${three.slice(5)} ${random.int(10)} ${end}`
  return random.chance(0.3) ? line.replaceAll(/\D/g, "") : line
}

const pick = <A>(random: Random, items: ReadonlyArray<A>): A => items[random.int(items.length)]!

const day = (random: Random): Date => new Date(1_577_836_800_000 + random.int(3_650) * 86_400_000)

const stamp = (random: Random): string => day(random).toISOString().slice(0, 10).replaceAll("-", "")

const hex = (random: Random, count: number): string =>
  Array.from({ length: count }, () => random.int(16).toString(16)).join("")

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
const letters = (random: Random, count: number): string =>
  Array.from({ length: count }, () => alphabet[random.int(alphabet.length)]).join("")

/** From 2020 to 2030. */
const epochMillis = (random: Random): number =>
  1_577_836_800_000 + Math.floor(random.next() * 315_532_800_000)

const iban = (random: Random): string => {
  const [country, digits] = pick(random, [["DE", 18], ["AT", 16], ["BE", 12], ["DK", 14]] as const)
  const account = digitsOf(random, digits)
  const numeric = `${account}${[...country].map((letter) => parseInt(letter, 36)).join("")}00`
  const check = String(98n - (BigInt(numeric) % 97n)).padStart(2, "0")
  const packed = `${country}${check}${account}`
  return random.chance(0.5) ? packed : packed.match(/.{1,4}/g)!.join(" ")
}

/** What shops and banks write into references every day, and no card's number. */
export const everyday: Readonly<Record<string, (random: Random) => string>> = {
  "epoch milliseconds": (random) => String(epochMillis(random)),
  "epoch milliseconds in a reference": (random) =>
    `${pick(random, ["order-", "pedido-", "PED", "loja_7/", "#"])}${epochMillis(random)}`,
  "epoch microseconds": (random) => `${epochMillis(random)}${digitsOf(random, 3)}`,
  "date and time": (random) => {
    const text = new Date(epochMillis(random)).toISOString()
    return pick(random, [text, text.replace("T", " ").slice(0, 23), text.replaceAll(/\D/g, "")])
  },
  IMEI: (random) => {
    const types = ["35", "86", "01", "49", "99", "44", "45", "52", "53", "91"]
    return withLuhn(pick(random, types) + digitsOf(random, 12))
  },
  "boleto line": boleto,
  "boleto barcode": (random) => pick(random, BANKS) + "9" + digitsOf(random, 40),
  CPF: (random) => {
    const digits = cpf(random)
    return random.chance(0.5) ? digits : digits.replace(/(...)(...)(...)(..)/, "$1.$2.$3-$4")
  },
  CNPJ: (random) => {
    const digits = cnpj(random)
    return random.chance(0.5)
      ? digits
      : digits.replace(/(..)(...)(...)(....)(..)/, "$1.$2.$3/$4-$5")
  },
  "EAN-13": (random) =>
    gs1(
      pick(random, ["789", "790", "400", "471", "500", "560", "590", "690", "300"]) +
        digitsOf(random, 9)
    ),
  "GTIN-14": (random) =>
    gs1(
      `${1 + random.int(8)}` + pick(random, ["789", "790", "400", "500", "690", "300"]) +
        digitsOf(random, 9)
    ),
  "order number": (random) =>
    pick(random, [
      () => digitsOf(random, 6 + random.int(5)),
      () => `${stamp(random)}${digitsOf(random, 6)}`,
      () => `${stamp(random)}-${digitsOf(random, 6)}`,
      () => `2000${digitsOf(random, 12)}`,
      () =>
        `${pick(random, ["701", "114", "302", "404"])}-${digitsOf(random, 7)}-${
          digitsOf(random, 7)
        }`,
      () => `5${digitsOf(random, 12)}`,
      () => `NF ${digitsOf(random, 9)} série ${random.int(9)}`
    ])(),
  UUID: (random) => {
    const text = hex(random, 32)
    return random.chance(0.2)
      ? text
      : text.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-4$3-$4-$5")
  },
  "Pix endToEndId": (random) =>
    `E${digitsOf(random, 8)}${stamp(random)}${digitsOf(random, 4)}${letters(random, 11)}`,
  "Pix txid": (random) => letters(random, 26 + random.int(10)),
  "Pix code": (random) => {
    const receiver = { name: "Padaria Aurora", city: "Recife" }
    return random.chance(0.5)
      ? dynamicBrCode({ ...receiver, location: `pix.bank.example/cobv/${hex(random, 20)}` })
      : staticBrCode({ ...receiver, key: hex(random, 32), amount: `${random.int(999)}.00` })
  },
  "phone number": (random) =>
    pick(random, [
      `+55 (${11 + random.int(88)}) 9${digitsOf(random, 4)}-${digitsOf(random, 4)}`,
      `55${11 + random.int(88)}9${digitsOf(random, 8)}`,
      `+57 3${digitsOf(random, 2)} ${digitsOf(random, 3)} ${digitsOf(random, 4)}`,
      `+49 ${digitsOf(random, 3)} ${digitsOf(random, 8)}`
    ]),
  "fiscal key": (random) => {
    const key = `35${digitsOf(random, 42)}`
    return random.chance(0.5) ? key : key.match(/.{4}/g)!.join(" ")
  },
  IBAN: iban,
  amounts: (random) =>
    `R$ ${random.int(9)}.${digitsOf(random, 3)},${digitsOf(random, 2)} em ${
      2 + random.int(10)
    }x, ` +
    `${day(random).toISOString().slice(0, 10)}`
}
