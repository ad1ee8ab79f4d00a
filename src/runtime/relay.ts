import { Effect, Schedule, Schema } from "effect"
import { JetStreamCode } from "../bus/api.ts"
import { BATCH_MESSAGES_MAX } from "../bus/append.ts"
import type { Appender } from "../bus/appender.ts"
import type { BusUnavailable, NatsLink } from "../bus/connection.ts"
import { lastOn, nextOn, type StoredMessage, streamFacts } from "../bus/tail.ts"
import * as timers from "../bus/timers.ts"
import * as metrics from "../telemetry/metrics.ts"
import { type Bundle, idOf, outgoingOf } from "./bundle.ts"
import { compareIds, type EmissionId, type OutboxTimer } from "./draft.ts"
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

/** A full mailbox or an absent server: the relay waits, the partition's next commit with it. */
const RETRY_MILLIS_MAX = 2_000

const retries = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced(RETRY_MILLIS_MAX)])

export interface Relay {
  readonly link: NatsLink
  readonly appender: Appender
  readonly mailbox: string
  readonly partition: number
  /** The fence's filter on a target. */
  readonly filterOf: (target: string) => string
  readonly tails: Tails
}

/** Brings a turn's messages to every target, targets concurrently, each in order and once. */
export const relay = (
  self: Relay,
  bundles: ReadonlyArray<Bundle>,
  wakes: ReadonlyArray<OutboxTimer>
) => {
  const byTarget = Map.groupBy(bundles, (bundle) => bundle.target)
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
      family: wake.family,
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
  group: ReadonlyArray<Bundle>
) {
  let pending = group
  while (pending.length > 0) {
    const sent = yield* send(self, target, chunkOf(pending)).pipe(
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

/** Bytes of one append: the server holds an atomic batch in memory until its commit. */
const CHUNK_BYTES_MAX = 4 * 1024 * 1024

const chunkOf = (pending: ReadonlyArray<Bundle>): ReadonlyArray<Bundle> => {
  let bytes = 0
  let count = 0
  for (const { messages } of pending) {
    for (const { body } of messages) bytes += body.length
    if (count > 0 && (count >= BATCH_MESSAGES_MAX || bytes > CHUNK_BYTES_MAX)) break
    count++
  }
  return count === pending.length ? pending : pending.slice(0, count)
}

const send = (self: Relay, target: string, chunk: ReadonlyArray<Bundle>) =>
  self.appender.append(
    target,
    chunk.map((bundle) => outgoingOf(bundle, self)),
    { filter: self.filterOf(target), lastSeq: self.tails.get(target)?.seq ?? 0 }
  ).pipe(
    Effect.map(({ seq }) => {
      self.tails.set(target, { seq, id: idOf(chunk.at(-1)!) })
      return chunk.length
    })
  )

/**
 * Asks the target's leader what of `pending` is already there: a lost acknowledgement and a former
 * owner look the same from here. Returns how many messages need not be sent again.
 */
export const settle = Effect.fnUntraced(function* (
  self: Relay,
  target: string,
  pending: ReadonlyArray<Bundle>
): Effect.fn.Return<number, RelayFenced> {
  const filter = self.filterOf(target)
  const last = yield* lastOn(self.link.nc, target, filter).pipe(patiently)
  const known = self.tails.get(target)
  if (last === undefined) {
    if (known === undefined) return 0
    const facts = yield* streamFacts(self.link.nc, target).pipe(patiently)
    if (known.seq >= facts.firstSeq) return yield* fenced(self, target, "the recorded tail is gone")
    // It aged out: the next message is the first of this source again.
    self.tails.delete(target)
    return 0
  }
  // Age takes the oldest: a tail above what is there now was lost with a restored target.
  if (last.seq < (known?.seq ?? 0)) return yield* fenced(self, target, "the recorded tail is gone")
  const found = yield* emissionBehind(self, target, last, known)
  if (found === "foreign") {
    return yield* fenced(self, target, "a foreign message under this source")
  }
  if (found === undefined) {
    self.tails.set(target, { seq: last.seq, id: known?.id ?? NOTHING_YET })
    return 0
  }
  const sent = pending.findIndex((bundle) => compareIds(idOf(bundle), found) === 0)
  if (sent < 0) {
    return yield* fenced(self, target, `tail ${found.seq}/${found.ordinal} is not ours`)
  }
  self.tails.set(target, { seq: last.seq, id: found })
  return sent + 1
})

/** Before the first emission of a source. */
const NOTHING_YET: EmissionId = { seq: 0, ordinal: -1 }

/**
 * The highest emission on the target that the known tail does not cover. NATS does not check where a
 * reader or a producer asks an answer to be sent, so there may be strays behind the tail: messages
 * without an emission, and old emissions once more. Neither may stop a source.
 */
const emissionBehind = Effect.fnUntraced(function* (
  self: Relay,
  target: string,
  last: StoredMessage,
  known: Tail | undefined
): Effect.fn.Return<EmissionId | "foreign" | undefined> {
  const newer = (message: StoredMessage): EmissionId | "foreign" | undefined => {
    const header = message.headers.get(Header.emission)
    if (header === undefined) return undefined
    const id = parseEmission(header, self)
    if (id === undefined) return "foreign"
    return known === undefined || compareIds(id, known.id) > 0 ? id : undefined
  }
  let highest = newer(last)
  // Nearly always the last message tells.
  if (highest !== undefined || last.seq === known?.seq) return highest
  for (let from = (known?.seq ?? 0) + 1;;) {
    const next = yield* nextOn(self.link.nc, target, self.filterOf(target), from).pipe(patiently)
    if (next === undefined) return highest
    const id = newer(next)
    if (id === "foreign") return id
    if (id !== undefined && (highest === undefined || compareIds(id, highest) > 0)) highest = id
    from = next.seq + 1
  }
})

const fenced = (self: Relay, target: string, detail: string) => {
  metrics.fences.inc({ family: self.mailbox, place: "append" })
  return Effect.fail(new RelayFenced({ detail: `${target}: ${detail}` }))
}

const patiently = <A>(
  effect: Effect.Effect<A, BusUnavailable | { readonly _tag: "JetStreamRefused" }>
): Effect.Effect<A> => effect.pipe(Effect.retry(retries), Effect.orDie)

const parseEmission = (
  header: string | undefined,
  self: { mailbox: string; partition: number }
): EmissionId | undefined => {
  const [mailbox, partition, seq, ordinal] = header?.split("/") ?? []
  if (mailbox !== self.mailbox || Number(partition) !== self.partition) return undefined
  return { seq: Number(seq), ordinal: Number(ordinal) }
}
