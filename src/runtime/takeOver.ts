import { Effect } from "effect"
import { partitionFilter } from "../bus/ingress.ts"
import { dropConsumer } from "../bus/formerConsumer.ts"
import { type MailboxReader, openReader } from "../bus/mailboxReader.ts"
import { streamFacts } from "../bus/tail.ts"
import type { LastTurn } from "../store/takeover.ts"
import { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { eventBody } from "./eventBody.ts"
import { membersOf, parkedOf } from "./members.ts"
import { fenceFilter } from "./outbox.ts"
import {
  type Owned,
  type PartitionFailure,
  PartitionInconsistent,
  type PartitionOptions
} from "./owned.ts"
import { type Relay, relay, settle } from "./relay.ts"
import { decodeOutbox, decodeTails, merchantsOfEvents } from "./turnRow.ts"

/** Lease → epoch → the former owner's relay → a new consumer at the cursor (docs/protocol.md §4). */
export const takeOver = Effect.fnUntraced(function* (
  options: PartitionOptions
): Effect.fn.Return<Owned, PartitionFailure, TurnStore> {
  const store = yield* TurnStore
  const { actors, epoch, link, mailbox, partition, stream } = options
  const claim = claimOf(options)
  const [facts, found] = yield* Effect.all([
    factsOf(options),
    store.takeOver(claim),
    // Of somebody whose lease is over. Who froze before this ends his successor's, who begins once more.
    dropConsumer(link.nc, stream, consumerOf(options))
  ], { concurrency: "unbounded" })
  const taken = found ??
    (yield* Effect.andThen(
      store.beginCursor(mailbox, partition, facts.created),
      store.takeOver(claim)
    ))
  if (taken === undefined) {
    metrics.fences.inc({ family: mailbox, place: "take-over" })
    return yield* inconsistent(`${mailbox}-${partition}: the stored epoch is above this lease's`)
  }
  const { configs, cursor, lastTurn, parked } = taken
  // Asked at the same time: the former owner may have committed in between.
  const isBeyond = cursor.seq > facts.lastSeq && cursor.seq > (yield* factsOf(options)).lastSeq
  if (cursor.streamCreated !== facts.created || isBeyond) {
    return yield* inconsistent(
      `${stream} was recreated or restored: the cursor of ${partition} stands at ${cursor.seq}`
    )
  }
  const source = options.addressing.source
  const mine: Relay = {
    link,
    appender: options.appender,
    mailbox,
    partition,
    filterOf: (target) => fenceFilter(target, source),
    tails: decodeTails(lastTurn?.tails)
  }
  const reader = yield* whileRelaying(
    finishRelay(mine, store, lastTurn),
    readFrom(options, cursor.seq)
  )
  return {
    options,
    mailbox,
    partition,
    epoch,
    source,
    crash: options.crash,
    bundleMaxOf: options.bundleMaxOf,
    reader,
    relay: mine,
    members: membersOf(actors, configs, options.addressing.partitions),
    parked: parkedOf(parked),
    seq: cursor.seq,
    clockMillis: cursor.clockMillis,
    digest: cursor.digest,
    restartsAt: []
  }
})

const claimOf = ({ actors, addressing, epoch, mailbox, owner, partition }: PartitionOptions) => ({
  mailbox,
  families: [...actors.keys()],
  partition,
  ...epoch,
  owner,
  partitions: addressing.partitions
})

/** What stands behind a cursor, by a consumer made anew. */
export const readFrom = (options: PartitionOptions, seq: number) => {
  const { link, partition, stream } = options
  return openReader(link, {
    stream,
    consumer: consumerOf(options),
    filter: partitionFilter(partition),
    startSeq: seq + 1
  })
}

const consumerOf = ({ mailbox, partition }: PartitionOptions) => `${mailbox}-${partition}`

const factsOf = ({ link, stream }: PartitionOptions) =>
  streamFacts(link.nc, stream).pipe(
    Effect.catchTag("JetStreamRefused", (error) => inconsistent(error.message))
  )

/** Both at once, since the partition stands still meanwhile; no reader is left behind where one fails. */
const whileRelaying = <E, F>(
  relaying: Effect.Effect<void, E>,
  opening: Effect.Effect<MailboxReader, F>
): Effect.Effect<MailboxReader, E | F> =>
  Effect.suspend(() => {
    let opened: MailboxReader | undefined
    const noted = Effect.tap(opening, (reader) => Effect.sync(() => (opened = reader)))
    return Effect.all([noted, relaying], { concurrency: "unbounded" }).pipe(
      Effect.map(([reader]) => reader),
      Effect.onError(() => Effect.sync(() => opened?.close()))
    )
  })

const inconsistent = (detail: string) => Effect.fail(new PartitionInconsistent({ detail }))

/** The bodies of the events that the turn's outbox tells of. */
const eventsOf = Effect.fnUntraced(function* (
  store: TurnStore["Service"],
  turn: LastTurn | undefined
) {
  const merchants = merchantsOfEvents(turn?.outbox ?? null)
  const rows = merchants.length === 0 ? [] : yield* store.eventsOf(turn!.transactionId!, merchants)
  const bodies = new Map(rows.map((row) => [row.id, eventBody(row)]))
  return (id: string) => {
    const body = bodies.get(id)
    if (body === undefined) throw new Error(`the row of event ${id} is gone`)
    return body
  }
})

/** Whatever the last committed turn still owed its targets. */
const finishRelay = Effect.fnUntraced(function* (
  mine: Relay,
  store: TurnStore["Service"],
  turn: LastTurn | undefined
) {
  const bodyOfEvent = yield* eventsOf(store, turn)
  const { bundles, timers } = decodeOutbox(turn?.outbox ?? null, mine.mailbox, bodyOfEvent)
  const owed = yield* Effect.forEach(
    Map.groupBy(bundles, (bundle) => bundle.target),
    ([target, group]) => Effect.map(settle(mine, target, group), (arrived) => group.slice(arrived)),
    { concurrency: "unbounded" }
  )
  yield* relay(mine, owed.flat(), timers)
})
