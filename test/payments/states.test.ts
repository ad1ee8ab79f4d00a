import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { Payment } from "../../actors/payments/payment/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { answer, approved, asked, created, Life, scored } from "../support/paymentLife.ts"

const declined = { _tag: "Declined", code: "no", detail: "no", soft: false }
const decode = Schema.decodeUnknownSync(Payment)

const authorized = () => {
  const life = new Life()
  life.take(created({ capture: "manual" }))
  life.take(scored("allow"))
  life.take(answer(life.payment!.attempts[0]!, approved(10_000n, false, "ch_1")))
  return life.payment!
}

describe("what earlier code stored", () => {
  const stored = (payment: object): Record<string, unknown> => JSON.parse(canonicalJson(payment))

  it("is read: a failed payment of which a void was still asked, without that", () => {
    const life = new Life()
    life.take(created({}))
    life.take(scored("allow"))
    life.take(asked("void", "v"))
    life.take(answer(life.payment!.attempts[0]!, declined))
    expect(life.payment).not.toHaveProperty("void_requested")
    expect(decode({ ...stored(life.payment!), void_requested: true })).toEqual(life.payment)
  })

  it("is read: an authorization from before it was known when it runs out", () => {
    const { expires_at: _, ...payment } = authorized()
    expect(decode(stored(payment))).toEqual(payment)
  })

  it("is not read where it says of a status what that status cannot be", () => {
    const payment = stored(authorized())
    expect(() => decode({ ...payment, amount_captured: "1" })).toThrow("amount_captured")
    expect(() => decode({ ...payment, status: "captured", risk: undefined })).toThrow("risk")
    expect(() => decode({ ...payment, status: "failed" })).toThrow("amount_authorized")
  })
})
