import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { cardsIn } from "../../src/store/heldCards.ts"
import { answer, approved, asked, created, Life, scored } from "../support/paymentLife.ts"

/** By Luhn and by its issuer it is a card: 41,111,111,111,111.11. */
const AMOUNT = 4_111_111_111_111_111

const doc = (of: object) => ({ doc: JSON.parse(canonicalJson(of)) })

describe("what looks like a card number in what is stored", () => {
  it("is none where it is an amount, in whatever a payment has", () => {
    const life = new Life()
    const last = () => life.payment!.attempts.at(-1)!
    life.take(
      created({
        amount: AMOUNT,
        splits: [{ recipient: "a", amount: AMOUNT - 1 }],
        fee_bearer: "customer"
      })
    )
    life.take(scored("allow"))
    const { amount } = last()
    life.take(answer(last(), approved(amount, true)))
    const asking = life.take(asked("refund", "r", { amount: AMOUNT }))
    const put = Result.getOrThrow(asking).put!.map(([, state]) => doc(state))
    expect(JSON.stringify(put)).toContain(`"${AMOUNT}"`)
    expect(cardsIn(put)).toEqual([])
  })

  it("is one in the merchant's own words, whatever they are called", () => {
    const metadata = { amount: `${AMOUNT}`, note: "none" }
    expect(cardsIn([doc({ metadata, reference: `${AMOUNT}` })]))
      .toEqual(["/0/doc/metadata/amount", "/0/doc/reference"])
  })
})
