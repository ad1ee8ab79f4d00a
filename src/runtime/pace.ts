import { Clock, Effect } from "effect"

/** However long commits take, a turn waits no longer than this for the others of its family. */
const PAUSE_MILLIS_MAX = 16

/**
 * When the turns of a family may begin. Those of all its partitions in this worker begin together, so
 * that they share a database transaction and their messages an append: what these cost hardly depends
 * on how much is in them, and at a tenth of what the machine can do they already filled it.
 */
export interface Pace {
  /** Returns at once where the family has been idle for as long as its last commit took. */
  readonly wait: Effect.Effect<void>
  readonly committed: (startedMillis: number, endedMillis: number) => void
}

/** `lingerMillis`: at least so long between two beginnings, for a family nobody waits for. */
export const openPace = (lingerMillis: number): Pace => {
  let next = 0
  return {
    wait: Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => now < next ? Effect.sleep(next - now) : Effect.void
    ),
    committed: (startedMillis, endedMillis) => {
      const pause = Math.min(PAUSE_MILLIS_MAX, endedMillis - startedMillis)
      next = Math.max(endedMillis + pause, startedMillis + lingerMillis)
    }
  }
}
