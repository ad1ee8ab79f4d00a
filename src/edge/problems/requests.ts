import type { ProblemKind } from "./kind.ts"

const PAYMENT = `POST /v1/payments
Idempotency-Key: order-1001
Content-Type: application/json

{"amount": 10000, "currency": "BRL", "payment_method": {"type": "card", "token": "tok_approved"}}`

/** What any request may be told, before anybody looks at what it is about. */
export const requestProblems = {
  not_authenticated: {
    status: 401,
    means: "The request carries no key, or one that is not known, was revoked or has expired.",
    mends: "Send a key that is valid in `Authorization`. Who runs the house makes keys.",
    request: "GET /v1/payments\nAuthorization: Bearer sk_…"
  },
  not_allowed: {
    status: 403,
    means:
      "The key is known, and may not do this: it is a merchant's where an operator's is needed " +
      "or the other way round, it names another merchant, or a page of another site asked.",
    mends: "Use a key that may, or leave out what only others may name."
  },
  request_refused: {
    status: 403,
    means:
      "Requests from this address, or of this program, are not let in, whatever key they carry.",
    mends: "Ask from an address that is let in. Who runs the house says which those are."
  },
  headers_too_large: {
    status: 431,
    means: "The request has more headers, or longer ones, than any needs.",
    mends: "Leave out what is not meant for this API; cookies are not."
  },
  route_not_found: {
    status: 404,
    means: "There is no such address.",
    mends:
      "Compare it with the list of operations: a path is case-sensitive and ends without a slash.",
    request: "GET /openapi.json"
  },
  method_not_allowed: {
    status: 405,
    means: "The address is there, and takes other methods.",
    mends: "Use one of those that the `Allow` header names."
  },
  not_acceptable: {
    status: 406,
    means: "`Accept` names no form in which this can be answered.",
    mends: "Accept JSON, or one of the forms that the operation lists.",
    request: "GET /v1/payments\nAccept: application/json"
  },
  too_slow: {
    status: 408,
    means: "The body did not arrive in time, so nothing was done.",
    mends: "Send the whole request again, faster, with the same Idempotency-Key."
  },
  too_large: {
    status: 413,
    means: "The body is larger than this operation takes.",
    mends: "Send less at once; a settlement file may be sent day by day."
  },
  unsupported_media_type: {
    status: 415,
    means: "The body is of a type, or in an encoding, that the operation does not take.",
    mends: "Say what the body is, and send it unencoded.",
    request: PAYMENT
  },
  unreadable_body: {
    status: 400,
    means: "The body is not UTF-8 text.",
    mends: "Send it as UTF-8."
  },
  not_json: {
    status: 400,
    means: "The body is not JSON.",
    mends: "Send one JSON object.",
    request: PAYMENT
  },
  too_deep: {
    status: 400,
    means: "The body is nested deeper than any that is meant seriously.",
    mends: "Send it flat, as the operation describes it."
  },
  unknown_parameter: {
    status: 400,
    means:
      "The query has a parameter that the operation does not know. It is refused rather than " +
      "left aside, because a filter that is misspelt would show everything.",
    mends: "Leave it out, or spell it as the operation does.",
    request: "GET /v1/payments?status=captured&limit=20"
  },
  repeated_parameter: {
    status: 400,
    means: "A parameter stands twice in the query.",
    mends: "Send it once."
  },
  merchant_needed: {
    status: 400,
    means: "An operator's key belongs to no merchant, and this is about one.",
    mends: "Say whose data is meant.",
    request: "GET /v1/payments?merchant=acme"
  },
  invalid_cursor: {
    status: 400,
    means: "The cursor is not one that this list gave, to this merchant, with these filters.",
    mends: "Begin without a cursor, and hand on `next_cursor` as it came, with the same filters.",
    request: "GET /v1/payments?limit=20"
  },
  idempotency_key_missing: {
    status: 400,
    means: "What moves money is sent with a key by which a repeat is known. There was none.",
    mends: "Send an `Idempotency-Key` that is new for each intent, and the same for its repeats.",
    request: PAYMENT
  },
  idempotency_key_invalid: {
    status: 400,
    means: "The `Idempotency-Key` is none, or holds a card's number.",
    mends: "Send 1 to 255 printable characters; an order's number or a UUID does well.",
    request: PAYMENT
  },
  idempotency_key_reused: {
    status: 422,
    means: "Another body came under this `Idempotency-Key` before, and that one counts.",
    mends: "Send the first body again for its outcome, or a new key for a new intent.",
    request: PAYMENT
  },
  invalid: {
    status: 422,
    means:
      "A member of the body, or a parameter, is not what it has to be. `errors` says which: each " +
      "`pointer` is a JSON Pointer into the body, or the parameter's name.",
    mends: "Mend what `errors` names, and send it again with the same Idempotency-Key.",
    request: PAYMENT
  },
  invalid_period: {
    status: 422,
    means: "`to` is not later than `from`.",
    mends: "Name a period that begins before it ends; `from` belongs to it, `to` does not.",
    request: "GET /v1/payments?from=2026-11-01T00:00:00Z&to=2026-12-01T00:00:00Z"
  },
  in_the_future: {
    status: 422,
    means: "The moment has not come yet, and what has not happened cannot be told.",
    mends: "Name a moment that is over, or leave it out for now."
  },
  precondition_failed: {
    status: 412,
    means: "`If-Match` names a version that it has no more: somebody changed it meanwhile.",
    mends: "Read it again, look whether you still want this, and send its new `ETag`.",
    request: "GET /v1/payments/pay_…"
  },
  rate_limited: {
    status: 429,
    means: "The key asks more often than it may. `RateLimit` says what is left.",
    mends: "Wait for as long as `Retry-After` says, and ask again; then more slowly."
  },
  too_many_streams: {
    status: 429,
    means: "The key holds as many live streams of events as it may.",
    mends: "Close one that nobody reads: one stream carries all events of a merchant."
  },
  internal: {
    status: 500,
    means: "A mistake of ours. It was noted under the request's number (`instance`).",
    mends: "Ask again with the same Idempotency-Key; if it stays, tell us the number."
  },
  unavailable: {
    status: 503,
    means: "Something that is needed does not answer now. What was asked may have been taken.",
    mends:
      "Send the same again, with the same Idempotency-Key, after `Retry-After`: it takes effect once."
  }
} satisfies Record<string, ProblemKind>
