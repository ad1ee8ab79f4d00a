import { type Msg, nuid } from "@nats-io/transport-node"
import { Effect, Schedule, Schema, type Scope } from "effect"
import { type JetStreamRefused, request } from "./api.ts"
import { BusUnavailable, type NatsLink } from "./connection.ts"
import { type Delivery, deliveryOf } from "./mailboxReader.ts"

/** Consumers of scans have this prefix: they read along and take nothing from anybody. */
export const SCANS = "scan-"

const ANSWER_MILLIS = 5_000
const PULL_BYTES_MAX = 8 * 1024 * 1024
/**
 * A scan whose process died is forgotten by the server after this. A replay decides what a page holds before
 * it asks for the next, which took more than half a minute on a busy machine.
 */
const INACTIVE_NANOS = 900_000_000_000

/** A server hears of a consumer that was just made on another one a little later. Nothing was given away. */
class NobodyAnswers extends Schema.TaggedError<NobodyAnswers>()("NobodyAnswers", {}) {}
const UNANSWERED_MAX = 50
const AGAIN_MILLIS = 50

export interface Scan {
  /** The next messages in stream order; fewer than asked only where no more are there now. */
  readonly page: (max: number) => Effect.Effect<ReadonlyArray<Delivery>, BusUnavailable>
}

/** Reads a stream from a sequence on, beside everybody else, without taking anything away. */
export const openScan = Effect.fnUntraced(function* (
  link: NatsLink,
  what: {
    readonly stream: string
    readonly filter: string
    readonly startSeq: number
    readonly headersOnly?: boolean
  }
): Effect.fn.Return<Scan, BusUnavailable | JetStreamRefused, Scope.Scope> {
  const { filter, headersOnly = false, startSeq, stream } = what
  const name = `${SCANS}${nuid.next()}`
  yield* Effect.acquireRelease(
    request(link.nc, `CONSUMER.CREATE.${stream}.${name}.${filter}`, {
      stream_name: stream,
      action: "create",
      config: {
        name,
        deliver_policy: "by_start_sequence",
        opt_start_seq: Math.max(1, startSeq),
        ack_policy: "none",
        filter_subject: filter,
        headers_only: headersOnly,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: INACTIVE_NANOS
      }
    }),
    () => Effect.ignore(request(link.nc, `CONSUMER.DELETE.${stream}.${name}`))
  )
  const next = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`
  return {
    page: Effect.fnUntraced(function* (max) {
      const found: Array<Delivery> = []
      // Bytes end a pull early; only an empty one means that no more are there.
      while (found.length < max) {
        const pulled = yield* pull(link, next, max - found.length)
        found.push(...pulled)
        if (pulled.length === 0) break
      }
      return found
    })
  }
})

const pull = (link: NatsLink, next: string, batch: number) =>
  pullOnce(link, next, batch).pipe(
    Effect.retry({
      while: ({ _tag }) => _tag === "NobodyAnswers",
      times: UNANSWERED_MAX,
      schedule: Schedule.spaced(AGAIN_MILLIS)
    }),
    Effect.catchTag(
      "NobodyAnswers",
      () => Effect.fail(new BusUnavailable({ detail: `${next}: nobody answers` }))
    )
  )

const pullOnce = (link: NatsLink, next: string, batch: number) =>
  Effect.callback<ReadonlyArray<Delivery>, BusUnavailable | NobodyAnswers>((resume) => {
    const found: Array<Delivery> = []
    const inbox = `${link.inboxPrefix}.${nuid.next()}`
    const finish = (
      result: Effect.Effect<ReadonlyArray<Delivery>, BusUnavailable | NobodyAnswers>
    ) => {
      clearTimeout(silence)
      subscription.unsubscribe()
      resume(result)
    }
    const lost = (detail: string) => finish(Effect.fail(new BusUnavailable({ detail })))
    let silence = setTimeout(() => lost(`${next}: no answer`), ANSWER_MILLIS)
    const receive = (message: Msg) => {
      const status = message.headers?.code ?? 0
      if (status === 404 || status === 408) return finish(Effect.succeed(found))
      if (status === 503) return finish(Effect.fail(new NobodyAnswers()))
      // Its bytes are used up, or it is gone.
      if (status !== 0) {
        const said = message.headers?.description ?? ""
        return /exceed|completed/i.test(said)
          ? finish(Effect.succeed(found))
          : lost(`${next}: ${status} ${said}`)
      }
      const delivery = deliveryOf(message)
      if (delivery === undefined) return lost(`${next}: not a stored message`)
      found.push(delivery)
      clearTimeout(silence)
      silence = setTimeout(() => lost(`${next}: broken off`), ANSWER_MILLIS)
      if (found.length === batch) finish(Effect.succeed(found))
    }
    const subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => error === null ? receive(message) : lost(error.message)
    })
    link.nc.publish(
      next,
      JSON.stringify({ batch, max_bytes: PULL_BYTES_MAX, no_wait: true }),
      { reply: inbox }
    )
    return Effect.sync(() => {
      clearTimeout(silence)
      subscription.unsubscribe()
    })
  })
