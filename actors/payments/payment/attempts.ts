import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { Operation } from "../../../streams/messages/gateway.ts"
import { AttemptStatus } from "../../../streams/resources/payment.ts"
import { Contradicted, Question } from "./doubts.ts"

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
  /** A void of an authorization that is none of the payment's: only its payer's hold hangs on it. */
  stray: Schema.optionalKey(Schema.Boolean),
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

/** The attempt awaits no further answer. */
export const isDefinitive = (status: Attempt["status"]): boolean =>
  status === "approved" || status === "declined" || status === "not_processed" || status === "lost"

interface Attempts {
  readonly attempts: ReadonlyArray<Attempt>
  readonly past?: Readonly<Record<string, number>>
}

/** What is numbered by itself: no command is carried out by a void of what is none of the payment's. */
type Kind = Attempt["operation"] | "stray_void"

export const kindOf = ({ operation, stray }: Attempt): Kind =>
  stray === true ? "stray_void" : operation

/** Attempts of one kind are numbered: the next has this number. */
export const nextNumber = ({ attempts, past }: Attempts, kind: Kind): number =>
  (past?.[kind] ?? 0) + attempts.filter((attempt) => kindOf(attempt) === kind).length + 1

/** The charge whose payer has not acted, or of which nobody knows: nothing is booked for it yet. */
export const openCharge = ({ attempts }: Attempts): Attempt | undefined =>
  attempts.find(({ operation, status }) => operation === "charge" && !isDefinitive(status))

/** Of a void that came too late for its charge, whose money goes back instead. */
export const PAID_FIRST = "paid_first"

/** What is done to an authorization, one after the other. */
const ONE_AT_A_TIME: ReadonlySet<Attempt["operation"]> = new Set(["increment", "capture", "void"])

/** An operation whose outcome is still open; a second one has to wait for it. */
export const operationUnderWay = ({ attempts }: Attempts): Attempt | undefined =>
  attempts.find(({ operation, status, stray }) =>
    ONE_AT_A_TIME.has(operation) && stray !== true && !isDefinitive(status)
  )

/** A payment that was charged stays with its gateway; a charge that may go on to another names its own. */
export const gatewayOf = (payment: { readonly gateway: string }, attempt: Attempt): string =>
  attempt.gateway ?? payment.gateway
