import { Schema } from "effect"
import type * as messaging from "../../actors/messaging/state.ts"
import { mayPass } from "../../actors/payments/refused.ts"
import type * as payments from "../../actors/payments/state.ts"
import type * as reconciliation from "../../actors/reconciliation/state.ts"
import type { MachineRefusal } from "../runtime/actor.ts"

export interface FieldError {
  /** JSON Pointer into the body or the query. */
  readonly pointer: string
  readonly detail: string
}

/** A "no" for the caller, as RFC 9457 tells it. `code` is what programs compare. */
export class Problem extends Schema.TaggedError<Problem>()("Problem", {
  status: Schema.Int,
  code: Schema.String,
  detail: Schema.String,
  errors: Schema.optionalKey(
    Schema.Array(Schema.Struct({ pointer: Schema.String, detail: Schema.String }))
  ),
  retryAfterSeconds: Schema.optionalKey(Schema.Finite),
  /** The answer to a repeat under the same idempotency key. */
  replayed: Schema.optionalKey(Schema.Boolean)
}) {}

const titles: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  408: "Request timeout",
  409: "Conflict",
  412: "Precondition failed",
  413: "Too large",
  415: "Unsupported media type",
  422: "Unprocessable",
  429: "Too many requests",
  500: "Internal error",
  503: "Unavailable"
}

export const problem = (
  status: number,
  code: string,
  detail: string,
  more: {
    readonly errors?: ReadonlyArray<FieldError>
    readonly retryAfterSeconds?: number
    readonly replayed?: boolean
  } = {}
): Problem => new Problem({ status, code, detail, ...more })

/** An outage is transient and private: the caller learns that trying again is right, no more. */
export const unavailable = (detail: string, retryAfterSeconds = 2): Problem =>
  problem(503, "unavailable", detail, { retryAfterSeconds })

export const problemBody = (one: Problem, requestId: string) => ({
  type: "/docs#errors",
  title: titles[one.status] ?? "Error",
  status: one.status,
  detail: one.detail,
  instance: requestId,
  code: one.code,
  ...(one.errors && { errors: one.errors }),
  retryable: one.status === 503 || one.status === 429 || mayPass(one.code)
})

/** An actor's refusal, as a caller is told it. */
export interface Refused {
  readonly code: string
  readonly detail: string
  readonly pointer?: string
}

/** What an actor, or the machine around it, refuses with. */
type RefusalCode =
  | payments.RefusalCode
  | messaging.RefusalCode
  | reconciliation.RefusalCode
  | MachineRefusal

/** HTTP's word for each refusal. What a gateway did not make (`capture_declined` …) is a 422, too. */
const statusByCode: Readonly<Record<RefusalCode, 404 | 409 | 422>> = {
  command_reused: 422,
  payment_not_found: 404,
  invalid_state: 409,
  invalid_splits: 422,
  operation_in_progress: 409,
  amount_too_large: 422,
  nothing_to_refund: 422,
  not_in_review: 409,
  charge_not_found: 404,
  dispute_not_found: 404,
  dispute_reused: 409,
  too_many_disputes: 422,
  insufficient_funds: 409,
  no_destination: 422,
  below_minimum: 422,
  same_wallet: 422,
  payout_not_found: 404,
  unknown_pair: 422,
  quote_not_found: 404,
  quote_expired: 409,
  quote_used: 409,
  quote_mismatch: 422,
  conversion_not_found: 404,
  already_reversed: 409,
  too_many_commands: 422,
  no_gateway: 422,
  due_date_past: 422,
  too_many_endpoints: 422,
  source_differs: 422,
  file_differs: 422,
  unreadable_file: 422,
  malformed: 422,
  failed: 422
}

const isListed = (code: string): code is RefusalCode => Object.hasOwn(statusByCode, code)

export const refusalProblem = (
  { code, detail, pointer }: Refused,
  replayed = false
) =>
  problem(isListed(code) ? statusByCode[code] : 422, code, detail, {
    ...(pointer !== undefined && { errors: [{ pointer, detail }] }),
    ...(replayed && { replayed })
  })
