import { Effect, Schema } from "effect"
import { findPayment, merchantOfPayment } from "../../../actors/payments/read.ts"
import { resourceOf } from "../../../actors/payments/payment/resource.ts"
import { listPayments } from "../../../actors/payments/search.ts"
import { isOutcome } from "../../../actors/payments/payment/moves.ts"
import { Status } from "../../../actors/payments/payment/state.ts"
import {
  CaptureFields,
  CreateFields,
  IncrementFields,
  RefundFields
} from "../../../streams/messages/payments.ts"
import { PaymentId, paymentIdOf } from "../../domain/identifiers.ts"
import { Database } from "../../store/database.ts"
import { wasAskedFor } from "../../store/idempotency.ts"
import { idempotencyKeyOf, type Intent, perform } from "../command.ts"
import { assertMatch, etagOf, isUnchanged } from "../conditions.ts"
import { type Problem, problem } from "../problem.ts"
import { read } from "../reading.ts"
import { assertNamedTaken, assertNotRefused, CommandQuery } from "../refusals.ts"
import { type Asked, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { aboutQuery, amountQuery, paymentQuestionOf, periodQuery } from "../search.ts"
import { listed, pageQuery } from "../shelf.ts"

const ID_CHARACTERS_SHOWN = 60

export const notFound = (id: string) =>
  problem("payment_not_found", `there is no payment ${id.slice(0, ID_CHARACTERS_SHOWN)}`)

const isPaymentId = Schema.is(PaymentId)

const outcomes = {
  201: "The outcome (with `Prefer: wait=…`); a decline is an outcome, too.",
  202: "Taken durably; `Location` says where the payment will be.",
  400: "No Idempotency-Key, or not JSON.",
  422: "Not valid, or the key was used with another body.",
  503: "Not taken: send it again with the same key."
}

/** The payment as PostgreSQL knows it, for waits and repeats; an outage there only means waiting on. */
export const current = (merchant: string, id: string) =>
  Effect.map(
    Database,
    (database) =>
      database.query("edge.payment", (db) => findPayment(db, merchant, id)).pipe(
        Effect.map((payment) => payment && resourceOf(payment)),
        Effect.orElseSucceed(() => undefined)
      )
  )

const isPaymentOutcome = (resource: unknown): boolean =>
  isOutcome((resource as { status: typeof Status.Type }).status)

const create = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const id = paymentIdOf(merchant, key)
  const intent: Intent = {
    family: "payments",
    type: "create",
    merchant,
    about: id,
    body: { ...(asked.json as object), command_id: key },
    current: yield* current(merchant, id),
    isOutcome: isPaymentOutcome
  }
  return yield* perform(asked, intent)
})

/** What cannot be an identifier is looked for nowhere: PostgreSQL refuses some of it (a NUL). */
export const assertPaymentId = (id: string): Effect.Effect<void, Problem> =>
  isPaymentId(id) ? Effect.void : Effect.fail(notFound(id))

/** Exists for this merchant, or was asked for and is on its way. */
export const assertKnown = Effect.fnUntraced(function* (merchant: string, id: string) {
  yield* assertPaymentId(id)
  const known = yield* read(
    "edge.payment",
    async (db) =>
      (await merchantOfPayment(db, id)) === merchant || await wasAskedFor(db, merchant, id)
  )
  if (!known) return yield* notFound(id)
})

const onPayment = (type: "capture" | "increment" | "void" | "refund") =>
  Effect.fnUntraced(function* (asked: Asked) {
    const merchant = yield* merchantOf(asked)
    const key = yield* idempotencyKeyOf(asked)
    const id = asked.path["id"]!
    yield* assertKnown(merchant, id)
    const intent: Intent = {
      family: "payments",
      type,
      merchant,
      about: id,
      body: { ...(asked.json as object), command_id: key, payment_id: id },
      current: yield* current(merchant, id)
    }
    return yield* perform(asked, intent)
  })

const get = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  yield* assertPaymentId(id)
  const payment = yield* read("edge.payment", (db) => findPayment(db, merchant, id))
  if (payment === undefined) {
    yield* assertNotRefused(merchant, { about: id, type: "create" })
    return yield* notFound(id)
  }
  yield* assertNamedTaken(asked, merchant, id)
  const etag = etagOf(payment)!
  yield* assertMatch(asked, etag)
  if (isUnchanged(asked, etag)) return { status: 304, headers: { etag } }
  return ok(resourceOf(payment), { etag })
})

/** A struct without fields would take anything: text, numbers, unknown members. */
const Nothing = Schema.Record(Schema.String, Schema.Never)

export const paymentRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/payments",
    summary: "Make a payment",
    audience: "merchant",
    scope: "payments:write",
    body: Schema.Struct(CreateFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      ...outcomes,
      404: "No such quote",
      409: "The quote was used, or its time is over."
    },
    handle: create
  },
  {
    method: "GET",
    path: "/v1/payments",
    summary: "List or search payments, newest first",
    audience: "merchant",
    scope: "payments:read",
    query: {
      ...pageQuery,
      ...aboutQuery,
      ...periodQuery,
      ...amountQuery,
      status: { schema: Status, about: "Only payments in this state." }
    },
    answers: { 200: "A page" },
    handle: listed({ name: "payment", shown: resourceOf }, listPayments, "pay", {
      questionOf: paymentQuestionOf
    })
  },
  {
    method: "GET",
    path: "/v1/payments/{id}",
    summary: "A payment as it is now",
    audience: "merchant",
    scope: "payments:read",
    query: { merchant: MerchantQuery, command: CommandQuery },
    answers: {
      200: "The payment",
      304: "Not changed since the ETag",
      404: "No such payment",
      409: "The request for it, or the command named, was refused.",
      422: "The request for it, or the command named, was refused."
    },
    handle: get
  },
  ...([
    [
      "capture",
      "payments:write",
      "/v1/payments/{id}/capture",
      "Capture an authorized payment, or a part",
      Schema.Struct(CaptureFields)
    ],
    [
      "increment",
      "payments:write",
      "/v1/payments/{id}/increment",
      "Authorize more than was asked for at first",
      Schema.Struct(IncrementFields)
    ],
    [
      "void",
      "payments:write",
      "/v1/payments/{id}/void",
      "Give a payment up, or back what is authorized",
      Nothing
    ],
    [
      "refund",
      "refunds:write",
      "/v1/payments/{id}/refunds",
      "Refund a captured payment, or a part",
      Schema.Struct(RefundFields)
    ]
  ] as const).map(([type, scope, path, summary, body]): Route => ({
    method: "POST",
    path,
    summary,
    audience: "merchant",
    scope,
    body: body as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: { ...outcomes, 404: "No such payment", 409: "Not possible in the payment's state" },
    handle: onPayment(type)
  }))
]
