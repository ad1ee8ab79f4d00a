import { Effect } from "effect"
import { append } from "../bus/append.ts"
import type { Database } from "../store/database.ts"
import { keyId } from "./actor.ts"
import { jsonOf, type ParkedKey } from "./draft.ts"
import { nameIn } from "./evolution.ts"
import { Header, UNPARK } from "./letter.ts"
import type { PartitionOptions } from "./owned.ts"
import type { AnyKeyed } from "./registry.ts"

/** A schedule fires within milliseconds; what is this late was lost. */
const OVERDUE_AFTER_MILLIS = 10_000
/** Wakes sent again at once. The rest follows in the next round. */
const OVERDUE_WAKES_MAX = 200

/**
 * Sends again the wakes that should have come by now, found in the tables: a lost timer strands
 * nothing. Repeats are harmless, because state names the timer it awaits.
 */
export const reemitOverdue = Effect.fnUntraced(function* (
  options: PartitionOptions,
  parked: ReadonlyMap<string, ParkedKey>
): Effect.fn.Return<void, never, Database> {
  const { actors, link, partition } = options
  const before = Date.now() - OVERDUE_AFTER_MILLIS
  const late = yield* Effect.forEach(
    actors.values(),
    (actor) => overdueOf(actor, partition, before)
  )
  const wakes = [
    ...late.flat().filter((wake) => !waits(options, parked, wake)),
    ...[...parked.values()]
      .filter((key) => !key.quarantined && key.wakeAtMillis < before)
      .map((key) => ({
        family: key.family,
        merchant: key.merchant,
        type: UNPARK,
        atMillis: key.wakeAtMillis,
        body: { key: key.actorKey }
      }))
  ].slice(0, OVERDUE_WAKES_MAX)
  if (wakes.length === 0) return
  yield* append(
    link.nc,
    wakes.map((wake) => ({
      subject: `${wake.family}.${partition}.timers`,
      headers: [
        [Header.type, nameIn(options.addressing.wireNames, wake.family, wake.type)],
        [Header.merchant, wake.merchant],
        [Header.due, String(wake.atMillis)]
      ],
      payload: jsonOf(wake.body)
    }))
  ).pipe(
    // The next round finds them again.
    Effect.catch((error) => Effect.logWarning("overdue wakes not sent", error.message))
  )
})

const overdueOf = ({ family, overdue }: AnyKeyed, partition: number, before: number) =>
  overdue === undefined ? Effect.succeed([]) : overdue(partition, before).pipe(
    Effect.map((wakes) => wakes.map((wake) => ({ ...wake, family }))),
    Effect.orElseSucceed(() => [])
  )

/** A wake for a key that is set aside would only wait behind it, again and again. */
const waits = (
  { actors, partition }: PartitionOptions,
  parked: ReadonlyMap<string, ParkedKey>,
  wake: {
    readonly family: string
    readonly merchant: string
    readonly type: string
    readonly body: unknown
  }
): boolean => {
  const { body, family, merchant, type } = wake
  const keys = actors.get(family)!.keysOf({ type, body } as never, { merchant, partition })
  return keys.some((key) => parked.has(keyId(family, merchant, key)))
}
