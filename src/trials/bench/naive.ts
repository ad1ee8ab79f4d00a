import { Effect, Layer } from "effect"
import { sql } from "kysely"
import { append } from "../../bus/append.ts"
import { Appender } from "../../bus/appender.ts"
import { Nats, type NatsLink } from "../../bus/connection.ts"
import { openSharedReader, type SharedDelivery } from "../../bus/sharedReader.ts"
import { schedule } from "../../bus/timers.ts"
import { stateKey } from "../../runtime/actor.ts"
import { outgoingOf } from "../../runtime/bundle.ts"
import { type Draft, emptyDraft, keptBy } from "../../runtime/draft.ts"
import { fold } from "../../runtime/fold.ts"
import { opener } from "../../runtime/opener.ts"
import { type Letter, lettersOf } from "../../runtime/letter.ts"
import type { Addressing } from "../../runtime/outbox.ts"
import { runOutbound } from "../../runtime/outboundRunner.ts"
import type { AnyActor, AnyKeyed } from "../../runtime/registry.ts"
import type { Stack } from "../../stack/stack.ts"
import { Database, type Db, type Trx } from "../../store/database.ts"
import { forAny } from "../../store/statements.ts"
import { insertEvents } from "../../store/turn.ts"
import { PARTITIONS } from "../../../streams/mailboxes.ts"

/** Messages of one family under way for each connection: some are published while others commit. */
const MESSAGES_PER_CONNECTION = 4

interface NaiveOptions {
  readonly stack: Stack
  readonly actors: ReadonlyArray<AnyActor>
  readonly connections: number
  readonly streamOf: (family: string) => string | undefined
  readonly addressingOf: (family: string, partition: number) => Addressing
  readonly messageBytesMax: number
  /** Messages under way now. */
  readonly flight: { count: number }
}

/** Which messages were handled: a repeat is left out, as any consumer with effects must. */
export const INBOX =
  "create table naive_inbox (family text, seq bigint, part int, primary key (family, seq, part))"

/**
 * The same decisions the plain way: each message in a database transaction of its own, with its keys
 * locked, and what it says published after the commit, acknowledged one by one. It has no cursor, no
 * outbox and no fence, so it does less than a turn: what was not published when it died is lost.
 * Gateway calls go as Lastro's do.
 */
export const runNaive = (options: NaiveOptions) => {
  const { password, user } = options.stack.nats.worker
  return Effect.scoped(everything(options)).pipe(Effect.provide(Layer.mergeAll(
    Nats.layerOf({ urls: options.stack.natsUrls, user, password, name: "lastro-naive" }),
    Database.layerOf(options.stack.databaseUrl, options.connections)
  )))
}

const everything = Effect.fnUntraced(function* (options: NaiveOptions) {
  const link = yield* Nats
  const appender = new Appender(link)
  yield* Effect.forEach(
    options.actors,
    (actor) =>
      actor.kind === "keyed" ? runKeyed(link, options, actor) : runOutbound({
        link,
        appender,
        control: { isPaused: () => false, onChange: () => {} },
        actor,
        stream: options.streamOf(actor.family)!,
        partitions: PARTITIONS,
        streamOf: options.streamOf,
        messageBytesMax: options.messageBytesMax
      }),
    { concurrency: "unbounded", discard: true }
  )
})

const runKeyed = Effect.fnUntraced(function* (
  link: NatsLink,
  options: NaiveOptions,
  actor: AnyKeyed
) {
  const context = yield* Effect.context<Database>()
  const inFlightMax = options.connections * MESSAGES_PER_CONNECTION
  const handle = handler(link, options, actor)
  let inFlight = 0
  const reader: { pull: () => void; close: () => void } = yield* openSharedReader(link, {
    stream: options.streamOf(actor.family)!,
    consumer: `naive-${actor.family}`,
    filter: `${actor.family}.>`,
    inFlightMax,
    capacity: () => inFlightMax - inFlight,
    onDelivery: (delivery) => {
      inFlight++
      options.flight.count++
      Effect.runForkWith(context)(
        handle(delivery).pipe(
          Effect.tapCause((cause) => Effect.logError("naive", cause)),
          Effect.ensuring(Effect.sync(() => {
            inFlight--
            options.flight.count--
            reader.pull()
          }))
        )
      )
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(reader.close))
  return yield* Effect.never
})

const handler = (link: NatsLink, options: NaiveOptions, actor: AnyKeyed) => {
  const open = opener(actor, PARTITIONS)
  return Effect.fnUntraced(function* (delivery: SharedDelivery) {
    const database = yield* Database
    const partition = Number(delivery.subject.split(".")[1])
    const addressing = options.addressingOf(actor.family, partition)
    for (const letter of lettersOf(delivery)) {
      const draft = emptyDraft(0, "")
      yield* database.transaction(
        "naive",
        (trx) => decideAlone(trx, actor, open, addressing, letter, draft)
      )
      yield* publish(link, actor.family, partition, draft)
    }
    delivery.acknowledge()
  })
}

const decideAlone = async (
  trx: Trx,
  actor: AnyKeyed,
  open: ReturnType<typeof opener>,
  addressing: Addressing,
  letter: Letter,
  draft: Draft
): Promise<void> => {
  const opened = open(letter)
  if (!("message" in opened) || !await isNew(trx, actor.family, letter)) return
  const keys = opened.keys.map((key) => ({ merchant: letter.merchant, key }))
  for (const { key, merchant } of keys) {
    await lock(trx, `${actor.family}/${stateKey(merchant, key)}`)
  }
  const states = await Effect.runPromise(
    actor.load(keys).pipe(Effect.provideService(Database, within(trx)))
  )
  fold(
    {
      members: new Map([[actor.family, {
        actor,
        committed: (id: string) => states.get(id),
        known: () => true,
        open,
        config: { version: 0, value: actor.config.initial }
      }]]),
      // Whatever is told another family is a message of its own.
      addressing: { ...addressing, isLocal: () => false },
      partition: addressing.partition,
      parked: new Map(),
      failures: new Map(),
      defects: new Map()
    },
    [opened],
    draft
  )
  const kept = keptBy(draft, actor.family)
  const statements = [
    ...actor.save({ states: [...kept.states.values()], rows: kept.rows }),
    ...forAny(draft.events, insertEvents)
  ]
  await Promise.all(statements.map((statement) => statement.execute(trx)))
}

const isNew = async (trx: Trx, family: string, { part, seq }: Letter): Promise<boolean> => {
  const { rows } = await sql`
    insert into naive_inbox values (${family}, ${seq}, ${part})
    on conflict do nothing returning 1`.execute(trx)
  return rows.length > 0
}

/** Two messages of one key must not decide on the same state. */
const lock = (trx: Trx, id: string) =>
  sql`select pg_advisory_xact_lock(hashtextextended(${id}, 0))`.execute(trx)

/** Loads run in the message's own database transaction, behind its locks. */
const within = (trx: Trx) =>
  Database.of({
    query: (_name, run) => Effect.promise(() => run(trx as Db)),
    transaction: () => Effect.die("a load writes nothing"),
    together: () => Effect.die("a load writes nothing"),
    rehearsal: () => Effect.die("a load writes nothing")
  })

const publish = (link: NatsLink, family: string, partition: number, draft: Draft) =>
  Effect.all([
    Effect.forEach(
      draft.outbox,
      (message) => {
        const { target, subject } = message
        return append(link.nc, [outgoingOf({ target, subject, messages: [message] })])
      },
      { concurrency: "unbounded", discard: true }
    ),
    schedule(
      link.nc,
      draft.timers.map(({ atMillis, body, headers, id }) => ({
        family,
        partition,
        id,
        atMillis,
        headers,
        payload: body
      }))
    )
  ], { concurrency: "unbounded", discard: true })
