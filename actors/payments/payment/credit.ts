import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { ReversalRate } from "../../../streams/messages/fx.ts"

/** A leg in the currency that it is credited in. */
export const LegCredit = Schema.Struct({
  /** For what was captured. */
  given: BigAmount,
  /** What of that was given for what was refunded or is disputed: all of it once all is. */
  released: BigAmount,
  /** What was taken for that, which at another rate is more or less. */
  taken: BigAmount
})

/** What was taken of each leg, in the order of the payment's legs, and of what we kept at the capture. */
export const CreditBack = Schema.Struct({
  legs: Schema.Array(
    Schema.Struct({ paid: BigAmount, released: BigAmount, taken: BigAmount })
  ),
  spread: BigAmount,
  rounding: BigAmount,
  rate: ReversalRate,
  /** Ours, in the currency of the credit: below nothing where it is a loss. */
  gain: BigAmount
})
export type CreditBack = typeof CreditBack.Type

/** The payment is credited in another currency than it is paid in. */
export const Credit = Schema.Struct({
  quote: Schema.String,
  currency: Schema.String,
  rate: Schema.String,
  spread_basis_points: Schema.Int,
  rates_version: Schema.String,
  refund_rate: ReversalRate,
  /** What we kept at the capture, and what of it came back with what was refunded or is disputed. */
  spread: BigAmount,
  rounding: BigAmount,
  spread_back: BigAmount,
  rounding_back: BigAmount
})
export type Credit = typeof Credit.Type
