import type { ProblemCode } from "./problem.ts"
import type { Route } from "./route.ts"

const every: ReadonlyArray<ProblemCode> = [
  "request_refused",
  "headers_too_large",
  "unknown_parameter",
  "repeated_parameter",
  "not_acceptable",
  "internal",
  "unavailable"
]
const keyed: ReadonlyArray<ProblemCode> = [
  "not_authenticated",
  "not_allowed",
  "insufficient_scope",
  "address_not_allowed",
  "csrf_token_wrong",
  "token_refused",
  "rate_limited"
]
const withContent: ReadonlyArray<ProblemCode> = [
  "unreadable_body",
  "too_slow",
  "too_large",
  "unsupported_media_type"
]
const withJson: ReadonlyArray<ProblemCode> = ["not_json", "too_deep", "invalid"]
const named: ReadonlyArray<ProblemCode> = [
  "idempotency_key_missing",
  "idempotency_key_invalid",
  "idempotency_key_reused",
  "precondition_failed"
]

/** Every code that a route may answer with: what it says itself, and what comes with its kind. */
export const problemsOf = (route: Route): ReadonlyArray<ProblemCode> => {
  const asks = (...names: ReadonlyArray<string>) =>
    names.some((name) => Object.hasOwn(route.query ?? {}, name))
  return [
    ...new Set<ProblemCode>([
      ...every,
      ...route.audience === "public" ? [] : keyed,
      ...route.method === "POST" ? withContent : [],
      ...route.body === undefined ? [] : withJson,
      ...route.query === undefined ? [] : ["invalid" as const],
      ...route.audience === "merchant" || asks("merchant") ? ["merchant_needed" as const] : [],
      ...asks("cursor", "after") ? ["invalid_cursor" as const] : [],
      ...asks("from") ? ["invalid_period" as const] : [],
      ...asks("as_of") ? ["in_the_future" as const] : [],
      ...route.idempotent === true ? named : [],
      ...route.problems ?? []
    ])
  ].sort()
}
