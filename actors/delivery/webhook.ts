import { createHmac } from "node:crypto"
import { Effect, Schema } from "effect"
import { Agent, request } from "undici"
import { sending } from "../../src/runtime/departure.ts"
import type { Delivered } from "../../streams/messages/messaging.ts"
import { guardedLookup, literalProblem } from "./addresses.ts"

type Result = (typeof Delivered.Type)["result"]

/** The endpoint could not be reached or did not answer properly. */
class EndpointFailed extends Schema.TaggedError<EndpointFailed>()("EndpointFailed", {
  detail: Schema.String
}) {}

/** Per Standard Webhooks: `v1,` and the HMAC-SHA-256 of `id.timestamp.payload` in base64. */
const signature = (secret: string, id: string, seconds: number, payload: string): string => {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64")
  return `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${payload}`).digest("base64")}`
}

const CONNECT_MILLIS = 3_000
/** Only an answer's status matters. Its body is read this far, for the connection to be used again. */
const ANSWER_BYTES_MAX = 64 * 1024
const ANSWER_MILLIS_MAX = 1_000

const agents = {
  guarded: new Agent({ connect: { lookup: guardedLookup, timeout: CONNECT_MILLIS } }),
  open: new Agent({ connect: { timeout: CONNECT_MILLIS } })
}

export interface Post {
  readonly url: string
  readonly id: string
  readonly payload: string
  readonly secret: string
  readonly seconds: number
  readonly allowPrivate: boolean
  readonly traceparent: string | undefined
}

/** One try. Redirects are not followed: they could lead where the check did not look. */
export const post = (one: Post): Effect.Effect<Result, EndpointFailed> => {
  const url = URL.parse(one.url)
  const problem = url === null ? "not a URL" : literalProblem(url)
  if (url === null || (problem !== undefined && !one.allowPrivate)) {
    return Effect.succeed<Result>({ _tag: "Refused", error: problem ?? "not a URL" })
  }
  const asked = {
    method: "POST",
    dispatcher: one.allowPrivate ? agents.open : agents.guarded,
    headers: {
      "content-type": "application/json",
      "user-agent": "lastro",
      "webhook-id": one.id,
      "webhook-timestamp": String(one.seconds),
      "webhook-signature": signature(one.secret, one.id, one.seconds, one.payload),
      ...(one.traceparent !== undefined && { traceparent: one.traceparent })
    },
    body: one.payload
  } as const
  return sending({
    try: async (signal): Promise<Result> => {
      const answer = await request(url, { ...asked, signal })
      const enough = AbortSignal.timeout(ANSWER_MILLIS_MAX)
      // Nobody waits for it: an endpoint that drips after its status has taken the event all the same.
      answer.body.dump({ limit: ANSWER_BYTES_MAX, signal: enough }).catch(() => {})
      const { statusCode: status } = answer
      if (status >= 200 && status < 300) return { _tag: "Accepted", status }
      const error = `the endpoint answered ${status}`
      return status === 410 ? { _tag: "Refused", status, error } : { _tag: "Failed", status, error }
    },
    catch: (cause) => cause
  }).pipe(Effect.catch((cause) => {
    const refused = [cause, (cause as { cause?: unknown }).cause].find((one) =>
      (one as { _tag?: string } | undefined)?._tag === "AddressRefused"
    )
    return refused === undefined
      ? Effect.fail(new EndpointFailed({ detail: (cause as Error).message.slice(0, 200) }))
      : Effect.succeed<Result>({ _tag: "Refused", error: (refused as Error).message })
  }))
}
