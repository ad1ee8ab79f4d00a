/**
 * Who issues card numbers: the digits they begin with, and how long they are (ISO/IEC 7812, the schemes'
 * own ranges as published by 2026-11). Where ranges overlap the union counts: what matters here is only
 * whether a number can be a card's, never whose.
 *
 * Not listed: UATP (15 digits from 1), which is accepted nowhere beside airlines and would take in
 * every identifier made of a time.
 */
const issuers: ReadonlyArray<
  readonly [name: string, prefixes: string, lengths: ReadonlyArray<number>]
> = [
  ["Visa", "4", [16, 18, 19]],
  ["Mastercard", "51-55 2221-2720", [16]],
  ["American Express", "34 37", [15]],
  ["Diners Club", "300-305 3095 36 38-39", [14, 16, 19]],
  ["Discover", "6011 622126-622925 644-649 65", [16, 19]],
  ["JCB", "3528-3589", [16, 17, 18, 19]],
  // 16 digits from 1800 are microseconds of the year 2027.
  ["JCB, older", "1800 2131", [15]],
  ["JCB, older", "2131", [16]],
  ["UnionPay", "62 810-817", [16, 17, 18, 19]],
  ["Maestro", "50 56-58 63 67", [15, 16, 17, 18, 19]],
  [
    "Elo",
    "401178-401179 431274 438935 451416 457393 457631-457632 504175 506699-506778 509 627780 " +
    "636297 636368 6500 6504-6505 6507 6509 6516 6550",
    [16]
  ],
  ["Hipercard, Hiper", "606282 384100 384140 384160 637095 637568 637599 637609 637612", [16, 19]],
  ["Cabal, Credz, Banescard", "604201-604400 603182 627892 636117 636414", [16]],
  ["RuPay", "60 81-82 508 353 356", [16]],
  ["Mir", "2200-2204", [16, 17, 18, 19]],
  ["Verve", "506099-506198 507865-507964 650002-650027", [16, 18, 19]],
  ["Napas", "9704", [16, 19]],
  ["Troy, Humo, Uzcard, BelCart, Elcart", "9792 9860 8600 9112 9417", [16]]
]

/**
 * Lengths that are hardly issued any more. Without a gap such a number is nearly always something else
 * (an EAN-13, a shop's order number, a CNPJ), so it counts only where it is written in a card's groups.
 */
const rare: typeof issuers = [
  ["Visa", "4", [13]],
  ["Maestro", "50 56-58 63 67", [13, 14]],
  ["UnionPay", "62", [14, 15]]
]

interface Range {
  readonly digits: number
  readonly from: number
  readonly to: number
  readonly lengths: ReadonlySet<number>
}

const rangesOf = (rows: typeof issuers): ReadonlyArray<Range> =>
  rows.flatMap(([, prefixes, lengths]) =>
    prefixes.split(" ").map((prefix) => {
      const [from, to = from] = prefix.split("-")
      return { digits: from!.length, from: Number(from), to: Number(to), lengths: new Set(lengths) }
    })
  )

const issued = rangesOf(issuers)
const rarelyIssued = rangesOf(rare)

const isIn = (ranges: ReadonlyArray<Range>, digits: string): boolean =>
  ranges.some(({ digits: length, from, lengths, to }) => {
    if (!lengths.has(digits.length)) return false
    const prefix = Number(digits.slice(0, length))
    return prefix >= from && prefix <= to
  })

/** The last digit makes the sum of all, every second doubled, a multiple of ten (ISO/IEC 7812-1). */
const passesLuhn = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48
    const doubled = index % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

/** Whether these digits are a card's number: an issuer's range, a length of that issuer, and Luhn. */
export const isCardNumber = (digits: string, grouped: boolean): boolean =>
  passesLuhn(digits) && (isIn(issued, digits) || (grouped && isIn(rarelyIssued, digits)))
