import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { looksLikeCardNumber, Metadata, Reference, Text, Token } from "../../src/domain/text.ts"

const accepts = (schema: Schema.Codec<unknown, unknown>) => {
  // As both doors do: a record drops the keys its schema refuses unless excess is an error.
  const decode = Schema.decodeUnknownResult(schema, { onExcessProperty: "error" })
  return (value: unknown): boolean => Result.isSuccess(decode(value))
}

/** Test numbers the card schemes publish: 13 to 19 digits. */
const cards = [
  "4111111111111111",
  "5555555555554444",
  "378282246310005",
  "6011111111111117",
  "30569309025904",
  "4222222222222",
  "6362970000457013",
  "4000000000000000006"
]

const luhnSum = (digits: string): number =>
  [...digits].reverse().reduce((sum, digit, index) => {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1)
    return sum + (value > 9 ? value - 9 : value)
  }, 0)

/** Any digits with the check digit that makes them pass. */
const cardNumber = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 18 })
  .map((digits) => {
    const body = digits.join("")
    return body + String((10 - (luhnSum(`${body}0`) % 10)) % 10)
  })

describe("a card number is recognised before it is stored", () => {
  it("sees the card schemes' own test numbers", () => {
    expect(cards.filter((card) => !looksLikeCardNumber(card))).toEqual([])
  })

  it("sees any number with a right check digit, also between spaces, dashes and words", () => {
    fc.assert(fc.property(
      cardNumber,
      fc.constantFrom("", " ", "-"),
      fc.constantFrom("", "card ", "n°", "ref:"),
      (card, separator, before) => {
        const written = card.match(/.{1,4}/g)!.join(separator)
        expect(looksLikeCardNumber(`${before}${written}, thank you`)).toBe(true)
      }
    ))
  })

  it("lets a number with a wrong check digit through", () => {
    fc.assert(fc.property(cardNumber, fc.integer({ min: 1, max: 9 }), (card, off) => {
      const wrong = card.slice(0, -1) + String((Number(card.at(-1)) + off) % 10)
      expect(looksLikeCardNumber(wrong)).toBe(false)
    }))
  })

  it("lets shorter and longer numbers, words and tokens through", () => {
    const others = ["", "order-1001", "tok_approved", "0".repeat(12), "0".repeat(20), "2026-11-24"]
    expect(others.filter(looksLikeCardNumber)).toEqual([])
  })

  it("sees a card number that stands next to another number", () => {
    expect(looksLikeCardNumber("order 12 4111 1111 1111 1111")).toBe(true)
  })

  it("is refused as a token, as a reference and as a metadata value", () => {
    expect(accepts(Token)("tok_approved")).toBe(true)
    expect(accepts(Reference)("order-1001")).toBe(true)
    expect(accepts(Metadata)({ k: "v" })).toBe(true)
    for (const card of cards) {
      expect(accepts(Token)(card), card).toBe(false)
      expect(accepts(Reference)(`paid with ${card}`), card).toBe(false)
      expect(accepts(Metadata)({ k: card }), card).toBe(false)
    }
  })
})

describe("free text can be stored, logged and shown", () => {
  const ok = accepts(Text(10))

  it("counts its characters, from one to its maximum", () => {
    expect(["", "x".repeat(11)].filter(ok)).toEqual([])
    expect(["x", "x".repeat(10), "ação", "日本"].every(ok)).toBe(true)
  })

  it("refuses every control character except tab, line feed and carriage return", () => {
    for (let code = 0; code <= 0x7f; code++) {
      const text = `a${String.fromCharCode(code)}`
      const allowed = code >= 0x20 ? code !== 0x7f : [9, 10, 13].includes(code)
      expect(ok(text), `U+00${code.toString(16)}`).toBe(allowed)
    }
  })

  it("refuses a lone surrogate, which UTF-8 cannot hold, and takes a pair", () => {
    expect(ok("a\ud800")).toBe(false)
    expect(ok("\udc00a")).toBe(false)
    expect(ok("😀")).toBe(true)
  })

  it("refuses what is not text", () => {
    expect([1, null, true, ["a"], { a: 1 }].filter(ok)).toEqual([])
  })
})

describe("metadata is small and flat", () => {
  const ok = accepts(Metadata)

  it("takes up to 50 keys of a plain alphabet", () => {
    const of = (keys: number) =>
      Object.fromEntries(Array.from({ length: keys }, (_, index) => [`k${index}`, "v"]))
    expect(ok(of(50))).toBe(true)
    expect(ok(of(51))).toBe(false)
    expect(["a.b", "A-9_", "x".repeat(40)].every((key) => ok({ [key]: "v" }))).toBe(true)
    expect(["", "a b", "é", "x".repeat(41)].filter((key) => ok({ [key]: "v" }))).toEqual([])
  })

  it("refuses a key that would reach an object's prototype", () => {
    expect(ok(JSON.parse(`{"__proto__":"v"}`))).toBe(false)
  })

  it("refuses values that are long, empty or not text", () => {
    expect(ok({ k: "x".repeat(500) })).toBe(true)
    expect([{ k: "x".repeat(501) }, { k: "" }, { k: 1 }, { k: { deep: "v" } }].filter(ok)).toEqual(
      []
    )
  })
})
