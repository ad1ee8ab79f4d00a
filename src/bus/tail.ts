import { Effect } from "effect"
import { API_TIMEOUT_MILLIS, JetStreamCode, request } from "./api.ts"
import type { BusClient } from "./connection.ts"
import { takesCommands } from "./ingress.ts"

export interface StoredMessage {
  readonly seq: number
  readonly headers: ReadonlyMap<string, string>
}

/** The last message on `filter`, from the stream's leader: a replica's answer could be stale. */
export const lastOn = (nc: BusClient, stream: string, filter: string) =>
  messageOf(nc, stream, { last_by_subj: filter })

/** The first message on `filter` from a sequence on, from the stream's leader. */
export const nextOn = (
  nc: BusClient,
  stream: string,
  filter: string,
  seq: number,
  timeoutMillis = API_TIMEOUT_MILLIS
) => messageOf(nc, stream, { seq, next_by_subj: filter }, timeoutMillis)

/** One message with what it says: the last on a filter, or the first from a sequence on. */
export const textOn = (
  nc: BusClient,
  stream: string,
  which:
    | { readonly last_by_subj: string }
    | { readonly seq: number; readonly next_by_subj: string }
) =>
  Effect.map(rawMessageOf(nc, stream, which, API_TIMEOUT_MILLIS), (message) =>
    message && {
      seq: message.seq,
      text: Buffer.from(message.data ?? "", "base64").toString("utf8")
    })

const messageOf = (
  nc: BusClient,
  stream: string,
  which: object,
  timeoutMillis = API_TIMEOUT_MILLIS
) =>
  Effect.map(
    rawMessageOf(nc, stream, which, timeoutMillis),
    (message): StoredMessage | undefined =>
      message && { seq: message.seq, headers: parseHeaders(message.hdrs) }
  )

interface RawMessage {
  readonly seq: number
  readonly hdrs?: string
  readonly data?: string
}

const rawMessageOf = (nc: BusClient, stream: string, which: object, timeoutMillis: number) =>
  request<{ message: RawMessage }>(nc, `STREAM.MSG.GET.${stream}`, which, timeoutMillis).pipe(
    Effect.map(({ message }): RawMessage | undefined => message),
    Effect.catchTag(
      "JetStreamRefused",
      (error) =>
        error.code === JetStreamCode.MessageNotFound
          ? Effect.succeed(undefined)
          : Effect.fail(error)
    )
  )

interface StreamFacts {
  readonly created: string
  readonly firstSeq: number
  readonly lastSeq: number
  readonly bytes: number
  readonly bytesMax: number
  /** The ingress subjects were taken off (admission). */
  readonly gateClosed: boolean
}

export const streamFacts = (nc: BusClient, stream: string) =>
  request<{
    created: string
    config: { max_bytes: number; subjects?: ReadonlyArray<string> }
    state: { first_seq: number; last_seq: number; bytes: number }
  }>(nc, `STREAM.INFO.${stream}`).pipe(
    Effect.map(({ config, created, state }): StreamFacts => ({
      created,
      firstSeq: state.first_seq,
      lastSeq: state.last_seq,
      bytes: state.bytes,
      bytesMax: config.max_bytes,
      gateClosed: !(config.subjects ?? []).some(takesCommands)
    }))
  )

const parseHeaders = (base64: string | undefined): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  if (base64 === undefined) return found
  for (const line of Buffer.from(base64, "base64").toString("utf8").split("\r\n").slice(1)) {
    const colon = line.indexOf(":")
    if (colon > 0) found.set(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return found
}
