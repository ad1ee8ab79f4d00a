import { Effect, Fiber, Schema } from "effect"
import type { Appender } from "../bus/appender.ts"
import type { BusUnavailable, NatsLink } from "../bus/connection.ts"
import type { Epoch } from "../bus/leases.ts"
import {
  type Delivery,
  type MailboxReader,
  openReader,
  type ReaderLost
} from "../bus/mailboxReader.ts"
import { streamFacts } from "../bus/tail.ts"
import { Database, type DatabaseUnavailable, type DataRefused } from "../store/database.ts"
import { parkedKeys, parkedMessages } from "../store/parked.ts"
import { lastTurn, raiseEpoch, storedConfig } from "../store/takeover.ts"
import * as metrics from "../telemetry/metrics.ts"
import { turnSpan } from "../telemetry/traces.ts"
import { stateKey } from "./actor.ts"
import { batches } from "./batch.ts"
import { type CommitLane, rehearse } from "./commitLane.ts"
import { type Draft, emptyDraft, type ParkedKey } from "./draft.ts"
import {
  fold,
  type FoldContext,
  type Opened,
  opener,
  type Readable,
  type Unreadable,
  type Woken
} from "./fold.ts"
import { Header, type Letter, letterOf, lettersOf } from "./letter.ts"
import { type Addressing, fenceFilter } from "./outbox.ts"
import { reemitOverdue } from "./overdue.ts"
import { PARKED_MESSAGES_WOKEN_MAX } from "./park.ts"
import type { AnyKeyed } from "./registry.ts"
import { type Relay, relay, type RelayFenced, settle } from "./relay.ts"
import { type LoadFailed, type LoadLane, loadStates, StateCache } from "./states.ts"
import { commit, committing, type CrashPoint, PartitionFenced, type TurnPlace } from "./turn.ts"
import { decodeOutbox, decodeTails } from "./turnRow.ts"

/** The stream or the cursor is not what it was: recreated or restored. A person must look. */
export class PartitionInconsistent
  extends Schema.TaggedError<PartitionInconsistent>()("PartitionInconsistent", {
    detail: Schema.String
  }) {
  override get message() {
    return this.detail
  }
}

/** Too many failures of one kind for this partition to help itself: its owner gives it up. */
export class PartitionEscalated
  extends Schema.TaggedError<PartitionEscalated>()("PartitionEscalated", {
    detail: Schema.String
  }) {
  override get message() {
    return this.detail
  }
}

export type PartitionFailure =
  | PartitionFenced
  | PartitionInconsistent
  | PartitionEscalated
  | RelayFenced
  | ReaderLost
  | BusUnavailable
  | DatabaseUnavailable

/** Messages of one turn. More wait for the next: a turn's memory and its database transaction stay bounded. */
const TURN_MESSAGES_MAX = 500
/**
 * Under load a turn waits for company, longer the more came last time; alone it goes at once. What
 * a turn costs hardly depends on its size, so fewer and larger ones leave the processors to others.
 */
const LINGER_MILLIS_PER_MESSAGE = 2
const LINGER_MILLIS_MAX = 16
const IDLE_MILLIS = 250
const OVERDUE_EVERY_MILLIS = 15_000
/** Loads that failed in a row before the partition is given up. */
const RESTARTS_MAX = 5
const RESTART_PAUSE_MILLIS = 200

export interface PartitionOptions {
  readonly link: NatsLink
  readonly appender: Appender
  /** Shared by the partitions of the family in this worker. */
  readonly lanes: { readonly load: LoadLane; readonly commit: CommitLane }
  readonly actor: AnyKeyed
  readonly stream: string
  readonly partition: number
  readonly epoch: Epoch
  readonly owner: string
  readonly addressing: Addressing
  readonly familyOf: (stream: string) => string
  readonly crash: (point: CrashPoint) => void
  readonly bundleMaxOf: (target: string) => number
  /** Set when the owner is asked to stop: the turn under way is finished, no further one is begun. */
  readonly stopping: () => boolean
}

interface Owned extends TurnPlace {
  readonly options: PartitionOptions
  readonly reader: MailboxReader
  readonly relay: Relay
  readonly cache: StateCache
  readonly parked: Map<string, ParkedKey>
  readonly open: (letter: Letter) => Opened
  config: { version: number; value: unknown }
  seq: number
  clockMillis: number
  digest: Uint8Array
}

/** Owns one partition: takes it over, then turn after turn until told to stop or fenced. */
export const runPartition = Effect.fnUntraced(
  function* (options: PartitionOptions): Effect.fn.Return<void, PartitionFailure, Database> {
    const owned = yield* takeOver(options)
    yield* turns(owned).pipe(Effect.ensuring(Effect.sync(() => owned.reader.close())))
  }
)

/** Lease → epoch → the former owner's relay → a new consumer at the cursor (PROTOCOL §4). */
const takeOver = Effect.fnUntraced(function* (
  options: PartitionOptions
): Effect.fn.Return<Owned, PartitionFailure, Database> {
  const database = yield* Database
  const { actor, epoch, link, partition, stream } = options
  const { family } = actor
  const facts = yield* streamFacts(link.nc, stream).pipe(
    Effect.catchTag("JetStreamRefused", (error) => inconsistent(error.message))
  )
  const cursor = yield* database.query("takeover.epoch", (db) =>
    raiseEpoch(db, {
      family,
      partition,
      ...epoch,
      owner: options.owner,
      streamCreated: facts.created
    }))
  if (cursor === undefined) {
    return yield* inconsistent(`${family}-${partition}: the stored epoch is above this lease's`)
  }
  if (cursor.streamCreated !== facts.created || cursor.seq > facts.lastSeq) {
    return yield* inconsistent(
      `${stream} was recreated or restored: the cursor of ${partition} stands at ${cursor.seq}`
    )
  }
  const last = yield* database.query("takeover.turn", (db) => lastTurn(db, family, partition))
  const config = yield* database.query(
    "takeover.config",
    (db) => storedConfig(db, family, partition)
  )
  const parked = yield* database.query("takeover.parked", (db) => parkedKeys(db, family, partition))
  const source = options.addressing.source
  const mine: Relay = {
    link,
    appender: options.appender,
    family,
    partition,
    filterOf: (target) => fenceFilter(target, source, options.familyOf),
    tails: decodeTails(last?.tails)
  }
  yield* finishRelay(mine, last?.outbox ?? null)
  const reader = yield* openReader(link, {
    stream,
    consumer: `${family}-${partition}`,
    filter: `${family}.${partition}.>`,
    startSeq: cursor.seq + 1
  })
  const decodeConfig = Schema.decodeUnknownSync(actor.config.schema)
  return {
    options,
    actor,
    partition,
    epoch,
    source,
    crash: options.crash,
    bundleMaxOf: options.bundleMaxOf,
    reader,
    relay: mine,
    cache: new StateCache(),
    parked: new Map(parked.map((key) => [stateKey(key.merchant, key.actorKey), key])),
    open: opener(actor),
    config: config === undefined
      ? { version: 0, value: actor.config.initial }
      : { version: config.version, value: decodeConfig(config.doc) },
    seq: cursor.seq,
    clockMillis: cursor.clockMillis,
    digest: cursor.digest
  }
})

const inconsistent = (detail: string) => Effect.fail(new PartitionInconsistent({ detail }))

/** Whatever the last committed turn still owed its targets. */
const finishRelay = Effect.fnUntraced(function* (mine: Relay, outbox: string | null) {
  const { bundles, timers } = decodeOutbox(outbox)
  const owed: Array<(typeof bundles)[number]> = []
  for (const [target, group] of Map.groupBy(bundles, (bundle) => bundle.target)) {
    owed.push(...group.slice(yield* settle(mine, target, group)))
  }
  yield* relay(mine, owed, timers)
})

const turns = Effect.fnUntraced(function* (
  owned: Owned
): Effect.fn.Return<void, PartitionFailure, Database> {
  let relaying: Fiber.Fiber<void, PartitionFailure> | undefined
  let overdueAt = 0
  let taken = 0
  while (!owned.options.stopping()) {
    const linger = lingerMillis(owned, taken)
    if (linger > 0 && owned.reader.waiting() < TURN_MESSAGES_MAX) yield* Effect.sleep(linger)
    const deliveries = yield* owned.reader.take(TURN_MESSAGES_MAX, IDLE_MILLIS)
    // A relay that failed is not to wait for the next turn to be noticed.
    if (relaying?.pollUnsafe() !== undefined) {
      relaying = yield* Effect.as(Fiber.join(relaying), undefined)
    }
    taken = deliveries.length
    if (Date.now() >= overdueAt) {
      overdueAt = Date.now() + OVERDUE_EVERY_MILLIS
      yield* reemitOverdue(owned.options, owned.parked)
    }
    const fresh = deliveries.filter(({ seq }) => seq > owned.seq)
    for (const batch of batches(fresh)) {
      const former: Fiber.Fiber<void, PartitionFailure> | undefined = relaying
      const done = yield* turn(
        owned,
        batch.flatMap(lettersOf),
        former === undefined ? Effect.void : Fiber.join(former)
      )
      relaying = yield* Effect.forkChild(afterCommit(owned, batch.at(-1)!, done), {
        startImmediately: true
      })
    }
  }
  if (relaying !== undefined) yield* Fiber.join(relaying)
})

const lingerMillis = ({ actor }: Owned, taken: number): number =>
  taken === 0 ? 0 : actor.lingerMillis ??
    (taken === 1 ? 0 : Math.min(LINGER_MILLIS_MAX, taken * LINGER_MILLIS_PER_MESSAGE))

/** Relay, then replies, then the acknowledgement: an answer never runs ahead of what it tells. */
const afterCommit = Effect.fnUntraced(function* (
  owned: Owned,
  last: Delivery,
  { bundles, draft }: Committed
) {
  owned.crash("before-append")
  if (bundles.length > 0 || draft.timers.length > 0) {
    const end = metrics.relaySeconds.startTimer({ family: owned.actor.family })
    yield* relay(owned.relay, bundles, draft.timers)
    end()
  }
  owned.crash("after-append")
  for (const answer of draft.answers) {
    owned.options.link.nc.publish(answer.to, JSON.stringify(answer.body))
  }
  owned.reader.acknowledge(last)
})

type Committed = ReturnType<typeof committing>

/**
 * One turn. Where PostgreSQL refuses its data, the letter at fault is looked for and decided again as
 * a defect; a woken key is given fewer letters first.
 */
const turn = Effect.fnUntraced(function* (
  owned: Owned,
  letters: ReadonlyArray<Letter>,
  former: Effect.Effect<void, PartitionFailure>
): Effect.fn.Return<Committed, PartitionFailure, Database> {
  const faults: Faults = { defects: new Map(), wokenMax: new Map(), good: 0 }
  const { family } = owned.actor
  for (;;) {
    const endTimer = metrics.turnSeconds.startTimer({ family })
    const traces = letters.map(({ headers }) => headers[Header.trace])
    const span = turnSpan(`${family}.turn`, traces)
    const decided = yield* decide(owned, letters, faults)
    // Decided while the former turn was still being relayed; committed only after it.
    yield* former
    const ready = decided.upTo(letters.length)
    const tried = yield* Effect.result(commit(owned.options.lanes.commit, ready))
    if (tried._tag === "Success") {
      remember(owned, ready.draft, letters)
      endTimer()
      metrics.turns.inc({ family })
      metrics.turnMessages.observe({ family }, letters.length)
      span.end({ messages: letters.length, partition: owned.partition, first_seq: letters[0]!.seq })
      return ready
    }
    owned.cache.clear()
    const error = tried.failure
    if (error._tag !== "DataRefused") return yield* Effect.fail(error)
    yield* blame(owned, yield* decide(owned, letters, faults), faults, error)
  }
})

/** What was found at fault so far. The first `good` letters are known to be taken. */
interface Faults {
  readonly defects: Map<Letter, string>
  readonly wokenMax: Map<Letter, number>
  good: number
}

interface Decided {
  readonly opened: ReadonlyArray<Opened>
  /** What the first so many letters make: a turn is decided in memory, so again costs little. */
  readonly upTo: (count: number) => Committed
}

const decide = Effect.fnUntraced(function* (
  owned: Owned,
  letters: ReadonlyArray<Letter>,
  { defects, wokenMax }: Faults
): Effect.fn.Return<Decided, PartitionFailure, Database> {
  const opened = yield* openAll(owned, letters, wokenMax)
  const readable = opened.flatMap((one) =>
    "keys" in one ? [one] : "behind" in one ? one.behind.filter((each) => "keys" in each) : []
  )
  const failures = yield* loadPatiently(owned, readable)
  const context: FoldContext = {
    actor: owned.actor,
    addressing: owned.options.addressing,
    partition: owned.partition,
    committed: owned.cache.get,
    parked: owned.parked,
    config: owned.config,
    failures,
    defects
  }
  return {
    opened,
    upTo: (count) => {
      const draft = emptyDraft(owned.clockMillis, owned.digest)
      fold(context, opened.slice(0, count), draft)
      const { relay: { tails }, seq: previousSeq } = owned
      return committing(owned, { draft, letters: letters.slice(0, count), previousSeq, tails })
    }
  }
})

/** Finds the first letter with which PostgreSQL refuses the turn, by rehearsing ever closer parts of it. */
const blame = Effect.fnUntraced(function* (
  owned: Owned,
  { opened, upTo }: Decided,
  faults: Faults,
  refused: DataRefused
): Effect.fn.Return<void, PartitionFailure, Database> {
  let good = faults.good
  let bad = opened.length
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    const tried = yield* Effect.result(rehearse(owned.actor, upTo(middle)))
    if (tried._tag === "Success") good = middle
    else if (tried.failure._tag === "DataRefused") bad = middle
    else return yield* Effect.fail(tried.failure)
  }
  const culprit = opened[bad - 1]!
  faults.good = bad - 1
  const max = "behind" in culprit ? Math.min(culprit.max, culprit.behind.length) : 0
  if (max > 1) {
    faults.wokenMax.set(culprit.letter, max >> 1)
  } else if (faults.defects.has(culprit.letter)) {
    // Even its dead letter is refused.
    return yield* new PartitionEscalated({ detail: refused.message })
  } else {
    faults.defects.set(culprit.letter, refused.message)
  }
})

const remember = (owned: Owned, draft: Draft, letters: ReadonlyArray<Letter>) => {
  owned.seq = letters.at(-1)!.seq
  owned.clockMillis = draft.clockMillis
  owned.digest = draft.digest
  owned.cache.committed(draft)
  owned.cache.trim()
  for (const id of draft.unparked.keys()) owned.parked.delete(id)
  for (const [id, key] of draft.parked) owned.parked.set(id, key)
  if (draft.config !== undefined) owned.config = draft.config
  metrics.parkedKeys.set(
    { family: owned.actor.family, partition: owned.partition },
    owned.parked.size
  )
}

const openAll = Effect.fnUntraced(function* (
  owned: Owned,
  letters: ReadonlyArray<Letter>,
  wokenMax: ReadonlyMap<Letter, number>
) {
  const opened = letters.map(owned.open)
  const wakes = opened.filter((one): one is Woken => "behind" in one)
  if (wakes.length === 0) return opened
  const database = yield* Database
  const stored = yield* database.query("parked.messages", (db) =>
    parkedMessages(
      db,
      owned.actor.family,
      owned.partition,
      wakes.map(({ wakes }) => wakes),
      // One more than is decided tells whether any are left.
      PARKED_MESSAGES_WOKEN_MAX + 1
    ))
  return opened.map((one): Opened => {
    if (!("behind" in one)) return one
    const behind = stored
      .filter((row) => row.merchant === one.wakes.merchant && row.actorKey === one.wakes.actorKey)
      .map((row) =>
        owned.open(letterOf({
          subject: row.subject,
          seq: row.seq,
          atMillis: row.atMillis,
          data: row.body,
          headers: () => JSON.parse(row.headers)
        }, row.part))
      )
      .filter((each): each is Readable | Unreadable => "keys" in each || "malformed" in each)
    const max = wokenMax.get(one.letter) ?? PARKED_MESSAGES_WOKEN_MAX
    return { ...one, behind: behind.slice(0, max + 1), max }
  })
})

/** `Restart` drops the states and tries again a few times; then, as with `Escalate`, the partition is given up. */
const loadPatiently = Effect.fnUntraced(
  function* (owned: Owned, readable: ReadonlyArray<Readable>) {
    for (let failed = 0;; failed++) {
      const loaded = yield* Effect.result(
        loadStates(owned.actor, owned.options.lanes.load, owned.cache, readable)
      )
      if (loaded._tag === "Success") return loaded.success
      const { directive, failure }: LoadFailed = loaded.failure
      owned.cache.clear()
      if (directive === "Escalate" || failed >= RESTARTS_MAX) {
        return yield* new PartitionEscalated({ detail: `${failure.tag}: ${failure.cause}` })
      }
      yield* Effect.sleep(RESTART_PAUSE_MILLIS * 2 ** failed)
    }
  }
)
