import { Effect, Schema } from "effect"
import { deliveriesAbout, notificationsAbout } from "../../../actors/messaging/read.ts"
import { findPayment } from "../../../actors/payments/read.ts"
import { gatewayOf } from "../../../actors/payments/payment/attempts.ts"
import type { Attempt } from "../../../actors/payments/payment/attempts.ts"
import type { Payment } from "../../../actors/payments/payment/state.ts"
import { Time } from "../../../streams/resources/parts.ts"
import { formatMinorUnits } from "../../domain/currency.ts"
import { postingsOfPayment } from "../../ledger/read.ts"
import { eventsAbout } from "../../store/events.ts"
import { read } from "../reading.ts"
import { type Asked, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { json } from "../shape.ts"
import { assertPaymentId, notFound } from "./payments.ts"

/** Ties are told in the order things follow from each other. */
const order = [
  "command",
  "score",
  "route",
  "attempt",
  "posting",
  "event",
  "delivery",
  "notification"
] as const

const told = { kind: Schema.Literals(order), title: Schema.String, detail: Schema.String }

interface Item extends Schema.Struct.Type<typeof told> {
  readonly at: number
}

const Trace = Schema.Struct({
  payment: Schema.String,
  data: Schema.Array(Schema.Struct({ ...told, at: Time }))
}).annotate({ identifier: "Trace" })

/** Everything that happened to one payment, in order, from the tables that hold it. */
const trace = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  yield* assertPaymentId(id)
  const payment = yield* read("edge.payment", (db) => findPayment(db, merchant, id))
  if (payment === undefined) return yield* notFound(id)
  const [postings, events, deliveries, notifications] = yield* Effect.all([
    read("edge.trace.postings", (db) => postingsOfPayment(db, id)),
    read("edge.trace.events", (db) => eventsAbout(db, merchant, id)),
    read("edge.trace.deliveries", (db) => deliveriesAbout(db, merchant, id)),
    read("edge.trace.notifications", (db) => notificationsAbout(db, merchant, id))
  ], { concurrency: "unbounded" })
  const money = (minorUnits: string) =>
    `${formatMinorUnits(BigInt(minorUnits), payment.currency)} ${payment.currency}`
  const items: Array<Item> = [
    ...ofPayment(payment),
    ...postings.map((posting): Item => ({
      at: Number(posting.at_millis),
      kind: "posting",
      title: `${posting.kind} (${posting.layer}) ${money(posting.amount)}`,
      detail: `debit ${posting.debit_account}, credit ${posting.credit_account}`
    })),
    ...events.map((event): Item => ({
      at: event.at,
      kind: "event",
      title: event.type,
      detail: event.id
    })),
    ...deliveries.map((delivery): Item => ({
      at: delivery.updated_at,
      kind: "delivery",
      title: `${delivery.event_type} ${delivery.status} after ${delivery.attempts} tries`,
      detail: delivery.last_error ?? `to endpoint ${delivery.endpoint_id}`
    })),
    ...notifications.map((notification): Item => ({
      at: notification.at,
      kind: "notification",
      title: `${notification.template} (${notification.channel}, ${notification.locale})`,
      detail: notification.subject
    }))
  ]
  items.sort((left, right) =>
    left.at - right.at || order.indexOf(left.kind) - order.indexOf(right.kind)
  )
  return ok({
    payment: id,
    data: items.map((item) => ({ ...item, at: new Date(item.at).toISOString() }))
  })
})

const ofPayment = (payment: Payment): ReadonlyArray<Item> => [
  ...payment.commands.map((command): Item => ({
    at: command.at,
    kind: "command",
    title: command.refused === undefined
      ? command.type
      : `${command.type} refused: ${command.refused.code}`,
    detail: command.by === undefined ? command.id : `${command.id} by ${command.by}`
  })),
  ...(payment.risk === undefined ? [] : [{
    at: payment.scored_at ?? payment.created_at,
    kind: "score" as const,
    title: `score ${payment.risk.score}: ${payment.risk.decision}`,
    detail: payment.risk.reasons.map(({ detail }) => detail).join("; ") || "no rule fired"
  }]),
  ...payment.attempts.flatMap((attempt): Array<Item> => [
    ...(attempt.operation === "charge" ? [routeOf(payment, attempt)] : []),
    {
      at: attempt.sent_at,
      kind: "attempt",
      title: `${attempt.operation} sent`,
      detail: attempt.key
    },
    ...(attempt.answered_at === undefined ? [] : [{
      at: attempt.answered_at,
      kind: "attempt" as const,
      title: `${attempt.operation} ${attempt.status}`,
      detail: [attempt.code, attempt.detail, attempt.charge_id, `${attempt.took_millis ?? 0} ms`]
        .filter((part) => part !== undefined).join(", ")
    }])
  ])
]

const routeOf = (payment: Payment, attempt: Attempt): Item => ({
  at: attempt.sent_at,
  kind: "route",
  title: `routed to ${gatewayOf(payment, attempt)}`,
  detail: attempt.reason ?? "its rule leaves no other gateway"
})

export const traceRoutes: ReadonlyArray<Route> = [{
  method: "GET",
  path: "/v1/payments/{id}/trace",
  summary: "Everything that happened to a payment, in order",
  operationId: "tracePayment",
  tag: "Payments",
  audience: "merchant",
  scope: "payments:read",
  query: { merchant: MerchantQuery },
  answers: { 200: json("The trace", Trace) },
  problems: ["payment_not_found"],
  handle: trace
}]
