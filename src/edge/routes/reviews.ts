import { Effect, Schema } from "effect"
import { findPayment, merchantOfPayment, openReviews } from "../../../actors/payments/read.ts"
import { resourceOf } from "../../../actors/payments/payment/resource.ts"
import { ReviewFields } from "../../../streams/messages/payments.ts"
import { PaymentResource } from "../../../streams/resources/payment.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import { type Asked, MerchantQuery, ok, type Route } from "../route.ts"
import { Review, reviewOf } from "../resources/review.ts"
import { commandAnswers, list } from "../shape.ts"
import { Database } from "../../store/database.ts"
import { assertPaymentId, notFound } from "./payments.ts"

const REVIEWS_MAX = 200

const queue = Effect.map(
  read("edge.reviews", (db) => openReviews(db, REVIEWS_MAX)),
  (reviews) =>
    ok({
      data: reviews.map(reviewOf)
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
    operationId: "listReviews",
    tag: "Reviews",
    audience: "operator",
    scope: "reviews:decide",
    answers: { 200: list("The queue", Review) },
    handle: () => queue
  },
  {
    method: "POST",
    path: "/v1/fraud/reviews/{payment_id}",
    summary: "Let a held payment go on, or reject it",
    operationId: "decideReview",
    tag: "Reviews",
    audience: "operator",
    scope: "reviews:decide",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(ReviewFields),
    idempotent: true,
    answers: commandAnswers(PaymentResource),
    problems: refusalsOf("review"),
    handle: decide
  }
]
