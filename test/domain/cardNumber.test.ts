import { describe, expect, it } from "vitest"
import { Random } from "../../src/trials/random.ts"
import { holdsCardNumber, withoutLongNumbers } from "../../src/domain/cardNumber.ts"
import { cardPointersIn } from "../../src/domain/cardPointers.ts"
import { cardAt, everyday } from "../support/cards.ts"

const CORPUS = 10_000
const WRONG_REFUSALS_MAX = CORPUS / 1_000

const published = [
  "4111111111111111",
  "4012888888881881",
  "5555555555554444",
  "2223003122003222",
  "378282246310005",
  "371449635398431",
  "6011111111111117",
  "30569309025904",
  "38520000023237",
  "36700102000000",
  "3530111333300000",
  "6200000000000005",
  "6205500000000000004",
  "6759649826438453",
  "6304000000000000",
  "6799990100000000019",
  "6362970000457013",
  "6062826786276634",
  "2201382000000013",
  "4000000000000000006"
]

describe("a card number is seen before it is stored", () => {
  it("sees the numbers that the schemes and gateways publish for tests", () => {
    expect(published.filter((card) => !holdsCardNumber(card))).toEqual([])
  })

  it("misses none of 10,000: every issuer, length, way of writing, alone and among other text", () => {
    const random = new Random(20_261_130)
    const missed = Array.from({ length: CORPUS }, (_, index) => cardAt(random, index))
      .filter(({ text }) => !holdsCardNumber(text))
    expect(missed).toEqual([])
  })

  it("refuses at most one in a thousand of 10,000 everyday identifiers", () => {
    const random = new Random(20_261_130)
    const kinds = Object.entries(everyday)
    const wrong: Record<string, ReadonlyArray<string>> = {}
    let sum = 0
    for (const [index, [kind, make]] of kinds.entries()) {
      const count = Math.floor(CORPUS / kinds.length) + (index < CORPUS % kinds.length ? 1 : 0)
      const refused = Array.from({ length: count }, () => make(random)).filter(holdsCardNumber)
      if (refused.length > 0) wrong[kind] = refused
      sum += refused.length
    }
    expect(sum, JSON.stringify(wrong, null, 1)).toBeLessThanOrEqual(WRONG_REFUSALS_MAX)
  })

  it.each([
    ["a time in milliseconds", "order-1796061707149"],
    ["an IMEI", "490154203237518"],
    ["a boleto's line", "23793.38128 60007.827136 95000.063305 9 84660000012345"],
    ["the same without dots", "23793 38128 60007 827136 95000 063305 9 84660000012345"],
    ["an account's number", "DE89 3704 0044 0532 0130 00"],
    ["a fiscal key", "3526 1112 3456 7800 0123 5500 1000 0012 3412 3456 7890"],
    ["13 digits of a card hardly issued any more, which are an EAN's", "4222222222222"],
    ["a wrong check digit", "4111 1111 1111 1112"],
    ["20 digits", "41111111111111111111"],
    [
      "a Pix code, also among other text",
      "Pague: 00020101021226630014BR.GOV.BCB.PIX2541pix.bank.example/cob/1ab484b7c3b140cc9e46" +
      "5204000053039865802BR5911Lastro Demo6006Recife62070503***630418A9, até amanhã"
    ],
    ["Luhn alone", "1000000000000008"],
    ["words between the groups", "4111 and 1111 and 1111 and 1111"]
  ])("lets %s through", (_about, text) => {
    expect(holdsCardNumber(text)).toBe(false)
  })

  it.each([
    ["a number before it", "order 1001 4111 1111 1111 1111"],
    ["expiry and code behind it", "4111 1111 1111 1111 1230 123"],
    ["a letter on both sides", "x4111111111111111y"],
    ["13 digits in a card's groups", "4222 2222 22222"],
    ["what only looks like a Pix code around it", "0002010102 4111 1111 1111 1111 630418A9"],
    ["full-width digits", "４１１１ １１１１ １１１１ １１１１"]
  ])("sees one with %s", (_about, text) => {
    expect(holdsCardNumber(text)).toBe(true)
  })

  it("strikes each out and leaves the rest of the text", () => {
    expect(withoutLongNumbers("a 4111.1111.1111.1111, b 5555/5555/5555/4444 c")).toBe(
      "a [number], b [number] c"
    )
  })
})

describe("a body is looked at as a whole", () => {
  const CARD = "4111 1111 1111 1111"

  it("names every member that holds one, by its value or its name", () => {
    const body = {
      reference: CARD,
      metadata: { "a/b": CARD, [CARD]: "x" },
      splits: [{ recipient: "a" }, { recipient: CARD }],
      amount: 4111111111111111
    }
    expect(cardPointersIn(body)).toEqual([
      "/reference",
      "/metadata/a~1b",
      `/metadata/${CARD}`,
      "/splits/1/recipient"
    ])
  })

  it("leaves a payer's tax number to its schema, and no other member of that name", () => {
    const tax_id = "36700102000000"
    expect(cardPointersIn({ payment_method: { payer: { tax_id } } })).toEqual([])
    expect(cardPointersIn({ metadata: { tax_id } })).toEqual(["/metadata/tax_id"])
  })
})
