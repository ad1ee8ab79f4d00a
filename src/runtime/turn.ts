import { Effect } from "effect"
import type { Database, DataRefused } from "../store/database.ts"
import type { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { turnSpan } from "../telemetry/traces.ts"
import { commit, type Committed, committing } from "./commit.ts"
import { rehearse } from "./commitLane.ts"
import { type Draft, emptyDraft } from "./draft.ts"
import { fold } from "./fold.ts"
import type { FoldContext } from "./foldContext.ts"
import { Header, type Letter, nameOf } from "./letter.ts"
import { forget, knownAtFirst, loadPatiently } from "./loading.ts"
import { notesOf } from "./notes.ts"
import { openAll } from "./openAll.ts"
import { type Deciding, type Owned, PartitionEscalated, type PartitionFailure } from "./owned.ts"
import type { Actors } from "./registry.ts"
import type { Failure } from "./states.ts"

/** Times that a turn is decided for keys nobody foresaw. One that needs more is cut into shorter ones. */
const ROUNDS_MAX = 6

/**
 * One turn, of these letters or of the first of them. Where PostgreSQL refuses its data, the letter at
 * fault is looked for and decided again as a defect.
 */
export const turn = Effect.fnUntraced(function* (
  owned: Owned,
  letters: ReadonlyArray<Letter>,
  former: Effect.Effect<void, PartitionFailure>
): Effect.fn.Return<Committed, PartitionFailure, Database | TurnStore> {
  const faults: Faults = { defects: new Map(), good: 0 }
  const { mailbox: family } = owned
  let taken = letters
  for (;;) {
    const endTimer = metrics.turnSeconds.startTimer({ family })
    const traces = taken.map(({ headers }) => headers[Header.trace])
    const span = turnSpan(`${family}.turn`, traces)
    const decided = yield* decideWithin(owned, taken, faults, new Map(), ROUNDS_MAX)
    if (decided === undefined) {
      taken = firstHalf(taken)
      continue
    }
    // Decided while the former turn was still being relayed; committed only after it.
    yield* former
    const tried = yield* Effect.result(commit(owned.options.lanes.commit, decided.ready))
    if (tried._tag === "Success") {
      remember(owned, decided.ready.draft, taken)
      endTimer()
      metrics.turns.inc({ family })
      metrics.turnMessages.observe({ family }, taken.length)
      span.end({ messages: taken.length, partition: owned.partition, first_seq: taken[0]!.seq })
      return decided.ready
    }
    const error = tried.failure
    if (error._tag === "DataRefused") yield* blame(owned, decided, faults, error)
    forget(owned)
    if (error._tag !== "DataRefused") return yield* Effect.fail(error)
  }
})

/** Of whole messages: a bundle is never split between two turns. */
const firstHalf = (letters: ReadonlyArray<Letter>): ReadonlyArray<Letter> => {
  const seqs = [...new Set(letters.map(({ seq }) => seq))]
  const last = seqs[(seqs.length >> 1) - 1]!
  return letters.filter(({ seq }) => seq <= last)
}

/** What was found at fault so far. The first `good` steps are known to be taken. */
interface Faults {
  /** By the names of letters. */
  readonly defects: Map<string, string>
  good: number
}

interface Decided {
  readonly ready: Committed
  /** What the first so many steps make: a turn is decided in memory, so again costs little. */
  readonly upTo: (steps: number) => Committed
}

/** Decides a turn as it was, with the keys that failed to load then, whatever the tables would answer now. */
export const decide = (
  owned: Deciding,
  letters: ReadonlyArray<Letter>,
  faults: Pick<Faults, "defects">,
  told: ReadonlyMap<string, Failure>
) => Effect.map(decideWithin(owned, letters, faults, told, Infinity), (decided) => decided!)

/**
 * Decides as often as it finds keys that nobody foresaw: deciding is pure, and only the last time counts.
 * Undefined where it would have to be more often than that, and could be done in parts.
 */
const decideWithin = Effect.fnUntraced(function* (
  owned: Deciding,
  letters: ReadonlyArray<Letter>,
  { defects }: Pick<Faults, "defects">,
  told: ReadonlyMap<string, Failure>,
  roundsMax: number
): Effect.fn.Return<Decided | undefined, PartitionFailure, Database | TurnStore> {
  const opened = yield* openAll(owned, letters)
  const failures = new Map(told)
  const context: FoldContext = {
    members: new Map(
      [...owned.members].map(([family, { actor, cache, config, open }]) => [
        family,
        { actor, config, open, committed: cache.get, known: cache.has }
      ])
    ),
    addressing: owned.options.addressing,
    partition: owned.partition,
    parked: owned.parked,
    failures,
    defects
  }
  const folded = (stepsMax?: number) => {
    const draft = emptyDraft(owned.clockMillis, owned.digest)
    fold(stepsMax === undefined ? context : { ...context, stepsMax }, opened, draft)
    return draft
  }
  const ready = (draft: Draft): Committed => {
    const { relay: { tails }, seq: previousSeq } = owned
    const notes = notesOf({ failures, defects })
    return committing(owned, { draft, letters, previousSeq, tails, notes })
  }
  const divisible = letters[0]!.seq !== letters.at(-1)!.seq
  let batches = knownAtFirst(owned, opened)
  for (let round = 1;; round++) {
    for (const [id, failure] of yield* loadPatiently(owned, batches, failures)) {
      failures.set(id, failure)
    }
    const draft = folded()
    if (draft.missing.size === 0) {
      return { ready: ready(draft), upTo: (steps) => ready(folded(steps)) }
    }
    if (round >= roundsMax && divisible) return undefined
    // What was loaded may have been dropped by a restart: then it is asked for again.
    batches = [...batches, { keys: [...draft.missing.values()], alone: false }]
  }
})

/** Finds the first step with which PostgreSQL refuses the turn, by rehearsing ever closer parts of it. */
const blame = Effect.fnUntraced(function* (
  owned: Owned,
  { ready, upTo }: Decided,
  faults: Faults,
  refused: DataRefused
): Effect.fn.Return<void, PartitionFailure, Database | TurnStore> {
  let good = faults.good
  let bad = ready.draft.steps
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    const tried = yield* Effect.result(rehearse(actorsOf(owned), upTo(middle)))
    if (tried._tag === "Success") good = middle
    else if (tried.failure._tag === "DataRefused") bad = middle
    else return yield* Effect.fail(tried.failure)
  }
  faults.good = bad - 1
  const culprit = nameOf(upTo(bad).draft.last!)
  if (faults.defects.has(culprit)) {
    // Even its dead letter is refused.
    return yield* new PartitionEscalated({ detail: refused.message, outage: false })
  }
  faults.defects.set(culprit, refused.message)
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

const actorsOf = ({ members }: Deciding): Actors =>
  new Map([...members].map(([family, { actor }]) => [family, actor]))
