import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  CommandId,
  CustomerId,
  derivedId,
  EndpointId,
  eventIdOf,
  MerchantId,
  PaymentId,
  paymentIdOf,
  refundIdOf
} from "../../src/domain/identifiers.ts"

const accepts = (schema: Schema.Codec<unknown, unknown>) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (value: unknown): boolean => Result.isSuccess(decode(value))
}
const ascii = fc.string({ unit: "grapheme-ascii", minLength: 0, maxLength: 40 })

describe("an identifier follows from its parts", () => {
  it("is the same for the same merchant and command, always", () => {
    expect(paymentIdOf("acme", "order-1001")).toBe("pay_n77zxmc7zykzhrmr1rpxjb81y8")
  })

  it("differs wherever a part, their order or the place of their border differs", () => {
    const parts = fc.array(ascii, { minLength: 1, maxLength: 4 })
    fc.assert(fc.property(parts, parts, (one, other) => {
      const same = one.length === other.length && one.every((part, index) => part === other[index])
      expect(derivedId("x", ...one) === derivedId("x", ...other)).toBe(same)
    }))
    expect(derivedId("x", "ab", "c")).not.toBe(derivedId("x", "a", "bc"))
    expect(derivedId("x", "a", "")).not.toBe(derivedId("x", "a"))
    expect(derivedId("x", "1:a")).not.toBe(derivedId("x", "1", "a"))
  })

  it("differs between merchants that use the same command id", () => {
    expect(paymentIdOf("acme", "1")).not.toBe(paymentIdOf("evil", "1"))
  })

  it("has 26 characters of Crockford's alphabet after its prefix, as its schema wants", () => {
    const isPayment = accepts(PaymentId)
    fc.assert(fc.property(ascii, ascii, (merchant, command) => {
      const id = paymentIdOf(merchant, command)
      expect(id).toMatch(/^pay_[0-9a-hjkmnp-tv-z]{26}$/)
      expect(isPayment(id)).toBe(true)
      expect(refundIdOf(id, command)).toMatch(/^ref_[0-9a-hjkmnp-tv-z]{26}$/)
      expect(eventIdOf(id, "payment.captured", "3.17")).toMatch(/^evt_[0-9a-hjkmnp-tv-z]{26}$/)
    }))
  })

  it("spreads over its whole alphabet in every place", () => {
    const ids = Array.from({ length: 2_000 }, (_, index) => derivedId("x", String(index)).slice(2))
    for (let place = 0; place < 26; place++) {
      expect(new Set(ids.map((id) => id[place])).size).toBe(32)
    }
  })
})

describe("identifiers from outside are checked", () => {
  it("takes merchants that can stand in a subject, and no others", () => {
    const ok = accepts(MerchantId)
    expect(["acme", "a", "a-b_c9", "x".repeat(32)].every(ok)).toBe(true)
    const bad = [
      "",
      "Acme",
      "a.b",
      "a*",
      ">",
      "a b",
      "a/b",
      "acme\n",
      "ação",
      "x".repeat(33),
      7,
      null
    ]
    expect(bad.filter(ok)).toEqual([])
  })

  it("takes a payment's identifier and not another noun's", () => {
    const ok = accepts(PaymentId)
    const tail = "0".repeat(26)
    expect(ok(`pay_${tail}`)).toBe(true)
    const bad = [
      `ref_${tail}`,
      `pay_${tail}0`,
      `pay_${tail.slice(1)}`,
      `pay_${tail}\n`,
      `xpay_${tail}`
    ]
    expect(bad.filter(ok)).toEqual([])
    expect(accepts(EndpointId)(`we_${tail}`)).toBe(true)
    expect(accepts(EndpointId)(`pay_${tail}`)).toBe(false)
  })

  it("takes command ids of 1 to 255 printable characters without spaces", () => {
    const ok = accepts(CommandId)
    expect(["1", "order-1001", "~!{}", "x".repeat(255)].every(ok)).toBe(true)
    expect(["", " ", "a b", "a\u0000", "a\n", "é", "x".repeat(256)].filter(ok)).toEqual([])
  })

  it("takes customer ids that need no escaping anywhere", () => {
    const ok = accepts(CustomerId)
    expect(["cus_42", "a.b:c-d", "Z".repeat(64)].every(ok)).toBe(true)
    expect(["", "a b", "a/b", "a\u0000", "ana@example.com", "x".repeat(65)].filter(ok)).toEqual([])
  })
})
