import { Clock, Effect } from "effect"
import type { MessageOf, Outgoing } from "../../src/runtime/actor.ts"
import { Defer } from "../../src/runtime/supervision.ts"
import { Database } from "../../src/store/database.ts"
import { DeliveryMessages } from "../../streams/messages/delivery.ts"
import { outbound } from "../../streams/actors.ts"
import type { Emission } from "../../streams/emissions.ts"
import type { Delivered } from "../../streams/messages/messaging.ts"
import { secretOf } from "../messaging/read.ts"
import { post } from "./webhook.ts"

type Message = MessageOf<typeof DeliveryMessages>
type Result = (typeof Delivered.Type)["result"]

/** Calls under way at one host. A slow receiver delays its own events only. */
const CALLS_PER_HOST_MAX = 16
/** Over all hosts, in one worker. */
const CALLS_MAX = 512
const DEADLINE = "10 seconds"
/** Secrets kept in memory; they never change for an endpoint. */
const SECRETS_MAX = 1_000

interface DeliverySettings {
  /** Development only: without it nothing but public addresses is called. */
  readonly allowPrivateAddresses: boolean
}

/** Brings events to merchants' endpoints, signed, at least once. */
export const delivery = (settings: DeliverySettings) => {
  const secrets = new Map<string, string>()
  const call = Effect.fnUntraced(function* (
    { body }: Message,
    outgoing: Outgoing<unknown>
  ) {
    const started = yield* Clock.currentTimeMillis
    const secret = secrets.get(body.endpoint_id) ?? (yield* loadSecret(secrets, body.endpoint_id))
    const result = secret === undefined
      ? { _tag: "Refused" as const, error: "the endpoint is not registered" }
      : yield* post({
        url: body.url,
        id: body.event_id,
        payload: body.payload,
        secret,
        seconds: Math.floor(started / 1_000),
        allowPrivate: settings.allowPrivateAddresses,
        traceparent: outgoing.traceparent
      }).pipe(
        Effect.catchTag(
          "EndpointFailed",
          ({ detail }) => Effect.succeed<Result>({ _tag: "Failed", error: detail })
        )
      )
    return [answer(body, outgoing, result, (yield* Clock.currentTimeMillis) - started)]
  })
  return outbound({
    family: "delivery",
    messages: DeliveryMessages,
    destinationOf: ({ body }: Message) => URL.parse(body.url)?.host ?? body.url,
    concurrencyPerDestination: CALLS_PER_HOST_MAX,
    inFlightMax: CALLS_MAX,
    deadline: DEADLINE,
    call,
    deferred: ({ body }: Message, outgoing: Outgoing<unknown>) => [
      answer(body, outgoing, { _tag: "Deferred" }, 0)
    ],
    unsent: ({ body }: Message, outgoing: Outgoing<unknown>) => [
      answer(body, outgoing, { _tag: "Failed", error: "the request could not be made" }, 0)
    ],
    unknown: ({ body }: Message, outgoing: Outgoing<unknown>) => [
      answer(body, outgoing, { _tag: "Failed", error: "no answer in time" }, 0)
    ],
    supervision: { DatabaseUnavailable: Defer }
  })
}

const loadSecret = Effect.fnUntraced(function* (known: Map<string, string>, endpointId: string) {
  const database = yield* Database
  const secret = yield* database.query("delivery.secret", (db) => secretOf(db, endpointId))
  if (secret !== undefined) {
    if (known.size >= SECRETS_MAX) known.clear()
    known.set(endpointId, secret)
  }
  return secret
})

const answer = (
  body: Message["body"],
  { merchant }: Outgoing<unknown>,
  result: Result,
  took: number
): Emission<"messaging"> => ({
  to: "messaging",
  type: "delivered",
  key: merchant,
  body: {
    delivery_id: body.delivery_id,
    attempt: body.attempt,
    result,
    took_millis: took
  }
})
