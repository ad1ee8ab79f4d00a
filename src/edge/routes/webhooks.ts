import { randomBytes, randomUUID } from "node:crypto"
import { Effect, Schema } from "effect"
import { literalProblem } from "../../../actors/delivery/addresses.ts"
import { deliveriesTo, endpointsOf } from "../../../actors/messaging/read.ts"
import { patternProblem } from "../../../streams/events.ts"
import { EndpointFields } from "../../../streams/messages/messaging.ts"
import { Commands } from "../../bus/commands.ts"
import { derivedId } from "../../domain/identifiers.ts"
import { idempotencyKeyOf } from "../command.ts"
import { problem, refusalProblem, unavailable } from "../problem.ts"
import { refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import {
  deliveryOf,
  endpointOf,
  RegisteredEndpoint,
  WebhookDelivery,
  WebhookEndpoint
} from "../resources/webhook.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  merchantOf,
  MerchantQuery,
  ok,
  type Route
} from "../route.ts"
import { json, list } from "../shape.ts"

const SECRET_BYTES = 24
const REGISTER_MILLIS = 5_000
const PAGE_MAX = 100

interface WebhookSettings {
  /** Development only: plain http and private addresses. */
  readonly allowPrivateAddresses: boolean
}

/** Readers of a URL drop or turn these: what is stored and shown would not be what is called. */
const LEFT_OUT = /[\s\p{Cc}\p{Cf}\\]/u

const urlProblem = (
  text: string,
  { allowPrivateAddresses }: WebhookSettings
): string | undefined => {
  if (LEFT_OUT.test(text)) return "must not hold spaces, line breaks, control characters or \\"
  const url = new URL(text)
  if (allowPrivateAddresses) return undefined
  return url.protocol !== "https:" ? "must be an https URL" : literalProblem(url)
}

/** The secret is made here, shown once, and stored for signing only. */
const register = (settings: WebhookSettings) =>
  Effect.fnUntraced(function* (asked: Asked) {
    const merchant = yield* merchantOf(asked)
    const body = asked.body as { readonly url: string; readonly events: ReadonlyArray<string> }
    const wrongEvents = body.events.flatMap((pattern, index) => {
      const detail = patternProblem(pattern)
      return detail === undefined ? [] : [{ pointer: `/events/${index}`, detail }]
    })
    if (wrongEvents.length > 0) {
      const detail = "an endpoint names events that are told"
      return yield* problem("unknown_event", detail, { errors: wrongEvents })
    }
    const wrong = urlProblem(body.url, settings)
    if (wrong !== undefined) {
      return yield* problem("url_refused", wrong, {
        errors: [{ pointer: "/url", detail: wrong }]
      })
    }
    const commandId = asked.header("idempotency-key") === undefined
      ? randomUUID()
      : yield* idempotencyKeyOf(asked)
    const id = derivedId("we", merchant, commandId)
    const secret = `whsec_${randomBytes(SECRET_BYTES).toString("base64")}`
    const commands = yield* Commands
    const reply = commands.openReply()
    const told = yield* commands.publish({
      family: "messaging",
      type: "register_endpoint",
      merchant,
      replyTo: reply.subject,
      body: JSON.stringify({ command_id: commandId, endpoint_id: id, secret, ...body })
    }).pipe(
      Effect.mapError(() => unavailable("the endpoint could not be registered: try again")),
      Effect.andThen(reply.wait(REGISTER_MILLIS)),
      Effect.ensuring(Effect.sync(reply.close))
    )
    if (told === undefined) return yield* unavailable("registering takes too long: try again")
    const refusal = (told as { refused?: { code: string; detail: string } }).refused
    if (refusal !== undefined) return yield* refusalProblem(refusal)
    const shown = { id, url: body.url, events: body.events }
    // The secret of the first time is the one that signs; this one was thrown away.
    return (told as { endpoint: { repeated: boolean } }).endpoint.repeated
      ? { status: 201, body: shown, headers: { "idempotent-replayed": "true" } }
      : { status: 201, body: { ...shown, secret } }
  })

const endpointsListed = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const endpoints = yield* read("edge.endpoints", (db) => endpointsOf(db, merchant))
  return ok({
    data: endpoints.map(endpointOf)
  })
})

const deliveries = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const endpoints = yield* read("edge.endpoints", (db) => endpointsOf(db, merchant))
  if (!endpoints.some((endpoint) => endpoint.id === id)) {
    return yield* problem("endpoint_not_found", `there is no endpoint ${id}`)
  }
  const limit = limitOf(asked)
  const found = yield* read("edge.deliveries", (db) => deliveriesTo(db, merchant, id, limit))
  return ok({
    data: found.map(deliveryOf)
  })
})

export const webhookRoutes = (settings: WebhookSettings): ReadonlyArray<Route> => [
  {
    method: "POST",
    path: "/v1/webhook-endpoints",
    summary: "Register an endpoint; its secret is shown once",
    operationId: "registerWebhookEndpoint",
    tag: "Webhooks",
    audience: "merchant",
    scope: "webhooks:manage",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(EndpointFields),
    answers: { 201: json("The endpoint with its secret, the first time", RegisteredEndpoint) },
    problems: [
      ...["unknown_event", "url_refused", "idempotency_key_invalid"] as const,
      ...refusalsOf("register_endpoint")
    ],
    handle: register(settings)
  },
  {
    method: "GET",
    path: "/v1/webhook-endpoints",
    summary: "A merchant's endpoints",
    operationId: "listWebhookEndpoints",
    tag: "Webhooks",
    audience: "merchant",
    scope: "webhooks:manage",
    query: { merchant: MerchantQuery },
    answers: { 200: list("The endpoints, without secrets", WebhookEndpoint) },
    handle: endpointsListed
  },
  {
    method: "GET",
    path: "/v1/webhook-endpoints/{id}/deliveries",
    summary: "What was sent to an endpoint, newest first",
    operationId: "listWebhookDeliveries",
    tag: "Webhooks",
    audience: "merchant",
    scope: "webhooks:manage",
    query: { limit: limitQuery(PAGE_MAX), merchant: MerchantQuery },
    answers: { 200: list("The newest deliveries", WebhookDelivery) },
    problems: ["endpoint_not_found"],
    handle: deliveries
  }
]
