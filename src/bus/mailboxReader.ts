import { type Msg, nuid } from "@nats-io/transport-node"
import { Effect, Schema } from "effect"
import * as metrics from "../telemetry/metrics.ts"
import { JetStreamCode, request } from "./api.ts"
import type { BusClient, BusUnavailable, NatsLink } from "./connection.ts"
import { Witness, type WitnessOptions } from "./witness.ts"

/** The consumer is gone or skipped something: the reader must be made again at the cursor. */
export class ReaderLost extends Schema.TaggedError<ReaderLost>()("ReaderLost", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** One arrival of one message. */
export interface Delivery {
  readonly subject: string
  readonly seq: number
  /** Milliseconds: the stamp JetStream gave it when it was stored. */
  readonly atMillis: number
  readonly data: Uint8Array
  readonly header: (name: string) => string | undefined
  readonly headers: () => Record<string, string>
  readonly ackSubject: string
}

/** Messages asked for at once. Twice as many may wait in memory while a turn commits. */
const PULL_MESSAGES_MAX = 500
const PULL_BYTES_MAX = 4 * 1024 * 1024
/** A former owner's open pull dies with its consumer; within a second even if nobody tells it. */
export const PULL_EXPIRES_MILLIS = 1_000
/** After this without any word about a pull it is taken for lost (reconnect, leader change). */
const PULL_SILENCE_MILLIS = PULL_EXPIRES_MILLIS + 1_500
/** Nobody answers pulls while a leader is elected, and for ever where the consumer went with its server. */
const PULL_AGAIN_MILLIS = 100
const PULL_AGAIN_MILLIS_MIN = 10
const UNANSWERED_MAX = 30
/** A server that hangs keeps its consumer's subject and answers nothing: so many pulls without a word. */
const SILENCES_MAX = 2
/** The one server that holds a consumer answers its deletion. Where it is gone nobody does; it is deleted all the same. */
const DELETE_TIMEOUT_MILLIS = 500
/** A consumer may be placed on a server that hangs: then another try places it elsewhere. */
const CREATE_TIMEOUT_MILLIS = 2_500
/**
 * An idle reader asks so often whether messages went elsewhere: within seconds. A question costs 0.25 ms
 * of processors, the server's included (measured), so all 32 idle partitions together 2 ms a second.
 */
const IDLE_PULLS_PER_LOOK = 5
/** Far above any turn: redelivery by time-out would only repeat what the cursor already covers. */
const ACK_WAIT_NANOS = 600_000_000_000
const ACK_PENDING_MAX = 20_000
/** One acknowledgement covers all before it, and only the standard tools wait for it. */
export const ACK_EVERY_MILLIS = 200
/** Messages behind at which the standard tools call it critical; admission closes the gate before. */
const UNPROCESSED_CRITICAL = 200_000

/**
 * Reads one partition of a mailbox in unbroken order, ahead of its turns. It is in one of these modes:
 *
 * - *Pulling*: one pull is open, and what it brings waits here. Another is sent when all of it has come and
 *   at most half of it still waits.
 * - *Idle*: a pull ended without a message. It pulls again, and asks now and then whether the consumer has
 *   given away more than came here: then it is lost.
 * - *Unanswered*: nobody answers (a leader is elected, or the consumer went with its server). It doubts, and
 *   pulls again, soon and then more slowly; after so many times it is lost.
 * - *Silent*: not a word came of a pull, not even its end. It doubts, and pulls again; the second time it is lost.
 * - *Lost*: the consumer is gone or skipped something. What was not taken is dropped, and whoever owns the
 *   partition makes a reader anew at its cursor.
 *
 * Where it doubts, the stream's leader is asked whether messages were passed over before any more is given out.
 */
export interface MailboxReader {
  /** Returns when at least one message waits here or the reader is lost, or after `millis`. */
  readonly ready: (millis: number) => Effect.Effect<void>
  /** At least one message, at most `max`, in unbroken stream order. Resolves empty after `millis`. */
  readonly take: (max: number, millis: number) => Effect.Effect<ReadonlyArray<Delivery>, ReaderLost>
  /** Everything up to and including this one is done. Advisory: the cursor is the truth. */
  readonly acknowledge: (delivery: Delivery) => void
  readonly waiting: () => number
  readonly close: () => void
}

/** A partition's consumer as it is made; `doctor` compares with it. */
export const partitionConsumer = (
  { consumer, filter, startSeq }: { consumer: string; filter: string; startSeq: number }
) => ({
  durable_name: consumer,
  name: consumer,
  deliver_policy: "by_start_sequence",
  opt_start_seq: startSeq,
  ack_policy: "all",
  ack_wait: ACK_WAIT_NANOS,
  max_ack_pending: ACK_PENDING_MAX,
  max_deliver: -1,
  filter_subject: filter,
  // Its place is the cursor in PostgreSQL: the server need not write, let alone sync, its own.
  mem_storage: true,
  num_replicas: 1,
  metadata: {
    "io.nats.monitor.enabled": "true",
    "io.nats.monitor.outstanding-ack-critical": String(ACK_PENDING_MAX),
    "io.nats.monitor.unprocessed-critical": String(UNPROCESSED_CRITICAL),
    "lastro.partition": consumer
  }
})

/**
 * Deletes and recreates the partition's consumer at `startSeq` and reads it.
 *
 * Recreating (a few milliseconds) ends a former owner's pulls with 409; a reset would let them
 * live, and a former owner was seen to receive every second new message.
 */
export const openReader = Effect.fnUntraced(function* (
  link: NatsLink,
  options: WitnessOptions & { readonly consumer: string }
): Effect.fn.Return<MailboxReader, BusUnavailable | ReaderLost> {
  const { consumer, filter, startSeq, stream } = options
  const { nc } = link
  yield* request(
    nc,
    `CONSUMER.DELETE.${stream}.${consumer}`,
    undefined,
    DELETE_TIMEOUT_MILLIS
  ).pipe(
    Effect.catchTag("BusUnavailable", () => Effect.void),
    Effect.catchTag(
      "JetStreamRefused",
      (error) =>
        error.code === JetStreamCode.ConsumerNotFound
          ? Effect.void
          : Effect.fail(new ReaderLost({ detail: error.message }))
    )
  )
  yield* request(nc, `CONSUMER.CREATE.${stream}.${consumer}.${filter}`, {
    stream_name: stream,
    action: "create",
    config: partitionConsumer({ consumer, filter, startSeq })
  }, CREATE_TIMEOUT_MILLIS).pipe(
    Effect.catchTag(
      "JetStreamRefused",
      (error) => Effect.fail(new ReaderLost({ detail: error.message }))
    )
  )
  return new PullReader(link, options)
})

class PullReader implements MailboxReader {
  private readonly nc: BusClient
  private readonly family: string
  private readonly place: string
  private readonly inbox: string
  private buffer: Array<Delivery> = []
  private expectedConsumerSeq = 1
  private lastSeq: number
  private readonly witness: Witness
  private failure: ReaderLost | undefined
  private outstanding = 0
  private unanswered = 0
  private silences = 0
  /** Pulls that ended without a message, one after the other. */
  private idlePulls = 0
  /** What was expected next when the consumer had given more away already. */
  private missedFrom = 0
  private pullId = 0
  /** The last message that is done with, to be told the server soon. */
  private done: string | undefined
  private acknowledging: ReturnType<typeof setTimeout> | undefined
  private silence: ReturnType<typeof setTimeout> | undefined
  private awaken: (() => void) | undefined
  private readonly unsubscribe: () => void

  constructor(link: NatsLink, options: WitnessOptions & { readonly consumer: string }) {
    const { nc } = link
    const { consumer, startSeq, stream } = options
    this.nc = nc
    // What stands before belongs to an older consumer of this name on a server that knows no better.
    this.lastSeq = startSeq - 1
    this.witness = new Witness(nc, options)
    this.family = consumer.slice(0, consumer.lastIndexOf("-"))
    this.place = `${stream}.${consumer}`
    this.inbox = `${link.inboxPrefix}.${nuid.next()}`
    const subscription = nc.subscribe(`${this.inbox}.*`, {
      callback: (error, message) => {
        if (error !== null) this.lose(`subscription: ${error.message}`)
        else this.receive(message)
      }
    })
    this.unsubscribe = () => subscription.unsubscribe()
    this.pull()
  }

  readonly ready = (millis: number) =>
    Effect.callback<void>((resume) => {
      const done = () => {
        this.awaken = undefined
        resume(Effect.void)
      }
      if (this.buffer.length > 0 || this.failure !== undefined) return done()
      const timer = setTimeout(done, millis)
      let soon: ReturnType<typeof setImmediate> | undefined
      // What the same read of the socket brought is taken together.
      this.awaken = () => {
        clearTimeout(timer)
        this.awaken = undefined
        soon = setImmediate(done)
      }
      return Effect.sync(() => {
        clearTimeout(timer)
        clearImmediate(soon)
        this.awaken = undefined
      })
    })

  readonly take = (max: number, millis: number) =>
    Effect.flatMap(this.ready(millis), (): Effect.Effect<ReadonlyArray<Delivery>, ReaderLost> => {
      if (this.failure !== undefined) return Effect.fail(this.failure)
      const taken = this.buffer.length <= max ? this.buffer.splice(0) : this.buffer.splice(0, max)
      this.pull()
      return this.witness.examine(taken.map(({ seq }) => seq)).pipe(
        Effect.tap((wrong) =>
          Effect.sync(() => {
            if (wrong !== undefined) metrics.fences.inc({ family: this.family, place: "witness" })
          })
        ),
        Effect.catch((error) => Effect.succeed(error.message)),
        Effect.flatMap((wrong) => {
          if (wrong === undefined) return Effect.succeed(taken)
          this.lose(wrong)
          return Effect.fail(this.failure!)
        })
      )
    })

  readonly acknowledge = ({ ackSubject }: Delivery) => {
    // A relay may end after its reader, and after the connection.
    if (this.failure !== undefined) return
    this.acknowledging ??= setTimeout(this.sendAcknowledgement, ACK_EVERY_MILLIS)
    this.done = ackSubject
  }

  private readonly sendAcknowledgement = () => {
    clearTimeout(this.acknowledging)
    this.acknowledging = undefined
    if (this.done !== undefined) this.nc.publish(this.done)
    this.done = undefined
  }

  readonly waiting = () => this.buffer.length

  readonly close = () => {
    this.sendAcknowledgement()
    clearTimeout(this.silence)
    this.failure ??= new ReaderLost({ detail: "closed" })
    this.unsubscribe()
  }

  private pull() {
    if (this.failure !== undefined || this.outstanding > 0) return
    if (this.buffer.length > PULL_MESSAGES_MAX / 2) return
    this.outstanding = PULL_MESSAGES_MAX
    this.pullId++
    this.nc.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${this.place}`,
      JSON.stringify({
        batch: PULL_MESSAGES_MAX,
        max_bytes: PULL_BYTES_MAX,
        expires: PULL_EXPIRES_MILLIS * 1_000_000
      }),
      { reply: `${this.inbox}.${this.pullId}` }
    )
    this.watchSilence()
  }

  private watchSilence() {
    clearTimeout(this.silence)
    this.silence = setTimeout(() => {
      if (++this.silences >= SILENCES_MAX) return this.lose("not a word: its server hangs")
      this.witness.doubt()
      this.outstanding = 0
      this.pull()
    }, PULL_SILENCE_MILLIS)
  }

  private receive(message: Msg) {
    const status = message.headers?.code ?? 0
    this.silences = 0
    if (status !== 0) return this.status(message, status)
    this.unanswered = 0
    this.idlePulls = 0
    // A message carries its own subject, not the pull's: it can only belong to the present one.
    this.outstanding = Math.max(0, this.outstanding - 1)
    const delivery = deliveryOf(message)
    if (delivery === undefined) return this.lose("a message without JetStream's reply subject")
    if (delivery.consumerSeq !== this.expectedConsumerSeq || delivery.seq <= this.lastSeq) {
      return this.lose(
        `consumer sequence ${delivery.consumerSeq}, expected ${this.expectedConsumerSeq}`
      )
    }
    this.expectedConsumerSeq++
    this.lastSeq = delivery.seq
    this.buffer.push(delivery)
    if (this.outstanding === 0) this.pull()
    this.awaken?.()
  }

  private status(message: Msg, status: number) {
    // A word about an earlier pull says nothing about the present one.
    const current = message.subject.endsWith(`.${this.pullId}`)
    const description = message.headers?.description ?? ""
    if (status === 409 && /consumer deleted|consumer is push/i.test(description)) {
      // Whoever took over deleted it.
      metrics.fences.inc({ family: this.family, place: "reader" })
      return this.lose(description)
    }
    if (status === 100 || !current) return
    this.outstanding = 0
    this.unanswered = status === 503 ? this.unanswered + 1 : 0
    if (this.unanswered > UNANSWERED_MAX) return this.lose("nobody answers: the consumer is gone")
    // As many bytes as were asked for: nothing went away.
    if (status === 409 && /exceed|completed/i.test(description)) return this.pull()
    // Without responders the server is away or the leader is being elected: do not spin.
    if (status === 503 || status === 409) {
      this.witness.doubt()
      clearTimeout(this.silence)
      // Soon at first: a server hears of a consumer that was just made on another one a little later.
      const millis = status === 503 ? this.unanswered * PULL_AGAIN_MILLIS_MIN : PULL_AGAIN_MILLIS
      this.silence = setTimeout(() => this.pull(), Math.min(millis, PULL_AGAIN_MILLIS))
      return
    }
    if (this.missedFrom === this.expectedConsumerSeq) {
      return this.lose(`message ${this.missedFrom} of the consumer went elsewhere`)
    }
    this.pull()
    if (this.idlePulls++ % IDLE_PULLS_PER_LOOK === 0) this.lookForMissed()
  }

  /**
   * A message given to a former owner that woke up, or to a connection that broke, leaves no gap as long
   * as none follows it: the consumer tells how many it gave away. Had it only been under way it would
   * be here before the next pull ends.
   */
  private lookForMissed() {
    const expected = this.expectedConsumerSeq
    const told = request<{ delivered: { consumer_seq: number } }>(
      this.nc,
      `CONSUMER.INFO.${this.place}`
    )
    Effect.runFork(Effect.match(told, {
      onFailure: () => {},
      onSuccess: ({ delivered }) => {
        if (delivered.consumer_seq >= expected) this.missedFrom = expected
      }
    }))
  }

  private lose(detail: string) {
    this.failure ??= new ReaderLost({ detail })
    // What was not committed is discarded: the next reader gets it again from the cursor.
    this.buffer = []
    this.unsubscribe()
    clearTimeout(this.silence)
    clearTimeout(this.acknowledging)
    this.awaken?.()
  }
}

/** `$JS.ACK.<stream>.<consumer>.<delivered>.<seq>.<consumer seq>.<nanos>.<pending>`, or with domain and account. */
export const deliveryOf = (message: Msg): (Delivery & { consumerSeq: number }) | undefined => {
  const tokens = message.reply?.split(".") ?? []
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined
  const base = tokens.length >= 11 ? 2 : 0
  const nanos = tokens[base + 7]
  if (nanos === undefined) return undefined
  return {
    subject: message.subject,
    seq: Number(tokens[base + 5]),
    consumerSeq: Number(tokens[base + 6]),
    atMillis: Number(nanos.slice(0, -6)),
    data: message.data,
    header: (name) => message.headers?.get(name) || undefined,
    headers: () => headersOf(message),
    ackSubject: message.reply!
  }
}

export const headersOf = (message: Msg): Record<string, string> => {
  const found: Record<string, string> = {}
  for (const name of message.headers?.keys() ?? []) found[name] = message.headers!.get(name)
  return found
}
