import { Effect } from "effect"
import type { JetStreamRefused } from "./api.ts"
import { append, type Appended, BATCH_MESSAGES_MAX, type Fence, type Outgoing } from "./append.ts"
import type { BusUnavailable, NatsLink } from "./connection.ts"

/**
 * So many messages of one stream go plainly at the same time. With `sync_interval: always` an atomic
 * batch costs the server 1.3 ms of a processor and 2.5 ms of its stream however small it is, a plain
 * message 0.1 to 0.3 ms and, behind another one of its source, a round trip. Seven instead of twelve
 * took a seventh from the p50 at half load and a quarter from the p99 (six runs of each, two cores).
 */
export const PLAIN_MESSAGES_MAX = 7
/** Bytes of one atomic batch: the server holds it in memory until the commit. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024

type AppendFailure = BusUnavailable | JetStreamRefused

/** Messages that belong together, in their order, behind one fence. At most `BATCH_MESSAGES_MAX`. */
interface Append {
  readonly messages: ReadonlyArray<Outgoing>
  readonly fence: Fence | undefined
  readonly resume: (answer: Effect.Effect<Appended, AppendFailure>) => void
}

/** One stream's queue. */
interface Lane {
  readonly waiting: Array<Append>
  plain: number
  batching: boolean
}

/**
 * Appends for everybody in this process. What several owners have for one stream at the same time goes
 * as one atomic batch, in which every source's first message carries its own fence; few messages go
 * plainly, each source's one after the other. Where a shared batch is refused each source's part is
 * sent alone, so that a stale owner fences nobody but itself. After a failure a part of the messages
 * may have arrived: whoever has a fence asks its tail.
 */
export class Appender {
  private readonly link: NatsLink
  private readonly lanes = new Map<string, Lane>()

  constructor(link: NatsLink) {
    this.link = link
  }

  readonly append = (
    stream: string,
    messages: ReadonlyArray<Outgoing>,
    fence?: Fence
  ): Effect.Effect<Appended, AppendFailure> =>
    Effect.callback((resume) => {
      const lane = this.lanes.get(stream) ?? { waiting: [], plain: 0, batching: false }
      this.lanes.set(stream, lane)
      const one = { messages, fence, resume }
      lane.waiting.push(one)
      // What one turn of the event loop brings meets in one batch.
      if (lane.waiting.length === 1 && !lane.batching) setImmediate(() => this.flush(lane))
      // Whoever gave up may be followed by somebody who sends the same.
      return Effect.sync(() => {
        const at = lane.waiting.indexOf(one)
        if (at >= 0) lane.waiting.splice(at, 1)
      })
    })

  private flush(lane: Lane): void {
    if (lane.batching || lane.waiting.length === 0) return
    const count = lane.waiting.reduce((sum, { messages }) => sum + messages.length, 0)
    if (count + lane.plain <= PLAIN_MESSAGES_MAX) {
      for (const one of lane.waiting.splice(0)) this.start(lane, one)
      return
    }
    const batch = takeBatch(lane.waiting)
    lane.batching = true
    Effect.runFork(
      this.together(batch).pipe(
        Effect.ensuring(Effect.sync(() => {
          lane.batching = false
          this.flush(lane)
        }))
      )
    )
  }

  private start(lane: Lane, one: Append): void {
    lane.plain += one.messages.length
    Effect.runFork(
      this.alone(one).pipe(
        Effect.ensuring(Effect.sync(() => {
          lane.plain -= one.messages.length
          this.flush(lane)
        }))
      )
    )
  }

  private together(batch: ReadonlyArray<Append>) {
    if (batch.length === 1) return this.alone(batch[0]!)
    return append(
      this.link.nc,
      batch.flatMap(({ fence, messages }) =>
        messages.map((message, index) =>
          index === 0 && fence !== undefined ? { ...message, fence } : message
        )
      )
    ).pipe(Effect.matchEffect({
      onSuccess: ({ seq, stream }) =>
        Effect.sync(() => {
          let behind = batch.reduce((sum, { messages }) => sum + messages.length, 0)
          for (const { messages, resume } of batch) {
            behind -= messages.length
            resume(Effect.succeed({ stream, seq: seq - behind }))
          }
        }),
      onFailure: (error) =>
        error._tag === "JetStreamRefused"
          ? Effect.forEach(batch, (one) => this.alone(one), {
            concurrency: "unbounded",
            discard: true
          })
          : Effect.sync(() => batch.forEach(({ resume }) => resume(Effect.fail(error))))
    }))
  }

  /** Answers in any case. */
  private alone({ fence, messages, resume }: Append): Effect.Effect<void> {
    const { nc } = this.link
    const sent = messages.length <= PLAIN_MESSAGES_MAX
      ? Effect.gen(function* () {
        let last: Appended | undefined
        for (const message of messages) {
          const lastSeq: number | undefined = last?.seq ?? fence?.lastSeq
          last = yield* append(nc, [
            fence === undefined ? message : { ...message, fence: { ...fence, lastSeq: lastSeq! } }
          ])
        }
        return last!
      })
      : append(
        nc,
        messages.map((message, index) =>
          index === 0 && fence !== undefined ? { ...message, fence } : message
        )
      )
    return Effect.exit(sent).pipe(Effect.map(resume))
  }
}

/**
 * Whole appends only, at least one, within the limits of an atomic batch. Of one source at most one:
 * the server compares every fence of a batch with what was there before it, so a second append of the
 * same messages would pass, too.
 */
const takeBatch = (waiting: Array<Append>): ReadonlyArray<Append> => {
  const sources = new Set<string>()
  let count = 0
  let bytes = 0
  let taken = 0
  for (const { fence, messages } of waiting) {
    if (fence !== undefined && sources.has(fence.filter)) break
    if (fence !== undefined) sources.add(fence.filter)
    count += messages.length
    for (const { payload } of messages) bytes += payload.length
    if (taken > 0 && (count > BATCH_MESSAGES_MAX || bytes > BATCH_BYTES_MAX)) break
    taken++
  }
  return waiting.splice(0, taken)
}
