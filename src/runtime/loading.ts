import { Clock, Effect } from "effect"
import type { Database } from "../store/database.ts"
import { keyId, type StateKey, stateKey } from "./actor.ts"
import type { NamedKey } from "./draft.ts"
import type { Opened, Readable } from "./opened.ts"
import { type Deciding, PartitionEscalated } from "./owned.ts"
import { type Failure, type LoadFailed, loadOf, loadStates } from "./states.ts"

/** Restarts of one partition within the window; where one more is needed, it is given up. */
const RESTARTS_MAX = 5
const RESTARTS_WINDOW_MILLIS = 60_000
const RESTART_PAUSE_MILLIS = 200

/** Keys that are loaded together, all families at the same time. */
interface Batch {
  readonly keys: ReadonlyArray<NamedKey>
  /** By themselves: what comes back from a failure may fail again, and costs nobody else a query. */
  readonly alone: boolean
}

/** What the letters of a turn need, as far as it is known before anything is decided. */
export const knownAtFirst = (
  owned: Deciding,
  opened: ReadonlyArray<Opened>
): ReadonlyArray<Batch> => {
  const { parked } = owned
  const readable = opened.filter((one): one is Readable => one._tag === "Readable")
  if (parked.size === 0 && readable.length === opened.length) return [fresh(owned, readable)]
  const woken = new Set(
    opened.flatMap((one) =>
      one._tag === "Woken" ? [keyId(one.letter.family, one.wakes.merchant, one.wakes.actorKey)] : []
    )
  )
  // A letter whose key stays aside only waits with it: nothing is loaded for it.
  const free = readable.filter((one) => !keysOf(one).some((id) => parked.has(id) && !woken.has(id)))
  const [others, behind] = [
    free.filter((one) => !keysOf(one).some((id) => woken.has(id))),
    free.filter((one) => keysOf(one).some((id) => woken.has(id)))
  ]
  return [
    fresh(owned, others),
    ...[...opened.map(returningOf), behind].filter((letters) => letters.length > 0)
      .map((letters): Batch => ({ keys: letters.flatMap(named), alone: true }))
  ]
}

const fresh = (owned: Deciding, letters: ReadonlyArray<Readable>): Batch => ({
  keys: letters.flatMap((one) => [...named(one), ...foreseen(owned, one)]),
  alone: false
})

const named = ({ keys, letter: { family, merchant } }: Readable): ReadonlyArray<NamedKey> =>
  keys.map((actorKey) => ({ family, merchant, actorKey }))

const keysOf = (one: Readable): ReadonlyArray<string> =>
  named(one).map(({ actorKey, family, merchant }) => keyId(family, merchant, actorKey))

/** A guess, which costs nothing where it is wrong but a load. */
const foreseen = (
  { members, partition }: Deciding,
  { letter: { family, merchant }, message }: Readable
): ReadonlyArray<NamedKey> => {
  const { foresees } = members.get(family)!.actor
  return (foresees?.(message as never) ?? []).flatMap(({ body, to, type }) => {
    const receiver = members.get(to)
    if (receiver === undefined) return []
    return receiver.actor.keysOf({ type, body } as never, { merchant, partition })
      .map((actorKey) => ({ family: to, merchant, actorKey }))
  })
}

const returningOf = (one: Opened): ReadonlyArray<Readable> =>
  one._tag === "Woken"
    ? one.behind.filter((each) => each._tag === "Readable")
    : one._tag === "Replayed" && one.again._tag === "Readable"
    ? [one.again]
    : []

/**
 * Loads what the caches lack, and answers what failed. `Restart` drops the states and tries again within its
 * budget; then, as with `Escalate`, the partition is given up.
 */
export const loadPatiently = Effect.fnUntraced(
  function* (
    owned: Deciding,
    batches: ReadonlyArray<Batch>,
    /** Keys that failed already, which are not asked for again in this turn. */
    failures: ReadonlyMap<string, Failure>
  ): Effect.fn.Return<ReadonlyMap<string, Failure>, PartitionEscalated, Database> {
    for (;;) {
      const loaded = yield* Effect.result(
        Effect.forEach(batches, (batch) => loadBatch(owned, batch, failures), {
          concurrency: "unbounded"
        })
      )
      if (loaded._tag === "Success") return new Map(loaded.success.flatMap((some) => [...some]))
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

export const forget = ({ members }: Deciding): void => {
  for (const { cache } of members.values()) cache.clear()
}

const loadBatch = Effect.fnUntraced(function* (
  { members, options: { lanes } }: Deciding,
  { alone, keys }: Batch,
  failures: ReadonlyMap<string, Failure>
): Effect.fn.Return<ReadonlyArray<readonly [string, Failure]>, LoadFailed, Database> {
  const lacking = new Map<string, Map<string, StateKey>>()
  for (const { actorKey: key, family, merchant } of keys) {
    const id = stateKey(merchant, key)
    if (members.get(family)!.cache.has(id) || failures.has(`${family}/${id}`)) continue
    const some = lacking.get(family)
    if (some === undefined) lacking.set(family, new Map([[id, { merchant, key }]]))
    else some.set(id, { merchant, key })
  }
  if (lacking.size === 0) return []
  const found = yield* Effect.forEach(lacking, ([family, some]) => {
    const { actor, cache } = members.get(family)!
    const load = alone ? loadOf(actor) : lanes.loads.get(family)!
    return Effect.map(
      loadStates(actor, load, cache, some),
      (failed) => [...failed].map(([id, failure]) => [`${family}/${id}`, failure] as const)
    )
  }, { concurrency: "unbounded" })
  return found.flat()
})
