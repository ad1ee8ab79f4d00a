import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { FeeBearer } from "../messages/fees.ts"
import { Risk } from "../messages/fraud.ts"
import { ReversalRate } from "../messages/fx.ts"
import { Operation, TakenPixTerms } from "../messages/gateway.ts"
import { CaptureMode, Customer, Device, Split } from "../messages/payments.ts"
import { Failure, MinorUnits, Time } from "./parts.ts"

export const PaymentStatus = Schema.Literals([
  "screening",
  "rejected",
  "in_review",
  "processing",
  "requires_action",
  "authorized",
  "partially_captured",
  "captured",
  "failed",
  "unknown",
  "voided",
  "expired"
])

export const AttemptStatus = Schema.Literals([
  "sent",
  "deferred",
  "unknown",
  "requires_action",
  "approved",
  "declined",
  "not_processed",
  "lost"
])

export const RefundStatus = Schema.Literals(["pending", "succeeded", "failed"])

export const DisputeStatus = Schema.Literals([
  "needs_response",
  "under_review",
  "accepted",
  "won",
  "lost"
])

const { payer: _, ...shownTerms } = TakenPixTerms.fields

/** Who pays is the bank's to know: a payer is never shown. */
const PaymentMethodShown = Schema.Struct({
  type: Schema.Literals(["card", "pix"]),
  token: Schema.optionalKey(Schema.String),
  ...shownTerms
})

const AttemptResource = Schema.Struct({
  key: Schema.String,
  operation: Operation,
  amount: MinorUnits,
  status: AttemptStatus,
  gateway: Schema.String,
  reason: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  charge_id: Schema.optionalKey(Schema.String),
  sent_at: Time,
  answered_at: Schema.optionalKey(Time),
  took_millis: Schema.optionalKey(Schema.Finite)
})

const RefundResource = Schema.Struct({
  id: Schema.String,
  amount: MinorUnits,
  status: RefundStatus,
  /** Of money in suspense: which. */
  charge_id: Schema.optionalKey(Schema.String),
  /** Somebody made it at the gateway itself. */
  made_at_gateway: Schema.optionalKey(Schema.Literal(true)),
  reason: Schema.optionalKey(Schema.String),
  credit: Schema.optionalKey(Schema.Struct({ amount: MinorUnits, rate: Schema.String })),
  created_at: Time
})

export const DisputeResource = Schema.Struct({
  id: Schema.String,
  amount: MinorUnits,
  fee: MinorUnits,
  status: DisputeStatus,
  reason: Schema.optionalKey(Schema.String),
  evidence_due_by: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(
    Schema.Struct({
      text: Schema.String,
      documents: Schema.Array(Schema.String),
      submitted_at: Time
    })
  ),
  opened_at: Time,
  closed_at: Schema.optionalKey(Time)
})
export type DisputeResource = typeof DisputeResource.Type

/** A payment as the world sees it: the API's resource, the answer to a waiter, the body of events. */
export const PaymentResource = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  status: PaymentStatus,
  amount: MinorUnits,
  surcharge: Schema.optionalKey(MinorUnits),
  currency: Currency,
  capture: CaptureMode,
  payment_method: PaymentMethodShown,
  customer: Schema.optionalKey(Customer),
  device: Schema.optionalKey(Device),
  splits: Schema.optionalKey(
    Schema.Array(Schema.Struct({ ...Split.fields, amount: Schema.optionalKey(MinorUnits) }))
  ),
  fee_bearer: Schema.optionalKey(FeeBearer),
  credit: Schema.optionalKey(
    Schema.Struct({
      currency: Schema.String,
      amount: MinorUnits,
      quote: Schema.String,
      rate: Schema.String,
      refund_rate: ReversalRate
    })
  ),
  reference: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  metadata: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
  amount_authorized: MinorUnits,
  amount_captured: MinorUnits,
  amount_refunded: MinorUnits,
  amount_settled: Schema.optionalKey(MinorUnits),
  fee: MinorUnits,
  risk: Schema.optionalKey(Risk),
  gateway: Schema.String,
  void_requested: Schema.optionalKey(Schema.Literal(true)),
  charge_id: Schema.optionalKey(Schema.String),
  attempts: Schema.Array(AttemptResource),
  refunds: Schema.Array(RefundResource),
  /** What reached a gateway for it and is none of what was captured. A refund gives it back. */
  in_suspense: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        charge_id: Schema.String,
        gateway: Schema.String,
        amount: MinorUnits,
        returned: MinorUnits
      })
    )
  ),
  amount_disputed: Schema.optionalKey(MinorUnits),
  disputes: Schema.optionalKey(Schema.Array(DisputeResource)),
  expires_at: Schema.optionalKey(Time),
  next_action: Schema.optionalKey(
    Schema.Struct({
      type: Schema.optionalKey(Schema.Literal("pix")),
      url: Schema.String,
      expires_at: Schema.String,
      br_code: Schema.optionalKey(Schema.String)
    })
  ),
  failure: Schema.optionalKey(Failure),
  created_at: Time,
  updated_at: Time,
  version: Schema.Int
}).annotate({ identifier: "Payment" })
export type PaymentResource = typeof PaymentResource.Type
