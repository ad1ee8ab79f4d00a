import { Schema } from "effect"
import { Day } from "../../src/domain/day.ts"
import { PaymentId } from "../../src/domain/identifiers.ts"
import { TaxId } from "../../src/domain/taxId.ts"
import { Text } from "../../src/domain/text.ts"
import { DisputeId } from "./disputes.ts"
import { InternalAmount, MoneyFields } from "./money.ts"
import { PayoutId } from "./payouts.ts"

const PIX_SECONDS_MIN = 60
const PIX_SECONDS_MAX = 30 * 86_400

const PixSeconds = Schema.Int.check(
  Schema.isBetween({ minimum: PIX_SECONDS_MIN, maximum: PIX_SECONDS_MAX })
)
/** Who owes a charge with a due date; the bank asks for it. */
const PixPayer = Schema.Struct({ name: Text(200), tax_id: TaxId })

export const Operation = Schema.Literals([
  ...["charge", "increment", "capture", "void", "refund"] as const,
  /** What a merchant says against a dispute is brought to the gateway. */
  "evidence"
])
export type Operation = typeof Operation.Type

/** A payout is no payment's: its `payment_id` is the balance, its attempt the payout itself. */
export const AnyOperation = Schema.Literals([...Operation.literals, "payout"])

/** A dispute is nothing that we do, but we ask about it. */
const AskedOperation = Schema.Literals([...AnyOperation.literals, "dispute"])

/** How a charge by Pix is to be paid: within seconds, or until a day by somebody who is named. */
export const PixTerms = Schema.Struct({
  expires_in: Schema.optionalKey(PixSeconds),
  due_date: Schema.optionalKey(Day),
  payer: Schema.optionalKey(PixPayer)
})

/** What was taken before the rules above were as they are now is read all the same. */
export const TakenPixTerms = Schema.Struct({
  expires_in: Schema.optionalKey(Schema.Int),
  due_date: Schema.optionalKey(Schema.String),
  payer: Schema.optionalKey(Schema.Struct({ name: Schema.String, tax_id: Schema.String }))
})

/** When an attempt was sent for the first time (milliseconds): nothing of it is older at the gateway. */
const FirstSent = Schema.optionalKey(Schema.Finite)

/**
 * Asked by payments. `attempt` is the idempotency key at the gateway and never changes for one
 * intent: `<payment_id>.charge.1`, `<payment_id>.refund.<refund_id>` …
 */
export const Call = Schema.Struct({
  payment_id: Schema.String,
  gateway: Schema.String,
  attempt: Schema.String,
  operation: AnyOperation,
  ...MoneyFields,
  /** Charges: take the money at once, or only authorize. */
  capture: Schema.optionalKey(Schema.Boolean),
  /** Captures: nothing more will be captured. */
  final: Schema.optionalKey(Schema.Boolean),
  token: Schema.optionalKey(Schema.String),
  /** Charges by Pix. */
  pix: Schema.optionalKey(TakenPixTerms),
  charge_id: Schema.optionalKey(Schema.String),
  reference: Schema.optionalKey(Schema.String),
  first_sent_at: FirstSent,
  /** Evidence. */
  dispute_id: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(
    Schema.Struct({ text: Schema.String, documents: Schema.Array(Schema.String) })
  ),
  /**
   * Another gateway may be charged instead, once this one is known not to have been. A repeated
   * delivery must then never send by itself: the money may be moving elsewhere by now.
   */
  alternatives: Schema.optionalKey(Schema.Boolean)
})

/** Asks what became of an attempt. Changes nothing at the gateway. */
export const Inquire = Schema.Struct({
  payment_id: Schema.String,
  gateway: Schema.String,
  attempt: Schema.String,
  operation: AskedOperation,
  ...MoneyFields,
  charge_id: Schema.optionalKey(Schema.String),
  dispute_id: Schema.optionalKey(Schema.String),
  /** A refund that was made at the gateway itself: its name there. */
  refund_id: Schema.optionalKey(Schema.String),
  /** Payouts: where to. */
  token: Schema.optionalKey(Schema.String),
  /** Since when it may be at the gateway (milliseconds): "knows nothing" is final only after the gateway's finality window. */
  sent_at: Schema.Finite,
  first_sent_at: FirstSent
})

export const Outcome = Schema.TaggedUnion({
  /** The operation took effect: authorized or captured (charge), captured, voided, refunded. */
  Approved: {
    charge_id: Schema.String,
    captured: Schema.Boolean,
    amount: InternalAmount,
    /** Charges: what was paid beside it under the same name, each by the gateway's own. */
    others: Schema.optionalKey(
      Schema.Array(Schema.Struct({ charge_id: Schema.String, amount: InternalAmount }))
    ),
    /** Until when the gateway keeps the authorization (milliseconds), where it says so. */
    authorized_until: Schema.optionalKey(Schema.Finite)
  },
  RequiresAction: {
    charge_id: Schema.String,
    url: Schema.String,
    expires_at: Schema.String,
    /** Pix: what the payer reads with the bank's app. */
    br_code: Schema.optionalKey(Schema.String)
  },
  Declined: {
    code: Schema.String,
    detail: Schema.String,
    soft: Schema.Boolean,
    charge_id: Schema.optionalKey(Schema.String)
  },
  /** How a dispute stands: the answer to an inquiry about one. */
  Disputed: {
    dispute_id: Schema.String,
    amount: InternalAmount,
    currency: Schema.String,
    /** What the gateway charges for it so far, where that is of the same currency. */
    fee: InternalAmount,
    reason: Schema.optionalKey(Schema.String),
    evidence_due_by: Schema.optionalKey(Schema.String),
    /** A warning is a question of the payer's bank: no money was taken back. */
    status: Schema.Literals(["warning", "needs_response", "under_review", "won", "lost"])
  },
  /** Refused before anything was processed: no money can have moved. */
  NotProcessed: { code: Schema.String, detail: Schema.String },
  /** Not even tried: the destination is full or its breaker is open. Ask again later. */
  Deferred: { detail: Schema.String },
  /**
   * A repeated delivery of a call that has alternatives: the gateway knows nothing of the attempt and
   * nothing was sent. Only payments knows whether it may still go out.
   */
  Withheld: { detail: Schema.String },
  /** Bytes left and no usable answer came; or an inquiry that is not final yet. */
  Unknown: {
    detail: Schema.String,
    /** The gateway has it, and how it ends takes hours or days. */
    underway: Schema.optionalKey(Schema.Boolean)
  },
  /** An inquiry found nothing and the finality window is over: the attempt never arrived. */
  NotFound: { detail: Schema.String }
})
export type Outcome = typeof Outcome.Type

/** The answer, in the payments mailbox. */
export const Answered = Schema.Struct({
  payment_id: Schema.String,
  gateway: Schema.String,
  attempt: Schema.String,
  operation: AskedOperation,
  /** True when it answers an inquiry. */
  inquiry: Schema.Boolean,
  outcome: Outcome,
  /** Milliseconds the gateway took. */
  took_millis: Schema.Finite
})

/** A gateway's webhook, as the edge read it. Only the edge may publish it. */
export const Notified = Schema.Struct({
  payment_id: PaymentId,
  attempt: Text(255),
  gateway: Text(32),
  says: Schema.Literals(["made", "not_made", "pending"]),
  /** The gateway's own name of a refund, which may have been made there by somebody. */
  refund_id: Schema.optionalKey(Text(255)),
  /** By the gateway's name, where one charge may be paid more than once. */
  charge_id: Schema.optionalKey(Text(255))
})

/** A gateway's webhook about a payout: a reason to ask. */
export const PayoutNotified = Schema.Struct({
  balance: Schema.String,
  payout_id: PayoutId,
  gateway: Text(32)
})

/** A gateway's webhook about a dispute. It says which one and no more: the gateway is asked about it. */
export const DisputeNotified = Schema.Struct({
  payment_id: PaymentId,
  dispute_id: DisputeId,
  gateway: Text(32)
})

export const GatewayMessages = { call: Call, inquire: Inquire }
