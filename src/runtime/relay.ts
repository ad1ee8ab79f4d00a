import { Effect, Schedule, Schema } from "effect"
import { JetStreamCode } from "../bus/api.ts"
import { append, BATCH_MESSAGES_MAX, type Outgoing, PLAIN_MESSAGES_MAX } from "../bus/append.ts"
import type { BusUnavailable, NatsLink } from "../bus/connection.ts"
import { lastOn, streamFacts } from "../bus/tail.ts"
import * as timers from "../bus/timers.ts"
import * as metrics from "../telemetry/metrics.ts"
import { compareIds, type EmissionId, type OutboxMessage, type OutboxTimer } from "./draft.ts"
import { Header } from "./letter.ts"

/** Another owner appended after us, or the target was recreated: this partition is no longer ours to relay. */
export class RelayFenced extends Schema.TaggedError<RelayFenced>()("RelayFenced", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** The last message this source is known to have written on a target. */
export interface Tail {
  readonly seq: number
  readonly id: EmissionId
}
export type Tails = Map<string, Tail>

/** Bytes of one atomic batch: the server holds it in memory until the commit. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** A full mailbox or an absent server: the relay waits, the partition's next commit with it. */
const RETRY_MILLIS_MAX = 2_000

const retries = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(RETRY_MILLIS_MAX)])

export interface Relay {
  readonly link: NatsLink
  readonly family: string
  readonly partition: number
  /** The fence's filter on a target. */
  readonly filterOf: (target: string) => string
  readonly tails: Tails
}

/** Brings a turn's messages to every target, targets concurrently, each in order and once. */
export const relay = (
  self: Relay,
  messages: ReadonlyArray<OutboxMessage>,
  wakes: ReadonlyArray<OutboxTimer>
) => {
  const byTarget = Map.groupBy(messages, (message) => message.target)
  return Effect.all([
    Effect.forEach([...byTarget], ([target, group]) => toTarget(self, target, group), {
      concurrency: "unbounded",
      discard: true
    }),
    wakes.length === 0 ? Effect.void : setTimers(self, wakes)
  ], { concurrency: "unbounded", discard: true })
}

const setTimers = (self: Relay, wakes: ReadonlyArray<OutboxTimer>) =>
  timers.schedule(
    self.link.nc,
    wakes.map((wake) => ({
      family: self.family,
      partition: self.partition,
      id: wake.id,
      atMillis: wake.atMillis,
      headers: wake.headers,
      payload: wake.body
    }))
  ).pipe(Effect.retry(retries))

const toTarget = Effect.fnUntraced(function* (
  self: Relay,
  target: string,
  group: ReadonlyArray<OutboxMessage>
) {
  let pending = group
  while (pending.length > 0) {
    const chunk = chunkOf(pending)
    const sent = yield* send(self, target, chunk).pipe(
      Effect.catchTag(
        "BusUnavailable",
        (error) =>
          Effect.logWarning("relay unanswered, asking what arrived", error.message).pipe(
            Effect.andThen(Effect.sleep("250 millis")),
            Effect.andThen(settle(self, target, pending))
          )
      ),
      Effect.catchTag(
        "JetStreamRefused",
        (error) =>
          error.code === JetStreamCode.WrongLastSequence ||
            error.code === JetStreamCode.WrongLastSequenceConstant
            ? settle(self, target, pending)
            // Too many open batches, a full mailbox, a broken batch: nothing was stored, try again.
            : Effect.logWarning("relay refused, trying again", error.message).pipe(
              Effect.andThen(Effect.sleep("250 millis")),
              Effect.as(0)
            )
      )
    )
    pending = pending.slice(sent)
  }
})

/** A few go one by one, each with its own expectation; more go as one batch. Never several plainly at once. */
const chunkOf = (pending: ReadonlyArray<OutboxMessage>): ReadonlyArray<OutboxMessage> => {
  if (pending.length <= PLAIN_MESSAGES_MAX) return pending.slice(0, 1)
  let bytes = 0
  let count = 0
  for (const message of pending) {
    bytes += message.body.length
    if (count > 0 && (count >= BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX)) break
    count++
  }
  return count === pending.length ? pending : pending.slice(0, count)
}

const send = (self: Relay, target: string, chunk: ReadonlyArray<OutboxMessage>) =>
  append(self.link.nc, chunk.map(outgoing), {
    filter: self.filterOf(target),
    lastSeq: self.tails.get(target)?.seq ?? 0
  }).pipe(
    Effect.map(({ seq }) => {
      self.tails.set(target, { seq, id: chunk.at(-1)!.id })
      return chunk.length
    })
  )

const outgoing = (message: OutboxMessage): Outgoing => ({
  subject: message.subject,
  headers: message.headers,
  payload: message.body
})

/**
 * Asks the target's leader what of `pending` is already there: a lost acknowledgement and a former
 * owner look the same from here. Returns how many messages need not be sent again.
 */
export const settle = Effect.fnUntraced(function* (
  self: Relay,
  target: string,
  pending: ReadonlyArray<OutboxMessage>
): Effect.fn.Return<number, RelayFenced> {
  const filter = self.filterOf(target)
  const found = yield* lastOn(self.link.nc, target, filter).pipe(patiently)
  const known = self.tails.get(target)
  if (found === undefined) {
    if (known === undefined) return 0
    const facts = yield* streamFacts(self.link.nc, target).pipe(patiently)
    if (known.seq >= facts.firstSeq) return yield* fenced(self, target, "the recorded tail is gone")
    // It aged out: the next message is the first of this source again.
    self.tails.delete(target)
    return 0
  }
  const id = parseEmission(found.headers.get(Header.emission), self)
  if (id === undefined) return yield* fenced(self, target, "a foreign message under this source")
  const sent = pending.findIndex((message) => compareIds(message.id, id) === 0)
  if (sent >= 0) {
    self.tails.set(target, { seq: found.seq, id })
    return sent + 1
  }
  if (known !== undefined && compareIds(known.id, id) === 0 && known.seq === found.seq) return 0
  return yield* fenced(self, target, `tail ${id.seq}/${id.ordinal} is not ours`)
})

const fenced = (self: Relay, target: string, detail: string) => {
  metrics.fences.inc({ family: self.family, place: "append" })
  return Effect.fail(new RelayFenced({ detail: `${target}: ${detail}` }))
}

const patiently = <A>(
  effect: Effect.Effect<A, BusUnavailable | { readonly _tag: "JetStreamRefused" }>
): Effect.Effect<A> => effect.pipe(Effect.retry(retries), Effect.orDie)

const parseEmission = (
  header: string | undefined,
  self: { family: string; partition: number }
): EmissionId | undefined => {
  const [family, partition, seq, ordinal] = header?.split("/") ?? []
  if (family !== self.family || Number(partition) !== self.partition) return undefined
  return { seq: Number(seq), ordinal: Number(ordinal) }
}
