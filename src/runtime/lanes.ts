import { Effect } from "effect"
import { openCommitLane } from "./commitLane.ts"
import { openPace } from "./pace.ts"
import type { Actors } from "./registry.ts"
import { openLoadLane } from "./states.ts"

/** What the partitions of one mailbox share in a worker: each family loads, all of them commit together. */
export const openLanes = Effect.fnUntraced(function* (actors: Actors) {
  // A family that nobody waits for lingers only where it is alone.
  const lingers = [...actors.values()].map(({ lingerMillis = 0 }) => lingerMillis)
  const pace = openPace(Math.min(...lingers))
  const loads = new Map(
    yield* Effect.forEach(
      actors,
      ([family, actor]) => Effect.map(openLoadLane(actor), (load) => [family, load] as const)
    )
  )
  const commit = yield* openCommitLane(actors, pace)
  return { loads, commit, pace }
})

export type Lanes = Effect.Success<ReturnType<typeof openLanes>>
