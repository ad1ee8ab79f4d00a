import { headers as newHeaders, type Msg, nuid } from "@nats-io/transport-node"
import { Effect, Schema } from "effect"
import { JetStreamCode, JetStreamRefused, refused, request } from "./api.ts"
import { BusUnavailable, type NatsLink } from "./connection.ts"

/** Somebody else holds the lease, or took it over. */
class LeaseHeld extends Schema.TaggedError<LeaseHeld>()("LeaseHeld", {
  key: Schema.String
}) {}

/** The bucket's creation time and the lease's revision, compared as a pair: a recreated bucket starts again at 1. */
export interface Epoch {
  readonly bucketMillis: number
  readonly revision: number
}

export interface LeaseEntry {
  readonly value: string
  readonly revision: number
}

/** Who held a key and who does now; nobody is the empty text. */
interface LeaseChange {
  readonly key: string
  readonly from: string
  readonly to: string
}

const BUCKET_STREAM = "KV_leases"
const PREFIX = "$KV.leases."
/** The writer's clock, in milliseconds: beside the server's time of the same entry it tells how far they are apart. */
export const LEASE_CLOCK = "Lastro-Clock"
const RENEW_TIMEOUT_MILLIS = 1_500
/** The server says this often that the watch lives; it dies with the server, which keeps it in memory. */
const HEARTBEAT_MILLIS = 500
/** After this without a word the watch is taken for dead. */
const WATCH_SILENCE_MILLIS = 3 * HEARTBEAT_MILLIS

/**
 * A marker of an expiry or a release, or what no worker wrote: every lease ends by itself, and an
 * acknowledgement that a producer had sent here (NATS does not check where to) must hold nothing.
 */
export const holdsNothing = (has: (header: string) => boolean): boolean =>
  has("KV-Operation") || has("Nats-Marker-Reason") || !has("Nats-TTL")

/**
 * Leases in a JetStream KV bucket with history 1.
 *
 * Written with raw publishes: the client's KV `update` has no TTL and would make a renewed lease
 * immortal.
 */
export class Leases {
  private readonly link: NatsLink
  private readonly ttlMillis: number
  readonly bucketMillis: number
  private readonly entries = new Map<string, LeaseEntry>()
  private readonly listeners = new Set<(change: LeaseChange) => void>()
  /** Keys of the present watch: what an earlier one knew and this one does not tell is gone. */
  private seen = new Set<string>()
  private watched = { consumerSeq: 0, heardAt: 0, broken: false }
  private unsubscribe = () => {}

  private constructor(link: NatsLink, ttlMillis: number, bucketMillis: number) {
    this.link = link
    this.ttlMillis = ttlMillis
    this.bucketMillis = bucketMillis
  }

  /** Reads the bucket and keeps watching it. */
  static readonly open = Effect.fnUntraced(function* (link: NatsLink, ttlMillis: number) {
    const info = yield* request<{ created: string }>(link.nc, `STREAM.INFO.${BUCKET_STREAM}`)
    const leases = new Leases(link, ttlMillis, Date.parse(info.created))
    yield* leases.watch()
    return leases
  })

  /** Takes a free lease. Its revision is the epoch. */
  readonly acquire = (key: string, value: string) =>
    this.write(key, value, this.entries.get(key)?.revision ?? 0, true)

  /** Proves the lease is still ours and prolongs it. */
  readonly renew = (key: string, value: string, revision: number) =>
    this.write(key, value, revision, false)

  readonly release = (key: string, revision: number) =>
    this.publish(key, "", revision, [["KV-Operation", "DEL"]]).pipe(Effect.ignore)

  readonly list = (): ReadonlyMap<string, LeaseEntry> => this.entries

  /** Told of every key whose holder changed; a renewal is no change. */
  readonly onChange = (listener: (change: LeaseChange) => void): () => void => {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  readonly close = () => this.unsubscribe()

  /**
   * Asks for another leader of the bucket: a server whose disk was full refuses its writes also when there
   * is room again, and the next leader does not. One server alone cannot be helped by it.
   */
  readonly anotherLeader = () =>
    Effect.ignore(request(
      this.link.nc,
      `STREAM.LEADER.STEPDOWN.${BUCKET_STREAM}`,
      undefined,
      RENEW_TIMEOUT_MILLIS
    ))

  /** Watches anew where the watch died or missed something. To be called again and again. */
  readonly freshen = Effect.suspend(() => {
    const { broken, heardAt } = this.watched
    return broken || Date.now() - heardAt > WATCH_SILENCE_MILLIS ? this.watch() : Effect.void
  })

  private readonly write = (key: string, value: string, expected: number, acquiring: boolean) => {
    // A live entry of somebody else is never overwritten by an acquisition.
    if (acquiring && (this.entries.get(key)?.value ?? "") !== "") {
      return Effect.fail(new LeaseHeld({ key }))
    }
    return this.publish(key, value, expected, [[
      "Nats-TTL",
      `${Math.ceil(this.ttlMillis / 1_000)}s`
    ]])
      .pipe(
        Effect.catchTag(
          "JetStreamRefused",
          (error) =>
            error.code === JetStreamCode.WrongLastSequence ||
              error.code === JetStreamCode.WrongLastSequenceConstant
              ? this.refresh(key).pipe(Effect.andThen(Effect.fail(new LeaseHeld({ key }))))
              : Effect.fail(new BusUnavailable({ detail: error.message }))
        )
      )
  }

  /** The key's true last revision: a marker left by an expiry or a release may be what stood in the way. */
  private readonly refresh = (key: string) =>
    request<{ message: { seq: number; data?: string; hdrs?: string } }>(
      this.link.nc,
      `STREAM.MSG.GET.${BUCKET_STREAM}`,
      { last_by_subj: `${PREFIX}${key}` }
    ).pipe(
      Effect.map(({ message }) => {
        const headers = Buffer.from(message.hdrs ?? "", "base64").toString()
        this.set(key, {
          value: holdsNothing((name) => headers.includes(`${name}:`))
            ? ""
            : Buffer.from(message.data ?? "", "base64").toString(),
          revision: message.seq
        })
      }),
      Effect.catchTag("JetStreamRefused", () => Effect.sync(() => this.set(key, undefined)))
    )

  private readonly publish = (
    key: string,
    value: string,
    expected: number,
    extra: ReadonlyArray<readonly [string, string]>
  ): Effect.Effect<number, BusUnavailable | JetStreamRefused> =>
    Effect.tryPromise({
      try: async () => {
        const headers = newHeaders()
        headers.set("Nats-Expected-Last-Subject-Sequence", String(expected))
        headers.set(LEASE_CLOCK, String(Date.now()))
        for (const [name, text] of extra) headers.set(name, text)
        const subject = `${PREFIX}${key}`
        const answer = await this.link.nc.request(subject, value, {
          headers,
          timeout: RENEW_TIMEOUT_MILLIS
        })
        const ack = answer.json<
          { error?: { err_code?: number; description?: string }; seq: number }
        >()
        if (ack.error !== undefined) throw refused(subject, ack.error)
        this.set(key, { value, revision: ack.seq })
        return ack.seq
      },
      catch: (cause) =>
        cause instanceof JetStreamRefused
          ? cause
          : new BusUnavailable({ detail: `lease ${key}: ${(cause as Error).message}` })
    })

  /** An ephemeral push consumer over the bucket: present values first, then every change. */
  private readonly watch = Effect.fnUntraced({ self: this }, function* (this: Leases) {
    this.unsubscribe()
    this.seen = new Set()
    const watched = { consumerSeq: 0, heardAt: Date.now(), broken: false }
    this.watched = watched
    const inbox = `${this.link.inboxPrefix}.${nuid.next()}`
    const subscription = this.link.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error !== null) {
          watched.broken = true
          return
        }
        watched.heardAt = Date.now()
        if (message.subject.startsWith(PREFIX)) this.observe(message)
        else if (Number(message.headers?.get("Nats-Last-Consumer") ?? 0) > watched.consumerSeq) {
          watched.broken = true
        }
      }
    })
    this.unsubscribe = () => subscription.unsubscribe()
    const made = yield* request<{ num_pending: number }>(
      this.link.nc,
      `CONSUMER.CREATE.${BUCKET_STREAM}`,
      {
        stream_name: BUCKET_STREAM,
        config: {
          deliver_policy: "last_per_subject",
          deliver_subject: inbox,
          ack_policy: "none",
          filter_subject: `${PREFIX}>`,
          idle_heartbeat: HEARTBEAT_MILLIS * 1_000_000,
          inactive_threshold: 30_000_000_000,
          mem_storage: true,
          num_replicas: 1
        }
      }
    ).pipe(
      Effect.catchTag(
        "JetStreamRefused",
        (error) => Effect.fail(new BusUnavailable({ detail: error.message }))
      )
    )
    if (made.num_pending === 0) this.forgetUnseen()
  })

  private observe(message: Msg) {
    const tokens = message.reply?.split(".") ?? []
    const consumerSeq = Number(tokens.at(-3) ?? 0)
    if (consumerSeq !== ++this.watched.consumerSeq) this.watched.broken = true
    const key = message.subject.slice(PREFIX.length)
    const nothing = holdsNothing((name) => (message.headers?.get(name) ?? "") !== "")
    this.set(key, { value: nothing ? "" : message.string(), revision: Number(tokens.at(-4) ?? 0) })
    if (tokens.at(-1) === "0") this.forgetUnseen()
  }

  /** Every present value was told: a key that was not among them ended while nobody watched. */
  private forgetUnseen() {
    for (const key of this.entries.keys()) {
      if (!this.seen.has(key)) this.set(key, undefined)
    }
  }

  private set(key: string, entry: LeaseEntry | undefined) {
    const known = this.entries.get(key)
    this.seen.add(key)
    if (entry === undefined) this.entries.delete(key)
    else if (known !== undefined && known.revision > entry.revision) return
    else this.entries.set(key, entry)
    const [from, to] = [known?.value ?? "", entry?.value ?? ""]
    if (from !== to) { for (const listener of this.listeners) listener({ key, from, to }) }
  }
}
