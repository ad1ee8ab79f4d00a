import { Clock, Effect } from "effect"
import type { Database, DataRefused } from "../store/database.ts"
import { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { turnSpan } from "../telemetry/traces.ts"
import { commit, type Committed, committing } from "./commit.ts"
import { rehearse } from "./commitLane.ts"
import { type Draft, emptyDraft } from "./draft.ts"
import {
  fold,
  type FoldContext,
  type Opened,
  type Readable,
  type Unreadable,
  type Woken
} from "./fold.ts"
import { Header, type Letter, letterOf } from "./letter.ts"
import { type Owned, PartitionEscalated, type PartitionFailure } from "./owned.ts"
import { PARKED_MESSAGES_WOKEN_MAX } from "./park.ts"
import { type LoadFailed, loadStates } from "./states.ts"

/** Restarts of one partition within the window; where one more is needed, it is given up. */
const RESTARTS_MAX = 5
const RESTARTS_WINDOW_MILLIS = 60_000
const RESTART_PAUSE_MILLIS = 200

/**
 * One turn. Where PostgreSQL refuses its data, the letter at fault is looked for and decided again as
 * a defect; a woken key is given fewer letters first.
 */
export const turn = Effect.fnUntraced(function* (
  owned: Owned,
  letters: ReadonlyArray<Letter>,
  former: Effect.Effect<void, PartitionFailure>
): Effect.fn.Return<Committed, PartitionFailure, Database | TurnStore> {
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
): Effect.fn.Return<Decided, PartitionFailure, Database | TurnStore> {
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
): Effect.fn.Return<void, PartitionFailure, Database | TurnStore> {
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
    return yield* new PartitionEscalated({ detail: refused.message, outage: false })
  } else {
    faults.defects.set(culprit.letter, refused.message)
  }
})

const remember = (owned: Owned, draft: Draft, letters: ReadonlyArray<Letter>) => {
  owned.seq = letters.at(-1)!.seq
  owned.clockMillis = draft.clockMillis
  owned.digest = draft.digest
  owned.cache.committed(draft, owned.actor.keeps ?? (() => true))
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
  const store = yield* TurnStore
  const stored = yield* store.parkedMessages(
    owned.actor.family,
    owned.partition,
    wakes.map(({ wakes }) => wakes),
    // One more than is decided tells whether any are left.
    PARKED_MESSAGES_WOKEN_MAX + 1
  )
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

/** `Restart` drops the states and tries again within its budget; then, as with `Escalate`, the partition is given up. */
const loadPatiently = Effect.fnUntraced(
  function* (owned: Owned, readable: ReadonlyArray<Readable>) {
    for (;;) {
      const loaded = yield* Effect.result(
        loadStates(owned.actor, owned.options.lanes.load, owned.cache, readable)
      )
      if (loaded._tag === "Success") return loaded.success
      const { directive, failure }: LoadFailed = loaded.failure
      owned.cache.clear()
      const now = yield* Clock.currentTimeMillis
      const recent = owned.restartsAt.filter((at) => now - at < RESTARTS_WINDOW_MILLIS)
      if (directive === "Escalate" || recent.length >= RESTARTS_MAX) {
        return yield* new PartitionEscalated({
          detail: `${failure.tag}: ${failure.cause}`,
          outage: failure.tag === "DatabaseUnavailable"
        })
      }
      owned.restartsAt = [...recent, now]
      yield* Effect.sleep(RESTART_PAUSE_MILLIS * 2 ** recent.length)
    }
  }
)
