import { allocate, refundLegs, shareWeights } from "../../../src/domain/allocation.ts"
import type { LegAmount } from "../../../src/ledger/entries.ts"
import type { FeeBearer, FeeTerms } from "../../../streams/messages/fees.ts"
import type { Leg } from "./leg.ts"
import type { Payment } from "./state.ts"
import { bearerOf, feeOn, priceWithin } from "./fees.ts"

interface SplitTerms {
  readonly recipient: string
  readonly share?: string
  readonly amount?: bigint
}

const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)

/** Why these splits cannot be paid out of this price; undefined where they can. */
export const splitsProblem = (
  price: bigint,
  splits: ReadonlyArray<SplitTerms>,
  terms: FeeTerms,
  bearer: FeeBearer
): string | undefined => {
  if (new Set(splits.map(({ recipient }) => recipient)).size !== splits.length) {
    return "each recipient may be named once"
  }
  const shares = splits.filter(({ share }) => share !== undefined)
  const amounts = splits.filter(({ amount }) => amount !== undefined)
  if (
    shares.length + amounts.length !== splits.length || (shares.length > 0 && amounts.length > 0)
  ) {
    return "every split needs a share, or every split needs an amount"
  }
  if (shares.length > 0 && shareWeights(shares.map(({ share }) => share!)) === undefined) {
    return "the shares are more than the whole"
  }
  const fee = bearer === "merchant" ? feeOn(price, terms) : 0n
  const wanted = sum(amounts.map(({ amount }) => amount!))
  if (wanted > price - fee) {
    return `the splits ask for ${wanted}, after the merchant's fee ${price - fee} is left`
  }
  if (shares.length === 0 || bearer !== "merchant") return undefined
  const rest = allocate(price, weightsOf(splits, price)).at(-1)!
  return rest < fee ? `the merchant's part is ${rest}, its fee ${fee}` : undefined
}

/** Fee first, then the recipients as given, then the merchant. */
export const newLegs = (splits: ReadonlyArray<SplitTerms>): ReadonlyArray<Leg> => [
  { owner: { _tag: "Fee" }, captured: 0n, refunded: 0n },
  ...splits.map(({ recipient }): Leg => ({
    owner: { _tag: "Recipient", recipient },
    captured: 0n,
    refunded: 0n
  })),
  { owner: { _tag: "Merchant" }, captured: 0n, refunded: 0n }
]

/** The recipients' parts of the price and the merchant's, which is what they leave. */
const weightsOf = (splits: ReadonlyArray<SplitTerms>, price: bigint): ReadonlyArray<bigint> => {
  if (splits[0]?.amount === undefined) return shareWeights(splits.map(({ share }) => share!))!
  const amounts = splits.map(({ amount }) => amount!)
  return [...amounts, price - sum(amounts)]
}

/** What the merchant asks for, without the fee that the customer bears on top of it. */
const priceOf = ({ amount, surcharge = 0n }: Payment): bigint => amount - surcharge

/** The schedule's on all that is captured; where the customer bears it, on the price that is in it. */
const feeAt = (payment: Payment, total: bigint): bigint => {
  const { amount, fee_terms } = payment
  if (bearerOf(payment) !== "customer") return feeOn(total, fee_terms)
  const price = priceOf(payment)
  return total - (total === amount ? price : priceWithin(total, fee_terms, price))
}

/** What each leg has once this much is captured in all: the fee, the recipients, the merchant. */
const targetsOf = (payment: Payment, total: bigint): ReadonlyArray<bigint> => {
  const { splits = [] } = payment
  const fee = feeAt(payment, total)
  if (splits.length === 0) return [fee, total - fee]
  const weights = weightsOf(splits, priceOf(payment))
  if (bearerOf(payment) !== "merchant") return [fee, ...allocate(total - fee, weights)]
  const parts = allocate(total, weights)
  const own = parts.pop()!
  if (own >= fee) return [fee, ...parts, own - fee]
  // A part so small that the merchant's own part does not cover its fee: the recipients lend the rest.
  return [fee, ...allocate(total - fee, weights.slice(0, -1)), 0n]
}

interface LegStep {
  readonly legs: ReadonlyArray<Leg>
  /** What this step moves, for the journal. */
  readonly moved: ReadonlyArray<LegAmount>
}

/**
 * One more capture, by cumulative targets: any sequence of captures ends where a single one would. What
 * a leg has too much, by rounding or because a tier begins, it gives to the others.
 */
export const captureStep = (payment: Payment, amount: bigint): LegStep => {
  const captured = keepingBack(payment, targetsOf(payment, payment.amount_captured + amount))
  return {
    legs: payment.legs.map((leg, nth) => ({ ...leg, captured: captured[nth]! })),
    moved: payment.legs.map(({ captured: before, owner }, nth) => ({
      owner,
      amount: captured[nth]! - before
    }))
  }
}

/** What was given back of a leg is no more to be given: the merchant goes without, then we, then the last. */
const keepingBack = ({ legs }: Payment, targets: ReadonlyArray<bigint>): ReadonlyArray<bigint> => {
  const floors = legs.map(takenBack)
  const kept = targets.map((target, nth) => target > floors[nth]! ? target : floors[nth]!)
  let missing = sum(kept) - sum(targets)
  const [fee, ...others] = legs.keys()
  for (const nth of [others.pop()!, fee!, ...others.reverse()]) {
    const spare = kept[nth]! - floors[nth]!
    const given = spare < missing ? spare : missing
    kept[nth]! -= given
    missing -= given
  }
  return kept
}

/** What an increment makes of the payment: the fee, and what the customer bears of it, follow the schedule. */
export const largerBy = (payment: Payment, by: bigint): Pick<Payment, "amount" | "surcharge"> => {
  const amount = payment.amount + by
  return {
    amount,
    ...(payment.surcharge !== undefined && {
      surcharge: amount - priceWithin(amount, payment.fee_terms)
    })
  }
}

/** Why the splits could not be paid any more; undefined where they can. */
export const incrementProblem = (payment: Payment, by: bigint): string | undefined => {
  const larger = { ...payment, ...largerBy(payment, by) }
  const { fee_terms, splits = [] } = larger
  return splitsProblem(priceOf(larger), splits, fee_terms, bearerOf(larger))
}

/** What a leg has given back or may have to: refunds, and disputes that are open or lost. */
export const takenBack = ({ disputed = 0n, refunded }: Leg): bigint => refunded + disputed

/** Refunds and disputes walk back the same way, so that together they never exceed a leg. */
const backSteps = ({ legs }: Payment, amount: bigint): ReadonlyArray<bigint> =>
  refundLegs(legs.map(({ captured }) => captured), legs.map(takenBack), amount)

const movedBy = ({ legs }: Payment, steps: ReadonlyArray<bigint>): ReadonlyArray<LegAmount> =>
  legs.map(({ owner }, index) => ({ owner, amount: steps[index]! }))

export const refundStep = (payment: Payment, amount: bigint): LegStep => {
  const steps = backSteps(payment, amount)
  return {
    legs: payment.legs.map((leg, index) => ({ ...leg, refunded: leg.refunded + steps[index]! })),
    moved: movedBy(payment, steps)
  }
}

/** A dispute takes no more from the legs than refunds have left; the rest of it is nobody's leg. */
export const disputeStep = (payment: Payment, amount: bigint): LegStep => {
  const left = sum(payment.legs.map((leg) => leg.captured - takenBack(leg)))
  const back = amount < left ? amount : left
  const steps = back === 0n ? payment.legs.map(() => 0n) : backSteps(payment, back)
  return { legs: disputedBy(payment, steps), moved: movedBy(payment, steps) }
}

/** A dispute that was won: every leg has its part again. */
export const disputeLifted = (payment: Payment, steps: ReadonlyArray<bigint>): LegStep => ({
  legs: disputedBy(payment, steps.map((step) => -step)),
  moved: movedBy(payment, steps)
})

const disputedBy = ({ legs }: Payment, steps: ReadonlyArray<bigint>): ReadonlyArray<Leg> =>
  legs.map((leg, index) => ({ ...leg, disputed: (leg.disputed ?? 0n) + steps[index]! }))

/** A refund the gateway did not make: every leg has its part back. */
export const refundUndone = (payment: Payment, steps: ReadonlyArray<bigint>): LegStep => ({
  legs: payment.legs.map((leg, index) => ({ ...leg, refunded: leg.refunded - steps[index]! })),
  moved: movedBy(payment, steps)
})
