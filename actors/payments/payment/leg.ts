import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { LegCredit } from "./credit.ts"

const LegOwner = Schema.TaggedUnion({
  Fee: {},
  Recipient: { recipient: Schema.String },
  Merchant: {}
})

/** One part of the payment: what was captured for its owner, and what of it was given back. */
export const Leg = Schema.Struct({
  owner: LegOwner,
  captured: BigAmount,
  refunded: BigAmount,
  /** In disputes that are open or lost. */
  disputed: Schema.optionalKey(BigAmount),
  /** What its owner's balance was told of: settled, less what was taken back. */
  cleared: Schema.optionalKey(BigAmount),
  /** What of its settled part became available once, where that is not what is now. */
  cleared_once: Schema.optionalKey(BigAmount),
  credit: Schema.optionalKey(LegCredit)
})
export type Leg = typeof Leg.Type
