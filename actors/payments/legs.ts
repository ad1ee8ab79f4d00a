import {
  allocate,
  feeOf,
  refundLegs,
  shareWeights,
  stepTowards
} from "../../src/domain/allocation.ts"
import type { LegAmount } from "../../src/ledger/entries.ts"
import type { FeeTerms, Leg, Payment } from "./state.ts"

interface SplitTerms {
  readonly recipient: string
  readonly share?: string
  readonly amount?: bigint
}

const fee = (amount: bigint, terms: typeof FeeTerms.Type): bigint =>
  feeOf(amount, {
    percentageBasisPoints: terms.percentage_basis_points,
    fixed: terms.fixed
  })

/** Why these splits cannot be paid out of this amount; undefined where they can. */
export const splitsProblem = (
  amount: bigint,
  splits: ReadonlyArray<SplitTerms>,
  terms: typeof FeeTerms.Type
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
  const wanted = amounts.reduce((sum, split) => sum + split.amount!, 0n)
  const left = amount - fee(amount, terms)
  return wanted > left ? `the splits ask for ${wanted}, after the fee ${left} is left` : undefined
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

/** What is left after the fee goes out by shares, or in the proportion of the agreed amounts. */
const weightsOf = ({ amount, fee_terms, splits = [] }: Payment): ReadonlyArray<bigint> => {
  if (splits.length === 0) return [1n]
  if (splits[0]!.share !== undefined) return shareWeights(splits.map(({ share }) => share!))!
  const amounts = splits.map((split) => split.amount!)
  const rest = amount - fee(amount, fee_terms) - amounts.reduce((sum, each) => sum + each, 0n)
  return [...amounts, rest]
}

export interface LegStep {
  readonly legs: ReadonlyArray<Leg>
  /** What this step moves, for the journal. */
  readonly moved: ReadonlyArray<LegAmount>
}

/**
 * One more capture, by cumulative targets: any sequence of captures sums exactly. A leg may end one
 * minor unit from where a single capture would have put it, because no leg ever goes back.
 */
export const captureStep = (payment: Payment, amount: bigint): LegStep => {
  const total = payment.amount_captured + amount
  const feeTarget = fee(total, payment.fee_terms)
  const targets = [feeTarget, ...allocate(total - feeTarget, weightsOf(payment))]
  const done = payment.legs.map(({ captured }) => captured)
  const steps = stepTowards(targets, done, amount)
  return {
    legs: payment.legs.map((leg, index) => ({ ...leg, captured: leg.captured + steps[index]! })),
    moved: payment.legs.map(({ owner }, index) => ({ owner, amount: steps[index]! }))
  }
}

export const refundStep = (payment: Payment, amount: bigint): LegStep => {
  const steps = refundLegs(
    payment.legs.map(({ captured }) => captured),
    payment.legs.map(({ refunded }) => refunded),
    amount
  )
  return {
    legs: payment.legs.map((leg, index) => ({ ...leg, refunded: leg.refunded + steps[index]! })),
    moved: payment.legs.map(({ owner }, index) => ({ owner, amount: steps[index]! }))
  }
}

/** A refund the gateway did not make: every leg has its part back. */
export const refundUndone = (payment: Payment, steps: ReadonlyArray<bigint>): LegStep => ({
  legs: payment.legs.map((leg, index) => ({ ...leg, refunded: leg.refunded - steps[index]! })),
  moved: payment.legs.map(({ owner }, index) => ({ owner, amount: steps[index]! }))
})
