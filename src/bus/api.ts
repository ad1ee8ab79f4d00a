import { Effect, Schema } from "effect"
import { type BusClient, BusUnavailable } from "./connection.ts"

/** JetStream answered with an error. `code` is the server's error code (10071, 10077 …). */
export class JetStreamRefused extends Schema.TaggedError<JetStreamRefused>()("JetStreamRefused", {
  request: Schema.String,
  status: Schema.Finite,
  code: Schema.Finite,
  detail: Schema.String
}) {
  override get message() {
    return `${this.request}: ${this.detail} (${this.code})`
  }
}

/** Error codes this machine acts on (nats-server `errors.json`). */
export const JetStreamCode = {
  StreamNotFound: 10059,
  ConsumerNotFound: 10014,
  MessageNotFound: 10037,
  WrongLastSequence: 10071,
  WrongLastSequenceConstant: 10164,
  MaximumMessages: 10077
} as const

/** A leader election takes about two seconds; beyond this the caller decides. */
export const API_TIMEOUT_MILLIS = 5_000

interface ApiError {
  readonly code?: number
  readonly err_code?: number
  readonly description?: string
}

/** One request to the JetStream API, its error typed. The client's own wrappers hide codes we need. */
export const request = <A>(
  nc: BusClient,
  subject: string,
  body: unknown = undefined,
  timeoutMillis = API_TIMEOUT_MILLIS
): Effect.Effect<A, BusUnavailable | JetStreamRefused> =>
  Effect.tryPromise({
    try: async () => {
      const payload = body === undefined ? undefined : JSON.stringify(body)
      const answer = await nc.request(`$JS.API.${subject}`, payload, { timeout: timeoutMillis })
      const parsed = answer.json<{ error?: ApiError } & A>()
      if (parsed.error !== undefined) throw refused(subject, parsed.error)
      return parsed as A
    },
    catch: (cause) =>
      cause instanceof JetStreamRefused
        ? cause
        : new BusUnavailable({ detail: `${subject}: ${(cause as Error).message}` })
  })

export const refused = (subject: string, error: ApiError): JetStreamRefused =>
  new JetStreamRefused({
    request: subject,
    status: error.code ?? 0,
    code: error.err_code ?? 0,
    detail: error.description ?? "refused"
  })
