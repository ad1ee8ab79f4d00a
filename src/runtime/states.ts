import { Effect } from "effect"
import type { Database } from "../store/database.ts"
import type { SavedState, StateKey } from "./actor.ts"
import { type Ask, gather, togetherOrAlone } from "../bus/gather.ts"
import type { AnyKeyed } from "./registry.ts"
import type { Directive } from "./supervision.ts"

/**
 * Committed states kept per partition. The longest unchanged leave first and are loaded again. Every
 * state kept is walked by the garbage collector: with four times as many it took a tenth of the work.
 */
const STATES_CACHED_MAX = 1_000

/** Committed states of one partition under one epoch. Emptied whenever a commit's outcome is in doubt. */
export class StateCache {
  private readonly known = new Map<string, unknown>()

  readonly get = (id: string): unknown => this.known.get(id)

  readonly has = (id: string): boolean => this.known.has(id)

  /** `undefined` is remembered too: the key has no state yet. */
  readonly set = (id: string, state: unknown): void => {
    this.known.delete(id)
    this.known.set(id, state)
  }

  readonly committed = (
    states: Iterable<readonly [id: string, saved: SavedState<unknown>]>,
    keeps: (state: unknown) => boolean
  ): void => {
    for (const [id, { state }] of states) {
      if (keeps(state)) this.set(id, state)
      else this.known.delete(id)
    }
  }

  /** Called between turns only: a turn's own states must not leave while it decides. */
  readonly trim = (): void => {
    for (const id of this.known.keys()) {
      if (this.known.size <= STATES_CACHED_MAX) break
      this.known.delete(id)
    }
  }

  readonly clear = (): void => this.known.clear()
}

/** The tag of a stored document that does not decode. Its key is quarantined. */
const UNREADABLE = "Unreadable"

export interface Failure {
  readonly tag: string
  readonly cause: string
}

/** A load failed in a way that concerns the partition, not one key. */
export interface LoadFailed {
  readonly directive: "Restart" | "Escalate"
  readonly failure: Failure
}

type LoadLane = Ask<ReadonlyArray<StateKey>, ReadonlyMap<string, unknown>, LoadError>

interface LoadError {
  readonly _tag: string
  readonly message?: string
}

/** Loads of one query. More wait for the next. */
const LOADS_MAX = 64

type Load = (
  keys: ReadonlyArray<StateKey>
) => Effect.Effect<ReadonlyMap<string, unknown>, LoadError, Database>

/** A document nobody can read is its key's trouble, not the partition's. */
export const loadOf = (actor: AnyKeyed): Load => (keys) =>
  Effect.catchDefect(
    actor.load(keys),
    (defect): Effect.Effect<never, LoadError> =>
      Effect.fail({ _tag: UNREADABLE, message: String(defect) })
  )

/** Loads for all partitions of a family in this worker: what is asked meanwhile shares one query. */
export const openLoadLane = (actor: AnyKeyed): Effect.Effect<LoadLane, never, Database> => {
  const load = loadOf(actor)
  return gather({
    max: LOADS_MAX,
    run: togetherOrAlone<
      ReadonlyArray<StateKey>,
      ReadonlyMap<string, unknown>,
      LoadError,
      Database
    >(
      {
        together: (batch) => Effect.map(load(batch.flat()), (found) => batch.map(() => found)),
        alone: load
      }
    )
  })
}

/**
 * Loads keys, one query per table, and answers what failed. Where the actor's table names a directive for a
 * single key, the keys are halved until the culprits stand alone: however many letters wait for one key,
 * it is found in as many tries as there are halvings.
 */
export const loadStates = Effect.fnUntraced(function* (
  actor: AnyKeyed,
  load: Load,
  cache: StateCache,
  missing: ReadonlyMap<string, StateKey>
): Effect.fn.Return<ReadonlyMap<string, Failure>, LoadFailed, Database> {
  const failed = new Map<string, Failure>()
  const groups: Array<ReadonlyArray<readonly [id: string, key: StateKey]>> = [[...missing]]
  for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
    const loaded = yield* Effect.result(load(group.map(([, key]) => key)))
    if (loaded._tag === "Success") {
      for (const [id] of group) cache.set(id, loaded.success.get(id))
      continue
    }
    const error = loaded.failure
    const failure = { tag: error._tag, cause: error.message ?? error._tag }
    const table = actor.supervision as unknown as Readonly<Record<string, Directive>>
    const directive = error._tag === UNREADABLE ? "Stop" : table[error._tag]?._tag ?? "Escalate"
    if (directive === "Restart" || directive === "Escalate") {
      return yield* Effect.fail({ directive, failure } satisfies LoadFailed)
    }
    if (group.length === 1) failed.set(group[0]![0], failure)
    else groups.push(group.slice(group.length >> 1), group.slice(0, group.length >> 1))
  }
  return failed
})
