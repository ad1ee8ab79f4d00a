import { Effect, Schema } from "effect"
import { findPayment, merchantOfPayment, openReviews } from "../../../actors/payments/read.ts"
import { resourceOf } from "../../../actors/payments/payment/resource.ts"
import { ReviewFields } from "../../../streams/messages/payments.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { read } from "../reading.ts"
import { type Asked, MerchantQuery, ok, type Route } from "../route.ts"
import { Database } from "../../store/database.ts"
import { assertPaymentId, notFound } from "./payments.ts"

const REVIEWS_MAX = 200

const list = Effect.map(
  read("edge.reviews", (db) => openReviews(db, REVIEWS_MAX)),
  (reviews) =>
    ok({
      data: reviews.map(({ openedMillis, payment }) => ({
        payment_id: payment.id,
        merchant: payment.merchant,
        amount: Number(payment.amount),
        currency: payment.currency,
        score: payment.risk?.score,
        reasons: payment.risk?.reasons ?? [],
        opened_at: new Date(openedMillis).toISOString()
      }))
    })
)

const decide = Effect.fnUntraced(function* (asked: Asked) {
  const key = yield* idempotencyKeyOf(asked)
  const id = asked.path["payment_id"]!
  yield* assertPaymentId(id)
  const database = yield* Database
  const merchant = yield* read("edge.merchant", (db) => merchantOfPayment(db, id))
  const named = asked.query["merchant"] ?? merchant
  if (merchant === undefined || named !== merchant) return yield* notFound(id)
  return yield* perform(asked, {
    family: "payments",
    type: "review",
    merchant,
    about: id,
    body: {
      ...(asked.json as object),
      command_id: key,
      payment_id: id,
      by: asked.caller.name
    },
    current: database.query("edge.payment", (db) => findPayment(db, merchant, id)).pipe(
      Effect.map((found) => found && resourceOf(found)),
      Effect.orElseSucceed(() => undefined)
    )
  })
})

export const reviewRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/fraud/reviews",
    summary: "Payments held for a person, the oldest first",
    audience: "operator",
    scope: "reviews:decide",
    answers: { 200: "The queue" },
    handle: () => list
  },
  {
    method: "POST",
    path: "/v1/fraud/reviews/{payment_id}",
    summary: "Let a held payment go on, or reject it",
    audience: "operator",
    scope: "reviews:decide",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(ReviewFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: { 201: "The outcome", 202: "Taken", 404: "No such payment", 409: "Not in review" },
    handle: decide
  }
]
