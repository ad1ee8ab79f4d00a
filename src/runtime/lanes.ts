import { Effect } from "effect"
import { openCommitLane } from "./commitLane.ts"
import { openPace } from "./pace.ts"
import type { AnyKeyed } from "./registry.ts"
import { openLoadLane } from "./states.ts"

/** What the partitions of one family share in a worker. */
export const openLanes = Effect.fnUntraced(function* (actor: AnyKeyed) {
  const pace = openPace(actor.lingerMillis ?? 0)
  const load = yield* openLoadLane(actor)
  const commit = yield* openCommitLane(actor, pace)
  return { load, commit, pace }
})

export type Lanes = Effect.Success<ReturnType<typeof openLanes>>
