import { Context, Effect, Layer, Semaphore } from "effect"
import { restarted } from "../runtime/restarted.ts"
import { findApiKeys } from "../store/apiKeys.ts"
import { Database } from "../store/database.ts"
import { eventsAfter, eventsAfterEach, isLater } from "../store/events.ts"
import { AccessChanges } from "./access/changes.ts"
import { LiveStream, type Place, type StreamAsked, toldOf } from "./liveStream.ts"
import { type Problem, problem, unavailable } from "./problem.ts"

/** Open streams of one key at one edge. One more is refused: each merchant needs one for each reader. */
export const STREAMS_PER_KEY_MAX = 50
/** Open streams at one edge. One more is sent to another edge, or told to come back. */
const STREAMS_MAX = 5_000
/** When one that was refused may try again: others end as their readers go. */
const TOO_MANY_SECONDS = 15
/** How late an event may be on a stream. */
const POLL_MILLIS = 500
/** How late a stream may end after its key where nobody tells this edge of it. */
const KEYS_CHECK_MILLIS = 3_000
/** Events read at once, for one merchant. */
const PAGE_MAX = 200
/** Streams that read for themselves at once: other requests share the connections with them. */
const CATCHING_UP_MAX = 3

/** The live event streams of one edge: one query for all of them, each half second. */
export class EventStreams extends Context.Service<EventStreams, {
  readonly open: (asked: StreamAsked) => Effect.Effect<ReadableStream<Uint8Array>, Problem>
}>()("lastro/edge/EventStreams") {
  static readonly layer = Layer.effect(
    EventStreams,
    Effect.gen(function* () {
      const streams = new Streams(yield* Database, yield* Semaphore.make(CATCHING_UP_MAX))
      const changes = yield* AccessChanges
      changes.onChange((ids) => streams.endOf(ids))
      yield* Effect.forkScoped(restarted("the event streams", Effect.forever(streams.turn)))
      yield* Effect.addFinalizer(() => Effect.sync(() => streams.closeAll()))
      return { open: streams.open }
    })
  )
}

/** What has been told of one merchant to those who are up to date. */
interface Feed {
  head: Place
  readonly streams: Set<LiveStream>
}

class Streams {
  private readonly database: Database["Service"]
  private readonly reading: Semaphore.Semaphore
  private readonly all = new Set<LiveStream>()
  private readonly feeds = new Map<string, Feed>()
  private keysCheckedAt = 0

  constructor(database: Database["Service"], reading: Semaphore.Semaphore) {
    this.database = database
    this.reading = reading
  }

  readonly open = (asked: StreamAsked): Effect.Effect<ReadableStream<Uint8Array>, Problem> =>
    Effect.suspend(() => {
      const ofKey = [...this.all].filter(({ asked: { caller } }) => caller === asked.caller).length
      if (ofKey >= STREAMS_PER_KEY_MAX) {
        return Effect.fail(problem(
          "too_many_streams",
          `a key has at most ${STREAMS_PER_KEY_MAX} event streams open at once`,
          { retryAfterSeconds: TOO_MANY_SECONDS }
        ))
      }
      if (this.all.size >= STREAMS_MAX) {
        return Effect.fail(unavailable(`this edge has ${STREAMS_MAX} event streams open`))
      }
      const stream: LiveStream = new LiveStream(asked, {
        catchUp: () => this.catchUp(stream),
        gone: () => this.forget(stream)
      })
      this.all.add(stream)
      return Effect.succeed(stream.readable)
    })

  /** Whose right has changed has to come in anew. Where it may be anybody's, their keys are looked at. */
  readonly endOf = (ids: ReadonlySet<string> | undefined): void => {
    if (ids === undefined) this.keysCheckedAt = 0
    else {for (const stream of this.all) {
        if (stream.asked.endsWith.some((id) => ids.has(id))) stream.end()
      }}
  }

  readonly closeAll = (): void => {
    for (const stream of this.all) stream.end()
  }

  /** One look for all who are up to date, and now and then at their keys. */
  readonly turn: Effect.Effect<void> = Effect.suspend(() => {
    const now = Date.now()
    for (const stream of this.all) {
      if (now >= stream.asked.until) stream.end()
      else stream.beat(now)
    }
    return this.all.size === 0
      ? Effect.void
      : Effect.andThen(this.endWithKeys(now), this.tell).pipe(Effect.ignore)
  }).pipe(Effect.andThen(Effect.sleep(POLL_MILLIS)))

  private endWithKeys(now: number) {
    if (now - this.keysCheckedAt < KEYS_CHECK_MILLIS) return Effect.void
    this.keysCheckedAt = now
    const secrets = [...new Set([...this.all].flatMap(({ asked }) => asked.secret ?? []))]
    return this.database.query("edge.stream.keys", (db) => findApiKeys(db, secrets)).pipe(
      Effect.map((live) => {
        const asked = new Set(secrets)
        for (const stream of this.all) {
          const { secret } = stream.asked
          if (secret !== undefined && asked.has(secret) && !live.has(secret)) stream.end()
        }
      })
    )
  }

  private readonly tell = Effect.gen({ self: this }, function* (this: Streams) {
    let more = this.feeds.size > 0
    while (more) {
      const places = [...this.feeds].map(([merchant, { head }]) => ({ merchant, after: head }))
      const found = yield* this.database.query(
        "edge.stream",
        (db) => eventsAfterEach(db, places, PAGE_MAX)
      )
      more = false
      for (const { after, merchant } of places) {
        const feed = this.feeds.get(merchant)
        const events = (found.get(merchant) ?? []).map(toldOf)
        // Somebody joined further back meanwhile: the next look begins there.
        if (feed === undefined || feed.head !== after || events.length === 0) continue
        for (const stream of feed.streams) if (!stream.tell(events)) this.leave(stream)
        feed.head = events.at(-1)!.place
        more ||= events.length === PAGE_MAX && this.feeds.has(merchant)
      }
    }
  })

  /** One that is behind reads for itself, page by page, until nothing is left; then it joins the others. */
  private catchUp(stream: LiveStream): Promise<void> {
    const { merchant } = stream.asked
    const page = this.database.query(
      "edge.stream.behind",
      (db) => eventsAfter(db, merchant, stream.after, PAGE_MAX)
    )
    return Effect.runPromise(
      this.reading.withPermits(1)(page).pipe(
        Effect.map((events) => {
          if (stream.ended) return
          stream.tell(events.map(toldOf))
          if (events.length < PAGE_MAX) this.join(merchant, stream)
        }),
        // Without PostgreSQL nothing happens that it could miss.
        Effect.catch(() => Effect.sleep(POLL_MILLIS))
      )
    )
  }

  private join(merchant: string, stream: LiveStream): void {
    stream.behind = false
    const feed = this.feeds.get(merchant)
    if (feed === undefined) {
      return void this.feeds.set(merchant, { head: stream.after, streams: new Set([stream]) })
    }
    feed.streams.add(stream)
    // The others know already what comes now once more, and pass it over.
    if (isLater(feed.head, stream.after)) feed.head = stream.after
  }

  private leave(stream: LiveStream): void {
    const { merchant } = stream.asked
    const feed = this.feeds.get(merchant)
    feed?.streams.delete(stream)
    if (feed?.streams.size === 0) this.feeds.delete(merchant)
  }

  private forget(stream: LiveStream): void {
    this.all.delete(stream)
    this.leave(stream)
  }
}
