import { Schema } from "effect"
import { mayPass } from "../../actors/payments/refused.ts"
import { accessProblems } from "./problems/access.ts"
import { type ProblemKind, titles } from "./problems/kind.ts"
import { gatewayProblems } from "./problems/gateway.ts"
import { placeProblems } from "./problems/places.ts"
import { refusalProblems } from "./problems/refusals.ts"
import { requestProblems } from "./problems/requests.ts"

/** Every kind of problem that a caller may be told. */
const kinds = {
  ...accessProblems,
  ...requestProblems,
  ...placeProblems,
  ...refusalProblems,
  ...gatewayProblems
}
export type ProblemCode = keyof typeof kinds
export const problemKinds: Readonly<Record<ProblemCode, ProblemKind>> = kinds
export const problemCodes = Object.keys(kinds).sort() as ReadonlyArray<ProblemCode>

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(kinds, code)

const FieldError = Schema.Struct({
  /** JSON Pointer into the body or the query. */
  pointer: Schema.String,
  detail: Schema.String
})
export type FieldError = typeof FieldError.Type

/** A "no" for the caller. `code` is what programs compare. */
export class Problem extends Schema.TaggedError<Problem>()("Problem", {
  status: Schema.Int,
  code: Schema.String,
  detail: Schema.String,
  errors: Schema.optionalKey(Schema.Array(FieldError)),
  retryAfterSeconds: Schema.optionalKey(Schema.Finite),
  /** What a caller would need to be allowed it. */
  scope: Schema.optionalKey(Schema.String),
  /** The answer to a repeat under the same idempotency key. */
  replayed: Schema.optionalKey(Schema.Boolean)
}) {}

interface ProblemMore {
  readonly errors?: ReadonlyArray<FieldError>
  readonly retryAfterSeconds?: number
  readonly scope?: string
  readonly replayed?: boolean
}

export const problem = (code: ProblemCode, detail: string, more: ProblemMore = {}): Problem =>
  new Problem({ status: problemKinds[code].status, code, detail, ...more })

/** An outage is transient and private: the caller learns that trying again is right, no more. */
export const unavailable = (detail: string, retryAfterSeconds = 2): Problem =>
  problem("unavailable", detail, { retryAfterSeconds })

/** The same request again, as it is, is right. */
export const isRetryable = (status: number, code: string): boolean =>
  status === 503 || status === 429 || mayPass(code)

/** RFC 9457's body. */
export const ProblemBody = Schema.Struct({
  type: Schema.String.annotate({
    description: "Where it is explained, from this API's address on."
  }),
  title: Schema.String,
  status: Schema.Int,
  detail: Schema.String,
  instance: Schema.String.annotate({ description: "The request's number." }),
  code: Schema.String.annotate({ description: "What programs compare." }),
  errors: Schema.optionalKey(Schema.Array(FieldError)),
  scope: Schema.optionalKey(
    Schema.String.annotate({ description: "The scope that the caller lacks." })
  ),
  retryable: Schema.Boolean.annotate({
    description: "The same request again, as it is, is right."
  })
}).annotate({ identifier: "Problem" })

/** Refusals of an earlier release may have codes that no page is left for. */
const problemAddress = (code: string): string =>
  isProblemCode(code) ? `/docs/errors/${code}` : "/docs/errors"

export const problemBody = (
  { code, detail, errors, scope, status }: Problem,
  requestId: string
): typeof ProblemBody.Type => ({
  type: problemAddress(code),
  title: titles[status as keyof typeof titles] ?? "Error",
  status,
  detail,
  instance: requestId,
  code,
  ...(errors && { errors }),
  ...(scope !== undefined && { scope }),
  retryable: isRetryable(status, code)
})

/** An actor's refusal, as a caller is told it. */
export interface Refused {
  readonly code: string
  readonly detail: string
  readonly pointer?: string
}

/** A refusal that only an earlier release made is not possible as it is asked, either. */
const UNLISTED_STATUS = 422

export const refusalProblem = (
  { code, detail, pointer }: Refused,
  replayed = false
): Problem =>
  new Problem({
    status: isProblemCode(code) ? problemKinds[code].status : UNLISTED_STATUS,
    code,
    detail,
    ...(pointer !== undefined && { errors: [{ pointer, detail }] }),
    ...(replayed && { replayed })
  })
