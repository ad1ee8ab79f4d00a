import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bearerOf, feeOn } from "../../actors/payments/payment/fees.ts"
import { captureStep, takenBack } from "../../actors/payments/payment/legs.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import type { FeeTerms } from "../../streams/messages/fees.ts"
import {
  answer,
  approved,
  asked,
  created,
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"
import { runsOf } from "../support/runs.ts"
import { asHeld } from "../../actors/payments/payment/narrow.ts"

const sum = (amounts: ReadonlyArray<bigint>) => amounts.reduce((all, one) => all + one, 0n)
const last = (life: Life) => life.payment!.attempts.at(-1)!
const capturedOf = ({ legs }: Payment) => legs.map(({ captured }) => captured)

/** An authorized payment under these terms; undefined where its splits do not fit. */
const authorized = (fee: FeeTerms, more: Json): Life | undefined => {
  const life = Object.assign(new Life(), { terms: { ...defaultTerms, fee } })
  if (Result.isFailure(life.take(created({ capture: "manual", ...more })))) return undefined
  life.take(scored("allow"))
  life.take(answer(last(life), approved(last(life).amount, false)))
  return life
}

/** Asks for it and has it done; what is refused, or more than is left, changes nothing. */
const does = (life: Life, verb: "capture" | "increment" | "refund", nth: number, more: Json) => {
  if (Result.isSuccess(life.take(asked(verb, `${verb}-${nth}`, more)))) {
    life.take(answer(last(life), approved(last(life).amount, true)))
  }
}

/** 1.5 % below 1,000.00, 1 % from there on. */
const falling: FeeTerms = {
  percentage_basis_points: 150n,
  fixed: 0n,
  tiers: [{ from: 100_000n, percentage_basis_points: 100n, fixed: 0n }]
}
/** 1 % below 10.00, 5 % from there on. */
const rising: FeeTerms = {
  percentage_basis_points: 100n,
  fixed: 0n,
  tiers: [{ from: 1_000n, percentage_basis_points: 500n, fixed: 0n }]
}
const plain: FeeTerms = { percentage_basis_points: 299n, fixed: 30n }

describe("a payment that is captured in parts", () => {
  const parts = (fee: FeeTerms, amounts: ReadonlyArray<number>, more: Json = {}) => {
    const amount = amounts.reduce((all, one) => all + one, 0)
    const life = authorized(fee, { amount, ...more })!
    for (const [nth, amount] of amounts.entries()) does(life, "capture", nth, { amount })
    return capturedOf(life.payment!)
  }

  it("costs what it costs at once: a tier's edge gives back what was too much", () => {
    expect(parts(falling, [100_000])).toEqual([1_000n, 99_000n])
    expect(parts(falling, [99_999, 1])).toEqual([1_000n, 99_000n])
  })

  it("brings agreed amounts whole, where the fee rises with the last part", () => {
    const splits = [{ recipient: "a", amount: 950 }]
    expect(parts(rising, [1_000], { splits })).toEqual([50n, 950n, 0n])
    expect(parts(rising, [999, 1], { splits })).toEqual([50n, 950n, 0n])
  })

  it("ends right where earlier code had captured a surcharge in proportion", () => {
    const { payment } = authorized(plain, { fee_bearer: "customer" })!
    const [fee, merchant] = payment!.legs
    const legs = [{ ...fee!, captured: 159n }, { ...merchant!, captured: 4_841n }]
    const begun = {
      ...asHeld(payment!),
      status: "partially_captured" as const,
      amount_captured: 5_000n,
      legs
    }
    expect(captureStep(begun, 5_329n).legs.map(({ captured }) => captured)).toEqual([329n, 10_000n])
  })

  it("asks a customer for the fee of what it was in the end, the minimum included", () => {
    const terms = { ...plain, minimum: 100n }
    const life = authorized(terms, { amount: 100_000, fee_bearer: "customer" })!
    does(life, "capture", 1, { amount: 2_000, final: true })
    expect(capturedOf(life.payment!)).toEqual([100n, 1_900n])
  })
})

describe("a surcharge after an increment", () => {
  const increased = (fee: FeeTerms, amount: number, by: number) => {
    const life = authorized(fee, { amount, fee_bearer: "customer" })!
    does(life, "increment", 1, { amount: by })
    return life.payment!
  }

  it("is the schedule's on the price that the larger amount pays", () => {
    const { amount, surcharge } = increased(plain, 192, 429_769)
    expect([amount, surcharge]).toEqual([429_997n, 12_513n])
    expect(feeOn(amount - surcharge!, plain)).toBe(surcharge)
  })

  it("stays within its maximum", () => {
    expect(increased({ ...plain, maximum: 900n }, 100_000, 100_000).surcharge).toBe(900n)
  })

  it("is refused where the merchant's part would not cover its fee any more", () => {
    const life = authorized(rising, { amount: 999, splits: [{ recipient: "a", amount: 980 }] })!
    const refused = life.take(asked("increment", "more", { amount: 1 }))
    expect(Result.isFailure(refused) && refused.failure.code).toBe("invalid_splits")
  })
})

const rate = fc.record({
  percentage_basis_points: fc.bigInt({ min: 0n, max: 10_000n }),
  fixed: fc.bigInt({ min: 0n, max: 400n })
})
/** Prices small enough that tiers, bounds and rounding are met all the time. */
const terms: fc.Arbitrary<FeeTerms> = fc.record({
  plain: rate,
  tiers: fc.array(fc.tuple(fc.bigInt({ min: 1n, max: 3_000n }), rate), { maxLength: 3 }),
  bounds: fc.option(fc.tuple(fc.bigInt({ min: 0n, max: 300n }), fc.bigInt({ min: 0n, max: 300n })))
}).map(({ bounds, plain, tiers }) => {
  const from = [...new Map(tiers)].sort(([one], [other]) => (one < other ? -1 : 1))
  return {
    ...plain,
    tiers: from.map(([from, rate]) => ({ from, ...rate })),
    ...(bounds && { minimum: bounds[0], maximum: bounds[0] + bounds[1] })
  }
})
const bearers = fc.constantFrom("merchant", "recipients", "customer", undefined)
const splits = fc.oneof(
  fc.constant([]),
  fc.constantFrom(["0.70", "0.20"], ["0.333333", "0.333333", "0.2"], ["0.5"]).map((shares) =>
    shares.map((share, nth) => ({ recipient: `r${nth}`, share }))
  ),
  fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 3 }).map((amounts) =>
    amounts.map((amount, nth) => ({ recipient: `r${nth}`, amount }))
  )
)
const amount = fc.integer({ min: 1, max: 2_000 })
const moves = fc.array(
  fc.tuple(fc.constantFrom("capture", "capture", "increment", "refund" as const), amount),
  { maxLength: 12 }
)
const birth = fc.record({
  fee: terms,
  price: fc.integer({ min: 1, max: 4_000 }),
  bearer: bearers,
  splits
})

const alive = (
  { bearer, fee, price, splits }: typeof birth extends fc.Arbitrary<infer A> ? A : never
) =>
  authorized(fee, {
    amount: price,
    ...(bearer !== undefined && { fee_bearer: bearer }),
    ...(splits.length > 0 && { splits })
  })

/** Straight from the promise: the largest price that, with the fee on it, is within this total. */
const priceWithin = (total: bigint, limit: bigint, fee: FeeTerms): bigint => {
  for (let price = limit < total ? limit : total;; price--) {
    if (price + feeOn(price, fee) <= total) return price
  }
}

const expectedFee = (payment: Payment): bigint => {
  const { amount, amount_captured: total, fee_terms, surcharge = 0n } = payment
  return bearerOf(payment) === "customer"
    ? total - priceWithin(total, amount - surcharge, fee_terms)
    : feeOn(total, fee_terms)
}

describe("whatever is captured, increased and refunded, under any terms, bearers and splits", () => {
  it("the fee is the schedule's on all that was captured, and agreed amounts arrive whole", () => {
    fc.assert(
      fc.property(birth, moves, (one, moves) => {
        const life = alive(one)
        if (life === undefined) return
        let refunds = 0
        for (const [nth, [verb, amount]] of [...moves, ["capture", 0] as const].entries()) {
          const left = life.payment!.amount_authorized - life.payment!.amount_captured
          does(
            life,
            verb,
            nth,
            amount === 0 ? {} : {
              amount: verb === "capture" ? Math.min(amount, Number(left)) || 1 : amount
            }
          )
          if (verb === "refund") refunds = life.payment!.refunds.length
          const { amount_captured: total, fee_terms, legs } = life.payment!
          if (total === 0n || refunds > 0) continue
          const fee = expectedFee(life.payment!)
          expect(legs[0]!.captured).toBe(fee)
          if (bearerOf(life.payment!) !== "customer") continue
          const price = total - fee
          expect(fee >= feeOn(price, fee_terms)).toBe(true)
          if (fee !== feeOn(price, fee_terms)) {
            expect(fee <= feeOn(price + 1n, fee_terms)).toBe(true)
          }
        }
        const { amount_authorized, amount_captured, legs, splits = [] } = life.payment!
        expect(amount_captured).toBe(amount_authorized)
        if (refunds > 0 || bearerOf(life.payment!) === "recipients") return
        for (const [nth, { amount }] of splits.entries()) {
          if (amount !== undefined) expect(legs[nth + 1]!.captured).toBe(amount)
        }
      }),
      { numRuns: runsOf(300) }
    )
  })

  it("every owner ends with what one capture would have brought", () => {
    fc.assert(
      fc.property(birth, fc.array(amount, { minLength: 1, maxLength: 6 }), (one, amounts) => {
        const [life, whole] = [alive(one), alive(one)]
        if (life === undefined || whole === undefined) return
        for (const [nth, amount] of amounts.entries()) {
          const left = Number(life.payment!.amount_authorized - life.payment!.amount_captured)
          if (left > 0) does(life, "capture", nth, { amount: Math.min(amount, left) })
        }
        does(life, "capture", amounts.length, {})
        does(whole, "capture", 0, {})
        expect(capturedOf(life.payment!)).toEqual(capturedOf(whole.payment!))
      }),
      { numRuns: runsOf(150) }
    )
  })

  it("what was refunded between captures stays given back, and all of it comes back in the end", () => {
    let between = 0
    fc.assert(
      fc.property(birth, moves, (one, moves) => {
        const life = alive(one)
        if (life === undefined) return
        for (const [nth, [verb, amount]] of moves.entries()) {
          const before = life.payment!
          does(life, verb, nth, { amount })
          const { amount_captured, legs } = life.payment!
          if (amount_captured === before.amount_captured) continue
          if (before.refunds.length > 0) between++
          // Apart from the schedule by no more than what refunds had given back of the fee or its payers.
          const off = legs[0]!.captured - expectedFee(life.payment!)
          const given = sum(before.legs.map(takenBack))
          expect(off <= given && -off <= given).toBe(true)
        }
        does(life, "capture", 90, {})
        does(life, "refund", 91, {})
        for (const { captured, refunded } of life.payment!.legs) expect(refunded).toBe(captured)
      }),
      { numRuns: runsOf(200, 120) }
    )
    // How often chance brings it about differs from run to run; that it does must not.
    expect(between).toBeGreaterThan(0)
  })
})
