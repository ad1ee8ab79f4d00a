import { Clock, Effect } from "effect"
import type { Database, DataRefused } from "../store/database.ts"
import type { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { turnSpan } from "../telemetry/traces.ts"
import { keyId } from "./actor.ts"
import { commit, type Committed, committing } from "./commit.ts"
import { rehearse } from "./commitLane.ts"
import { type Draft, emptyDraft } from "./draft.ts"
import { fold } from "./fold.ts"
import type { FoldContext } from "./foldContext.ts"
import { Header, type Letter } from "./letter.ts"
import { notesOf } from "./notes.ts"
import { openAll } from "./openAll.ts"
import type { Opened, Readable, Unreadable } from "./opened.ts"
import { type Deciding, type Owned, PartitionEscalated, type PartitionFailure } from "./owned.ts"
import type { Actors, AnyKeyed } from "./registry.ts"
import { type Failure, type Load, type LoadFailed, loadOf, loadStates } from "./states.ts"

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
  const { mailbox: family } = owned
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
    forget(owned)
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

export const decide = Effect.fnUntraced(function* (
  owned: Deciding,
  letters: ReadonlyArray<Letter>,
  { defects, wokenMax }: Pick<Faults, "defects" | "wokenMax">,
  /** In a replay: the loads that failed then. */
  told?: (letter: Letter) => string | undefined
): Effect.fn.Return<Decided, PartitionFailure, Database | TurnStore> {
  const opened = yield* openAll(owned, letters, wokenMax)
  const failures = told === undefined
    ? yield* loadPatiently(owned, opened)
    : yield* loadAsTold(owned, opened, told)
  const context: FoldContext = {
    members: new Map(
      [...owned.members].map(([family, { actor, cache, config }]) => [
        family,
        { actor, config, committed: cache.get }
      ])
    ),
    addressing: owned.options.addressing,
    partition: owned.partition,
    parked: owned.parked,
    failures,
    defects
  }
  return {
    opened,
    upTo: (count) => {
      const draft = emptyDraft(owned.clockMillis, owned.digest)
      fold(context, opened.slice(0, count), draft)
      const { relay: { tails }, seq: previousSeq } = owned
      const notes = notesOf({ failures, defects, wokenMax })
      const decided = letters.slice(0, count)
      return committing(owned, { draft, letters: decided, previousSeq, tails, notes })
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
    const tried = yield* Effect.result(rehearse(actorsOf(owned), upTo(middle)))
    if (tried._tag === "Success") good = middle
    else if (tried.failure._tag === "DataRefused") bad = middle
    else return yield* Effect.fail(tried.failure)
  }
  const culprit = opened[bad - 1]!
  faults.good = bad - 1
  const max = culprit._tag === "Woken" ? Math.min(culprit.max, culprit.behind.length) : 0
  if (max > 1) {
    faults.wokenMax.set(culprit.letter, max >> 1)
  } else if (faults.defects.has(culprit.letter)) {
    // Even its dead letter is refused.
    return yield* new PartitionEscalated({ detail: refused.message, outage: false })
  } else {
    faults.defects.set(culprit.letter, refused.message)
  }
})

export const remember = (owned: Deciding, draft: Draft, letters: ReadonlyArray<Letter>) => {
  owned.seq = letters.at(-1)!.seq
  owned.clockMillis = draft.clockMillis
  owned.digest = draft.digest
  for (const [family, member] of owned.members) {
    const { actor: { keeps = () => true }, cache } = member
    cache.committed(draft.kept.get(family)?.states ?? [], keeps)
    cache.trim()
    const config = draft.configs.get(family)
    if (config !== undefined) member.config = config
  }
  for (const id of draft.unparked.keys()) owned.parked.delete(id)
  for (const [id, key] of draft.parked) owned.parked.set(id, key)
  countParked(owned)
}

const countParked = ({ members, parked, partition }: Deciding) => {
  for (const family of members.keys()) {
    const count = parked.size === 0
      ? 0
      : [...parked.values()].filter((key) => key.family === family).length
    metrics.parkedKeys.set({ family, partition }, count)
  }
}

const forget = ({ members }: Deciding) => {
  for (const { cache } of members.values()) cache.clear()
}

const actorsOf = ({ members }: Deciding): Actors =>
  new Map([...members].map(([family, { actor }]) => [family, actor]))

/**
 * Loads what the letters need. What comes back from a failure may fail again: it is loaded by itself,
 * so that its next failure costs nobody else a query.
 */
const load = Effect.fnUntraced(function* (owned: Deciding, opened: ReadonlyArray<Opened>) {
  const { options: { lanes }, parked } = owned
  const loadFresh = (letters: ReadonlyArray<Readable>) =>
    byFamily(owned, letters, (family) => lanes.loads.get(family)!)
  const loadAlone = (letters: ReadonlyArray<Readable>) =>
    byFamily(owned, letters, (_, actor) => loadOf(actor))
  const readable = opened.filter((one): one is Readable => one._tag === "Readable")
  if (parked.size === 0 && readable.length === opened.length) {
    return yield* loadFresh(readable)
  }
  const woken = new Set(
    opened.flatMap((one) =>
      one._tag === "Woken" ? [keyId(one.letter.family, one.wakes.merchant, one.wakes.actorKey)] : []
    )
  )
  const { behind, fresh } = apart(readable, parked, woken)
  const returning = [...opened.map(returningOf), behind].filter((letters) => letters.length > 0)
  const found = yield* Effect.all(
    [loadFresh(fresh), ...returning.map(loadAlone)],
    { concurrency: "unbounded" }
  )
  return new Map(found.flatMap((failures) => [...failures]))
})

/** Each family loads its own, all at the same time. */
const byFamily = Effect.fnUntraced(function* (
  { members }: Deciding,
  letters: ReadonlyArray<Readable>,
  loadFor: (family: string, actor: AnyKeyed) => Load
) {
  const found = yield* Effect.forEach(
    Map.groupBy(letters, ({ letter }) => letter.family),
    ([family, some]) => {
      const { actor, cache } = members.get(family)!
      return loadStates(actor, loadFor(family, actor), cache, some)
    },
    { concurrency: "unbounded" }
  )
  return new Map(found.flatMap((failures) => [...failures]))
})

/** New letters that nothing stands in the way of, and those of keys that come back in this turn. */
const apart = (
  readable: ReadonlyArray<Readable>,
  parked: Deciding["parked"],
  woken: ReadonlySet<string>
) => {
  const fresh: Array<Readable> = []
  const behind: Array<Readable> = []
  for (const one of readable) {
    const ids = one.keys.map((key) => keyId(one.letter.family, one.letter.merchant, key))
    // A letter whose key stays aside only waits with it: nothing is loaded for it.
    if (ids.some((id) => parked.has(id) && !woken.has(id))) continue
    if (ids.some((id) => woken.has(id))) behind.push(one)
    else fresh.push(one)
  }
  return { fresh, behind }
}

const returningOf = (one: Opened): ReadonlyArray<Readable> =>
  one._tag === "Woken"
    ? one.behind.filter((each) => each._tag === "Readable")
    : one._tag === "Replayed" && one.again._tag === "Readable"
    ? [one.again]
    : []

/** What failed to load then fails now, whatever the tables of a replay would answer. */
const loadAsTold = Effect.fnUntraced(function* (
  owned: Deciding,
  opened: ReadonlyArray<Opened>,
  told: (letter: Letter) => string | undefined
) {
  const failures = new Map<Letter, Failure>()
  const loads = (one: Readable | Unreadable): boolean => {
    const tag = told(one.letter)
    if (tag !== undefined) failures.set(one.letter, { tag, cause: tag })
    return tag === undefined
  }
  const loadable = opened.flatMap((one): ReadonlyArray<Opened> => {
    if (one._tag === "Readable") return loads(one) ? [one] : []
    if (one._tag === "Woken") return [{ ...one, behind: one.behind.filter(loads) }]
    return one._tag === "Replayed" && one.again._tag === "Readable" && !loads(one.again)
      ? []
      : [one]
  })
  for (const [letter, failure] of yield* loadPatiently(owned, loadable)) {
    failures.set(letter, failure)
  }
  return failures
})

/** `Restart` drops the states and tries again within its budget; then, as with `Escalate`, the partition is given up. */
const loadPatiently = Effect.fnUntraced(
  function* (owned: Deciding, opened: ReadonlyArray<Opened>) {
    for (;;) {
      const loaded = yield* Effect.result(load(owned, opened))
      if (loaded._tag === "Success") return loaded.success
      const { directive, failure }: LoadFailed = loaded.failure
      forget(owned)
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
