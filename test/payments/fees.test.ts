import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { feeOn, feeTermsFor } from "../../actors/payments/payment/fees.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { FeeSchedule, type FeeTerms, GivenFeeTerms } from "../../streams/messages/fees.ts"
import {
  answer,
  approved,
  asked,
  created,
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"

const last = (life: Life) => life.payment!.attempts.at(-1)!

/** What each leg gets of one payment that is captured at once, and what the payer pays. */
const paid = (fee: FeeTerms, more: Json): { payer: bigint; legs: ReadonlyArray<bigint> } => {
  const life = Object.assign(new Life(), { terms: { ...defaultTerms, fee } })
  const decided = life.take(created(more))
  if (Result.isFailure(decided)) throw new Error(decided.failure.detail)
  life.take(scored("allow"))
  life.take(answer(last(life), approved(last(life).amount, true)))
  return { payer: last(life).amount, legs: life.payment!.legs.map(({ captured }) => captured) }
}

/** 2.99 % and 0.30. */
const plain: FeeTerms = { percentage_basis_points: 299n, fixed: 30n }
const shares = { splits: [{ recipient: "a", share: "0.70" }, { recipient: "b", share: "0.20" }] }
const amounts = { splits: [{ recipient: "a", amount: 7_000 }, { recipient: "b", amount: 2_000 }] }

describe("who bears the fee of 3.29 on 100.00", () => {
  // Columns: what the payer pays, the fee, recipient a, recipient b, the merchant.
  const table: ReadonlyArray<readonly [string, Json, ReadonlyArray<bigint>]> = [
    ["merchant, shares", { ...shares, fee_bearer: "merchant" }, [
      10_000n,
      329n,
      7_000n,
      2_000n,
      671n
    ]],
    ["recipients, shares", { ...shares, fee_bearer: "recipients" }, [
      10_000n,
      329n,
      6_770n,
      1_934n,
      967n
    ]],
    ["customer, shares", { ...shares, fee_bearer: "customer" }, [
      10_329n,
      329n,
      7_000n,
      2_000n,
      1_000n
    ]],
    ["merchant, amounts", { ...amounts, fee_bearer: "merchant" }, [
      10_000n,
      329n,
      7_000n,
      2_000n,
      671n
    ]],
    ["recipients, amounts", { ...amounts, fee_bearer: "recipients" }, [
      10_000n,
      329n,
      6_770n,
      1_934n,
      967n
    ]],
    ["customer, amounts", { ...amounts, fee_bearer: "customer" }, [
      10_329n,
      329n,
      7_000n,
      2_000n,
      1_000n
    ]],
    ["nobody said, shares", shares, [10_000n, 329n, 6_770n, 1_934n, 967n]],
    ["nobody said, amounts", amounts, [10_000n, 329n, 7_000n, 2_000n, 671n]],
    ["customer, no splits", { fee_bearer: "customer" }, [10_329n, 329n, 10_000n]]
  ]
  it.each(table)("%s", (_, more, expected) => {
    const { legs, payer } = paid(plain, more)
    expect([payer, ...legs]).toEqual(expected)
  })

  it("refuses shares that leave the merchant less than the fee it bears", () => {
    const all = { splits: [{ recipient: "a", share: "0.98" }], fee_bearer: "merchant" }
    expect(() => paid(plain, all)).toThrow("the merchant's part is 200, its fee 329")
  })

  it("refuses a surcharge that no JSON number could carry", () => {
    const amount = Number.MAX_SAFE_INTEGER
    expect(() => paid(plain, { amount, fee_bearer: "customer" })).toThrow("with its fee")
  })

  it("takes exactly the surcharge of a payment that is captured in parts", () => {
    const life = Object.assign(new Life(), { terms: { ...defaultTerms, fee: plain } })
    life.take(created({ capture: "manual", fee_bearer: "customer" }))
    life.take(scored("allow"))
    life.take(answer(last(life), approved(10_329n, false)))
    for (const amount of [5_000, 5_329]) {
      life.take(asked("capture", `c${amount}`, { amount }))
      life.take(answer(last(life), approved(BigInt(amount), true)))
    }
    expect(life.payment!.legs.map(({ captured }) => captured)).toEqual([329n, 10_000n])
  })
})

describe("the schedule of fees", () => {
  const tiered: FeeTerms = {
    percentage_basis_points: 500n,
    fixed: 0n,
    tiers: [
      { from: 10_000n, percentage_basis_points: 300n, fixed: 0n },
      { from: 100_000n, percentage_basis_points: 100n, fixed: 50n }
    ],
    minimum: 20n,
    maximum: 2_000n
  }

  it.each([
    [10n, 10n],
    [100n, 20n],
    [9_999n, 500n],
    [10_000n, 300n],
    [99_999n, 2_000n],
    [100_000n, 1_050n]
  ])("takes by tiers and bounds of %s a fee of %s", (amount, fee) => {
    expect(feeOn(amount, tiered)).toBe(fee)
  })

  it("has the price of the first rule that fits, else the plain fee", () => {
    const free: FeeTerms = { percentage_basis_points: 0n, fixed: 0n }
    const fees: typeof FeeSchedule.Type = [
      { merchants: ["acme" as never], methods: ["card"], fee: plain },
      { currencies: ["JPY" as never], fee: free }
    ]
    const of = (merchant: string, method: string, currency: string) =>
      feeTermsFor({ ...defaultTerms, fees }, { merchant, method, currency })
    expect(of("acme", "card", "JPY")).toBe(plain)
    expect(of("acme", "pix", "JPY")).toBe(free)
    expect(of("other", "pix", "BRL")).toBe(defaultTerms.fee)
  })

  it("keeps the price of a payment that was made before the schedule changed", () => {
    const life = Object.assign(new Life(), { terms: { ...defaultTerms, fee: plain } })
    life.take(created())
    life.terms = defaultTerms
    life.take(scored("allow"))
    life.take(answer(last(life), approved(10_000n, true)))
    expect(life.payment!.legs[0]!.captured).toBe(329n)
  })

  it("is not taken where a tier begins below the one before", () => {
    const wrong = [tiered.tiers![1]!, tiered.tiers![0]!].map((tier) => ({ ...tier, from: 5n }))
    expect(Schema.is(GivenFeeTerms)({ ...tiered, tiers: wrong })).toBe(false)
    expect(Schema.is(GivenFeeTerms)(tiered)).toBe(true)
  })

  it("never takes more than the amount, and a payment's legs are all of it", () => {
    const bearer = fc.constantFrom("merchant", "recipients", "customer")
    fc.assert(fc.property(
      fc.integer({ min: 1, max: 200_000 }),
      bearer,
      fc.integer({ min: 1, max: 999 }),
      (amount, fee_bearer, thousandths) => {
        const splits = [{ recipient: "a", share: `0.${String(thousandths).padStart(3, "0")}` }]
        let result: ReturnType<typeof paid>
        try {
          result = paid(tiered, { amount, fee_bearer, splits })
        } catch (error) {
          expect(fee_bearer).toBe("merchant")
          return void expect(String(error)).toContain("the merchant's part")
        }
        const { legs, payer } = result
        const fee = feeOn(BigInt(amount), tiered)
        expect(legs[0]).toBe(fee)
        expect(legs.reduce((all, one) => all + one, 0n)).toBe(payer)
        expect(payer).toBe(BigInt(amount) + (fee_bearer === "customer" ? fee : 0n))
      }
    ))
  })
})
