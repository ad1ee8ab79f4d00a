import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { RefundStatus } from "../../../streams/resources/payment.ts"
import { CreditBack } from "./credit.ts"

export const Refund = Schema.Struct({
  id: Schema.String,
  attempt: Schema.String,
  amount: BigAmount,
  status: RefundStatus,
  reason: Schema.optionalKey(Schema.String),
  /** What each leg gives back, in the order of the payment's legs. */
  legs: Schema.Array(BigAmount),
  credit: Schema.optionalKey(CreditBack),
  /** What its entries are named by, where it was booked once more since. */
  booked_as: Schema.optionalKey(Schema.String),
  /** Of money that is none of what was captured: by the gateway's name for it. */
  stray: Schema.optionalKey(Schema.String),
  /** Somebody made it at the gateway itself. */
  made_at_gateway: Schema.optionalKey(Schema.Boolean),
  created_at: Schema.Finite
})
export type Refund = typeof Refund.Type
