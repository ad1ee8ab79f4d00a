import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { BigAmount } from "../../src/domain/money.ts"
import { FeeBearer, FeeSchedule, FeeTerms } from "../../streams/messages/fees.ts"
import { Risk } from "../../streams/messages/fraud.ts"
import { FxTerms } from "../../streams/messages/fx.ts"
import { Operation } from "../../streams/messages/gateway.ts"
import {
  CaptureMode,
  Customer,
  Device,
  Split,
  TakenMethod
} from "../../streams/messages/payments.ts"
import { PayoutRules } from "../../streams/messages/payouts.ts"
import { GatewayName, Health, Routing } from "../../streams/messages/routing.ts"
import {
  AttemptStatus,
  DisputeStatus,
  PaymentStatus,
  RefundStatus
} from "../../streams/resources/payment.ts"
import type { Balance } from "./wallet/balance.ts"
import type { Conversion } from "./exchange/conversion.ts"
import { Credit, CreditBack, LegCredit } from "./payment/credit.ts"
import type { Merchant } from "./wallet/merchant.ts"
import type { Past } from "./payment/past.ts"
import type { Payout } from "./wallet/payout.ts"
import type { Quote } from "./exchange/quote.ts"
import type { Refused } from "./refused.ts"
import { SeenCommand } from "./seenCommand.ts"
import { Stray } from "./payment/stray.ts"
import type { Transfer } from "./wallet/transfer.ts"

export const Status = PaymentStatus
export type Status = typeof Status.Type

/**
 * The whole life of a payment, one line per move: from, why, to. `docs/payments.md` shows this table.
 * `received` is the command itself: what is stored has been sent to screening in the same turn.
 * Refunded and disputed are amounts, not states. `unknown` is left only by asking the gateway.
 */
export const moves: ReadonlyArray<readonly [from: Status, why: string, to: Status]> = [
  ["screening", "the score allows it", "processing"],
  ["screening", "the score asks for a person", "in_review"],
  ["screening", "the score denies it", "rejected"],
  ["screening", "the merchant gives it up", "voided"],
  ["in_review", "a person approves", "processing"],
  ["in_review", "a person rejects", "rejected"],
  ["in_review", "the merchant gives it up", "voided"],
  ["processing", "the gateway wants the payer to act", "requires_action"],
  ["processing", "the gateway approves, capture is manual", "authorized"],
  ["processing", "the gateway approves and takes the money", "captured"],
  ["processing", "the gateway declines or never got it", "failed"],
  ["processing", "the gateway does not answer", "unknown"],
  ["requires_action", "the payer acted, capture is manual", "authorized"],
  ["requires_action", "the payer acted and the money is taken", "captured"],
  ["requires_action", "the payer refused or let it pass", "failed"],
  ["requires_action", "the merchant gives it up before the payer acted", "voided"],
  ["requires_action", "the gateway does not answer", "unknown"],
  ["requires_action", "a soft decline, and another gateway is asked", "processing"],
  ["unknown", "the inquiry finds a soft decline, and another gateway is asked", "processing"],
  ["unknown", "the merchant gives it up, and the gateway takes it back", "voided"],
  ["unknown", "the inquiry finds a payer who has to act", "requires_action"],
  ["unknown", "the inquiry finds an authorization", "authorized"],
  ["unknown", "the inquiry finds the money taken", "captured"],
  ["unknown", "the inquiry finds a refusal, or nothing for good", "failed"],
  ["authorized", "a part is captured", "partially_captured"],
  ["authorized", "all is captured, or the capture is final", "captured"],
  ["authorized", "the merchant gives it back", "voided"],
  ["authorized", "it runs out", "expired"],
  ["partially_captured", "the rest is captured, given back or runs out", "captured"]
]

/** Where each state can lead. */
export const transitions = Object.fromEntries(
  Status.literals.map((from) => [
    from,
    moves.filter(([start]) => start === from).map(([, , to]) => to)
  ])
) as unknown as Readonly<Record<Status, ReadonlyArray<Status>>>

type AttemptStatus = typeof AttemptStatus.Type

const Contradicted = Schema.Struct({
  /** The gateway's word is another than `status` now. What of it moved stands in suspense by this name. */
  contradicted: Schema.optionalKey(Schema.Struct({ name: Schema.String, amount: BigAmount })),
  /** How often the gateway took its word back. */
  turns: Schema.optionalKey(Schema.Int)
})

/** The gateway is asked how something stands that it spoke of before. One inquiry is under way at a time. */
const Question = Schema.Struct({
  /** Since when it is asked: from here the gateway's finality window counts. */
  since: Schema.Finite,
  /** Waits so far; the next is longer. */
  tries: Schema.Int,
  /** Something happened since it was asked: the answer may be old already. */
  again: Schema.optionalKey(Schema.Boolean)
})

/** One intent at the gateway under one idempotency key, however often it is sent or asked about. */
export const Attempt = Schema.Struct({
  key: Schema.String,
  operation: Operation,
  amount: BigAmount,
  status: AttemptStatus,
  /** Only where another gateway may follow: otherwise it is the payment's. */
  gateway: Schema.optionalKey(Schema.String),
  /** Why this gateway and no other. */
  reason: Schema.optionalKey(Schema.String),
  code: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  charge_id: Schema.optionalKey(Schema.String),
  sent_at: Schema.Finite,
  /** Where it was sent again since. */
  first_sent_at: Schema.optionalKey(Schema.Finite),
  answered_at: Schema.optionalKey(Schema.Finite),
  took_millis: Schema.optionalKey(Schema.Finite),
  /** Waits so far; the next is longer. */
  tries: Schema.Int,
  /** When the awaited timer is due; any other wake is a no-op. */
  wake_at: Schema.optionalKey(Schema.Finite),
  /** Since when bytes may be at the gateway without an answer: its finality window starts here. */
  unknown_since: Schema.optionalKey(Schema.Finite),
  /** A capture after which nothing more is captured. */
  final: Schema.optionalKey(Schema.Boolean),
  /** A void that nobody asked for: the authorization ran out. */
  expiry: Schema.optionalKey(Schema.Boolean),
  /** Which dispute evidence is for. */
  dispute: Schema.optionalKey(Schema.String),
  /** What the gateway told of it while the call awaited its own answer, which may be older. */
  heard: Schema.optionalKey(Schema.Literals(["made", "not_made"])),
  /** The gateway said how it ended, and spoke of it again since. */
  question: Schema.optionalKey(Question),
  ...Contradicted.fields,
  /** A refund that nobody asked for, by the gateway's own name. */
  refund_id: Schema.optionalKey(Schema.String)
})
export type Attempt = typeof Attempt.Type

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

const Evidence = Schema.Struct({
  text: Schema.String,
  documents: Schema.Array(Schema.String),
  submitted_at: Schema.Finite
})

/** The payer's bank took its money back. `id` is the gateway's own name for it. */
export const Dispute = Schema.Struct({
  id: Schema.String,
  amount: BigAmount,
  fee: BigAmount,
  status: DisputeStatus,
  reason: Schema.optionalKey(Schema.String),
  evidence_due_by: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(Evidence),
  /** What counts again where the gateway does not take the evidence that is on its way. */
  evidence_before: Schema.optionalKey(Evidence),
  /** What each leg has to give for it, in the order of the payment's legs. */
  legs: Schema.Array(BigAmount),
  credit: Schema.optionalKey(CreditBack),
  opened_at: Schema.Finite,
  closed_at: Schema.optionalKey(Schema.Finite),
  /** The gateway itself told of it, and takes evidence. Left out: somebody wrote it down here. */
  told: Schema.optionalKey(Schema.Boolean),
  ...Contradicted.fields
})
export type Dispute = typeof Dispute.Type

export const isDisputeOpen = ({ status }: Dispute): boolean =>
  status === "needs_response" || status === "under_review"

/** The gateway was asked how a dispute stands, and has not said yet. */
export const DisputeQuestion = Schema.Struct({
  ...Question.fields,
  dispute: Schema.String,
  /** When it is asked again; left out while the answer is awaited. */
  wake_at: Schema.optionalKey(Schema.Finite)
})
export type DisputeQuestion = typeof DisputeQuestion.Type

/** Somebody waits for the outcome of the charge or of one attempt. */
const Waiter = Schema.Struct({
  to: Schema.String,
  attempt: Schema.optionalKey(Schema.String)
})

export const Payment = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  status: Status,
  version: Schema.Int,
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
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
  gateway: Schema.String,
  /** A void was asked for while something was under way: it is made, or what was charged undone, then. */
  void_requested: Schema.optionalKey(Schema.Boolean),
  /** The terms at creation: a later change of fees concerns later payments. */
  fee_terms: FeeTerms,
  amount_authorized: BigAmount,
  amount_captured: BigAmount,
  /** Confirmed by the gateway. Those asked for are in `refunds`. */
  amount_refunded: BigAmount,
  /** Captured money that the gateway paid, and the captures and refunds that it settled. */
  amount_settled: Schema.optionalKey(BigAmount),
  settlements: Schema.optionalKey(Schema.Array(Schema.String)),
  charge_id: Schema.optionalKey(Schema.String),
  /** When the authorization runs out: the timer that is awaited. */
  expires_at: Schema.optionalKey(Schema.Finite),
  legs: Schema.Array(Leg),
  risk: Schema.optionalKey(Risk),
  scored_at: Schema.optionalKey(Schema.Finite),
  next_action: Schema.optionalKey(
    Schema.Struct({
      url: Schema.String,
      expires_at: Schema.String,
      br_code: Schema.optionalKey(Schema.String)
    })
  ),
  failure: Schema.optionalKey(Schema.Struct({ code: Schema.String, detail: Schema.String })),
  attempts: Schema.Array(Attempt),
  refunds: Schema.Array(Refund),
  disputes: Schema.optionalKey(Schema.Array(Dispute)),
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
export type Payment = typeof Payment.Type

export const Terms = Schema.Struct({
  /** Where charges go when there is no routing. */
  gateway: GatewayName,
  fee: FeeTerms,
  /** Other prices, by merchant, method and currency. */
  fees: Schema.optionalKey(FeeSchedule),
  /** When money is paid out and what of it is kept back. By hand and nothing where left out. */
  payouts: Schema.optionalKey(PayoutRules),
  routing: Schema.optionalKey(Routing),
  health: Schema.optionalKey(Schema.Record(Schema.String, Health)),
  /** How long an authorization is kept where the gateway does not say. Seven days where left out. */
  authorization_seconds: Schema.optionalKey(Schema.Int),
  /** What currencies are worth in others. Nothing is converted where left out. */
  fx: Schema.optionalKey(FxTerms)
})
export type Terms = typeof Terms.Type

/** What this family keeps by key: payments, balances, what is done with them, and what was refused. */
export type State =
  | Payment
  | Balance
  | Payout
  | Transfer
  | Quote
  | Conversion
  | Merchant
  | Past
  | Refused

export const isPayment = (state: State): state is Payment => !("_tag" in state)

export const isBalance = (state: State): state is Balance =>
  "_tag" in state && state._tag === "Balance"

export const isPayout = (state: State): state is Payout =>
  "_tag" in state && state._tag === "Payout"

export const isTransfer = (state: State): state is Transfer =>
  "_tag" in state && state._tag === "Transfer"

export const isQuote = (state: State): state is Quote => "_tag" in state && state._tag === "Quote"

export const isConversion = (state: State): state is Conversion =>
  "_tag" in state && state._tag === "Conversion"

export const isMerchant = (state: State): state is Merchant =>
  "_tag" in state && state._tag === "Merchant"

export const isPast = (state: State): state is Past => "_tag" in state && state._tag === "Past"

export const isRefused = (state: State): state is Refused =>
  "_tag" in state && state._tag === "Refused"

/** 2.99 % of what is captured, through the simulator, until a configuration says otherwise. */
export const defaultTerms: Terms = {
  gateway: "simulator",
  fee: { percentage_basis_points: 299n, fixed: 0n },
  routing: {
    rules: [
      { name: "pix", methods: ["pix"], to: [{ gateway: "pix" }] },
      { name: "all", methods: ["card"], to: [{ gateway: "simulator" }] }
    ]
  }
}

export type RefusalCode =
  | "command_reused"
  | "payment_not_found"
  | "invalid_state"
  | "invalid_splits"
  | "operation_in_progress"
  | "amount_too_large"
  | "nothing_to_refund"
  | "not_in_review"
  | "dispute_not_found"
  | "dispute_reused"
  | "too_many_disputes"
  | "insufficient_funds"
  | "no_destination"
  | "below_minimum"
  | "same_wallet"
  | "payout_not_found"
  | "unknown_pair"
  | "quote_not_found"
  | "quote_expired"
  | "quote_used"
  | "quote_mismatch"
  | "conversion_not_found"
  | "already_reversed"
  | "too_many_commands"
  | "no_gateway"
  | "due_date_past"
  | "charge_not_found"

/** The attempt awaits no further answer. */
export const isDefinitive = (status: AttemptStatus): boolean =>
  status === "approved" || status === "declined" || status === "not_processed" || status === "lost"

/** Where a wait for the charge ends (docs/protocol.md §9). */
export const isOutcome = (status: Status): boolean =>
  status !== "screening" && status !== "processing"
