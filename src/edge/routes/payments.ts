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
import { PaymentResource } from "../../../streams/resources/payment.ts"
import { PaymentId, paymentIdOf } from "../../domain/identifiers.ts"
import { Database } from "../../store/database.ts"
import { wasAskedFor } from "../../store/idempotency.ts"
import { idempotencyKeyOf, type Intent, perform } from "../command.ts"
import { assertMatch, etagOf, isUnchanged } from "../conditions.ts"
import { type Problem, problem } from "../problem.ts"
import { paymentRefusals, refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import { assertNamedTaken, assertNotRefused, CommandQuery } from "../refusals.ts"
import { type Asked, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { commandAnswers, json, page } from "../shape.ts"
import { aboutQuery, amountQuery, paymentQuestionOf, periodQuery } from "../search.ts"
import { listed, pageQuery } from "../shelf.ts"

const ID_CHARACTERS_SHOWN = 60

export const notFound = (id: string) =>
  problem("payment_not_found", `there is no payment ${id.slice(0, ID_CHARACTERS_SHOWN)}`)

const isPaymentId = Schema.is(PaymentId)

const answers = commandAnswers(
  PaymentResource,
  "The outcome, with `Prefer: wait=…`; a decline is an outcome, too."
)

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

const CreatePayment = Schema.Struct(CreateFields).annotate({ identifier: "CreatePayment" })

/** A struct without fields would take anything: text, numbers, unknown members. */
export const Nothing = Schema.Record(Schema.String, Schema.Never)

export const paymentRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/payments",
    summary: "Make a payment",
    operationId: "createPayment",
    tag: "Payments",
    audience: "merchant",
    scope: "payments:write",
    body: CreatePayment,
    idempotent: true,
    answers,
    problems: refusalsOf("create"),
    handle: create
  },
  {
    method: "GET",
    path: "/v1/payments",
    summary: "List or search payments, newest first",
    operationId: "listPayments",
    tag: "Payments",
    audience: "merchant",
    scope: "payments:read",
    query: {
      ...pageQuery,
      ...aboutQuery,
      ...periodQuery,
      ...amountQuery,
      status: { schema: Status, about: "Only payments in this state." }
    },
    answers: { 200: page("A page of payments", PaymentResource) },
    handle: listed({ name: "payment", shown: resourceOf }, listPayments, "pay", {
      questionOf: paymentQuestionOf
    })
  },
  {
    method: "GET",
    path: "/v1/payments/{id}",
    summary: "A payment as it is now",
    operationId: "getPayment",
    tag: "Payments",
    audience: "merchant",
    scope: "payments:read",
    query: { merchant: MerchantQuery, command: CommandQuery },
    answers: {
      200: json("The payment", PaymentResource),
      304: { about: "Not changed since the ETag of `If-None-Match`" }
    },
    problems: ["precondition_failed", ...paymentRefusals],
    handle: get
  },
  ...([
    [
      "capture",
      "capturePayment",
      "payments:write",
      "/v1/payments/{id}/capture",
      "Capture an authorized payment, or a part",
      Schema.Struct(CaptureFields)
    ],
    [
      "increment",
      "incrementPayment",
      "payments:write",
      "/v1/payments/{id}/increment",
      "Authorize more than was asked for at first",
      Schema.Struct(IncrementFields)
    ],
    [
      "void",
      "voidPayment",
      "payments:write",
      "/v1/payments/{id}/void",
      "Give a payment up, or back what is authorized",
      Nothing
    ],
    [
      "refund",
      "refundPayment",
      "refunds:write",
      "/v1/payments/{id}/refunds",
      "Refund a captured payment, or a part",
      Schema.Struct(RefundFields)
    ]
  ] as const).map(([type, operationId, scope, path, summary, body]): Route => ({
    method: "POST",
    path,
    summary,
    operationId,
    tag: "Payments",
    audience: "merchant",
    scope,
    body,
    idempotent: true,
    answers,
    problems: refusalsOf(type),
    handle: onPayment(type)
  }))
]
