import { Schema } from "effect"
import { Currency } from "../../../src/domain/currency.ts"
import { BigAmount } from "../../../src/domain/money.ts"
import { FeeBearer, FeeTerms } from "../../../streams/messages/fees.ts"
import { Risk } from "../../../streams/messages/fraud.ts"
import {
  CaptureMode,
  Customer,
  Device,
  Split,
  TakenMethod
} from "../../../streams/messages/payments.ts"
import { PaymentStatus } from "../../../streams/resources/payment.ts"
import { SeenCommand } from "../seenCommand.ts"
import { Attempt } from "./attempts.ts"
import { Credit } from "./credit.ts"
import { Dispute, DisputeQuestion } from "./dispute.ts"
import { Leg } from "./leg.ts"
import { Refund } from "./refund.ts"
import { Stray } from "./stray.ts"

export const Status = PaymentStatus
export type Status = typeof Status.Type

/** What was asked for, and under which terms. */
const Order = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  created_at: Schema.Finite,
  /** What the payer is asked for, a surcharge included. */
  amount: BigAmount,
  /** The fee on top of the price, where the customer bears it. */
  surcharge: Schema.optionalKey(BigAmount),
  currency: Currency,
  capture: CaptureMode,
  payment_method: TakenMethod,
  customer: Schema.optionalKey(Customer),
  device: Schema.optionalKey(Device),
  splits: Schema.optionalKey(Schema.Array(Schema.Struct({
    ...Split.fields,
    amount: Schema.optionalKey(BigAmount)
  }))),
  fee_bearer: Schema.optionalKey(FeeBearer),
  credit: Schema.optionalKey(Credit),
  reference: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  /** The terms at creation: a later change of fees concerns later payments. */
  fee_terms: FeeTerms
})

/** Somebody waits for the outcome of the charge or of one attempt. */
const Waiter = Schema.Struct({
  to: Schema.String,
  attempt: Schema.optionalKey(Schema.String)
})

/** What was done for it and heard of it. A gateway may speak of money whatever the status is. */
const Record = Schema.Struct({
  version: Schema.Int,
  updated_at: Schema.Finite,
  gateway: Schema.String,
  legs: Schema.Array(Leg),
  attempts: Schema.Array(Attempt),
  refunds: Schema.Array(Refund),
  /** Captured money that the gateway paid, and the captures and refunds that it settled. */
  amount_settled: Schema.optionalKey(BigAmount),
  settlements: Schema.optionalKey(Schema.Array(Schema.String)),
  dispute_questions: Schema.optionalKey(Schema.Array(DisputeQuestion)),
  /** That made it, and of those that followed the last ones. */
  commands: Schema.Array(SeenCommand),
  waiters: Schema.Array(Waiter),
  /** How many attempts, by operation, and commands (`command`) have left the document. */
  past: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int)),
  /** What the gateway reported against an earlier answer, by name; each is booked once. */
  contradictions: Schema.Array(Schema.String),
  strays: Schema.optionalKey(Schema.Array(Stray))
})

const Nothing = BigAmount.pipe(Schema.refine((amount): amount is 0n => amount === 0n))

const unpaid = {
  amount_authorized: Nothing,
  amount_captured: Nothing,
  amount_refunded: Nothing
}

const scored = { risk: Risk, scored_at: Schema.Finite }

const Failure = Schema.Struct({ code: Schema.String, detail: Schema.String })

/** What the payer has to do, and where. */
const NextAction = Schema.Struct({
  url: Schema.String,
  expires_at: Schema.String,
  br_code: Schema.optionalKey(Schema.String)
})

/** A void was asked for while something was under way: it is made, or what was charged undone, then. */
const stoppable = { void_requested: Schema.optionalKey(Schema.Boolean) }

const authorized = {
  ...scored,
  charge_id: Schema.String,
  amount_authorized: BigAmount,
  /** When it runs out: the timer that is awaited. Not where all was captured at once. */
  expires_at: Schema.optionalKey(Schema.Finite)
}

const uncaptured = { ...authorized, amount_captured: Nothing, amount_refunded: Nothing }

const captured = {
  ...authorized,
  amount_captured: BigAmount,
  /** Confirmed by the gateway. Those asked for are in `refunds`. */
  amount_refunded: BigAmount,
  disputes: Schema.optionalKey(Schema.Array(Dispute))
}

const payment = <S extends Status, Own extends Schema.Struct.Fields>(status: S, own: Own) =>
  Schema.Struct({
    ...Order.fields,
    ...Record.fields,
    ...own,
    status: Schema.Literal(status)
  })

/** The life of a payment: each status, and what it has that others have not. `moves` leads through it. */
export const Payment = Schema.Union([
  payment("screening", unpaid),
  payment("in_review", { ...unpaid, ...scored }),
  payment("rejected", { ...unpaid, ...scored, failure: Failure }),
  payment("processing", { ...unpaid, ...scored, ...stoppable }),
  payment("requires_action", { ...unpaid, ...scored, ...stoppable, next_action: NextAction }),
  payment("unknown", {
    ...unpaid,
    ...scored,
    ...stoppable,
    next_action: Schema.optionalKey(NextAction)
  }),
  payment("failed", { ...unpaid, ...scored, failure: Failure }),
  payment("authorized", { ...uncaptured, ...stoppable }),
  payment("partially_captured", { ...captured, ...stoppable }),
  payment("captured", captured),
  payment("expired", uncaptured),
  // Given back, or given up before anything was authorized.
  payment("voided", uncaptured),
  payment("voided", {
    ...unpaid,
    risk: Schema.optionalKey(Risk),
    scored_at: Schema.optionalKey(Schema.Finite)
  })
])

type Written = typeof Payment.Type
type FieldOf<P> = P extends unknown ? keyof P : never
type Without<P, Field extends PropertyKey> = P extends unknown
  ? P & { readonly [F in Exclude<Field, keyof P>]?: never }
  : never

/** What a status does not have may be looked for, and is not there; to carry it on does not compile. */
export type Payment = Without<Written, FieldOf<Written>>

export type PaymentIn<S extends Status> = Extract<Payment, { readonly status: S }>

/** What any payment has. */
export type Common = typeof Order.Type & typeof Record.Type
