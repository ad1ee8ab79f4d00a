import type { MsgHdrs } from "@nats-io/transport-node"
import { randomBytes } from "node:crypto"
import { Effect } from "effect"
import { API_TIMEOUT_MILLIS, JetStreamRefused, refused } from "./api.ts"
import { type BusClient, BusUnavailable } from "./connection.ts"

export interface Outgoing {
  readonly subject: string
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly payload: string | Uint8Array
  /** In a batch, only where no earlier message of it is under the same filter. */
  readonly fence?: Fence
}

/** The append succeeds only if the last message on `filter` has sequence `lastSeq` (0: none). */
export interface Fence {
  readonly filter: string
  readonly lastSeq: number
}

export interface Appended {
  readonly stream: string
  /** Sequence of the last message; the others precede it without a gap. */
  readonly seq: number
}

/** The server refuses larger atomic batches (10199). */
export const BATCH_MESSAGES_MAX = 1_000

/**
 * Appends messages to one stream, all or none.
 *
 * One message goes plainly; several given together always as one atomic batch, because an expectation on the first of several plain messages would let a stale writer's others
 * through. The client's own batch publisher drops the expectation and hides the server's errors,
 * hence this one (ADR-50).
 */
export const append = (
  nc: BusClient,
  messages: ReadonlyArray<Outgoing>
): Effect.Effect<Appended, BusUnavailable | JetStreamRefused> =>
  Effect.tryPromise({
    try: () => appendPromise(nc, messages),
    catch: (cause) =>
      cause instanceof JetStreamRefused
        ? cause
        : new BusUnavailable({ detail: `append: ${(cause as Error).message}` })
  })

const appendPromise = async (
  nc: BusClient,
  messages: ReadonlyArray<Outgoing>
): Promise<Appended> => {
  const last = messages.length - 1
  if (last < 0 || messages.length > BATCH_MESSAGES_MAX) {
    throw new RangeError(`an append takes 1 to ${BATCH_MESSAGES_MAX} messages`)
  }
  const batchId = last === 0 ? undefined : randomBytes(12).toString("base64url")
  for (let index = 0; index < last; index++) {
    const message = messages[index]!
    nc.publish(message.subject, message.payload, {
      headers: headersOf(message, index, batchId, false)
    })
  }
  const message = messages[last]!
  const answer = await nc.request(message.subject, message.payload, {
    headers: headersOf(message, last, batchId, true),
    timeout: API_TIMEOUT_MILLIS
  })
  const ack = answer.json<{
    error?: { code?: number; err_code?: number; description?: string }
    stream: string
    seq: number
  }>()
  if (ack.error !== undefined) throw refused(`append ${message.subject}`, ack.error)
  return { stream: ack.stream, seq: ack.seq }
}

const headersOf = (
  message: Outgoing,
  index: number,
  batchId: string | undefined,
  commit: boolean
): MsgHdrs => {
  const { fence } = message
  let text = "NATS/1.0\r\n"
  for (const [name, value] of message.headers) text += `${name}: ${oneLine(value)}\r\n`
  if (fence !== undefined) {
    text += `Nats-Expected-Last-Subject-Sequence: ${fence.lastSeq}\r\n` +
      `Nats-Expected-Last-Subject-Sequence-Subject: ${fence.filter}\r\n`
  }
  if (batchId !== undefined) {
    text += `Nats-Batch-Id: ${batchId}\r\nNats-Batch-Sequence: ${index + 1}\r\n`
    if (commit) text += "Nats-Batch-Commit: 1\r\n"
  }
  return new EncodedHeaders(text + "\r\n") as unknown as MsgHdrs
}

/** A value with a line break could forge a header. */
const oneLine = (value: string): string =>
  /[\r\n]/.test(value) ? value.replace(/[\r\n]+/g, " ") : value

/**
 * Headers as they go over the wire. The client's own map builds arrays and canonical names per
 * message; all it needs of headers is `encode`.
 */
class EncodedHeaders {
  private readonly text: string

  constructor(text: string) {
    this.text = text
  }

  encode(): Uint8Array {
    return utf8.encode(this.text)
  }
}

const utf8 = new TextEncoder()
