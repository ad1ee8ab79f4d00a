import { Effect, Schema } from "effect"
import type { BusClient } from "../bus/connection.ts"
import { leaseKeys, leaseNow, leasesClock } from "../bus/holder.ts"
import { reckonedBy } from "./membership.ts"
import { MEMBER } from "./placement.ts"

/** What every worker that lives says of itself, by the key of its lease. */
export const saidByMembers = Effect.fnUntraced(function* (nc: BusClient) {
  const said = new Map<string, string>()
  const clock = yield* leasesClock(nc)
  for (const key of yield* leaseKeys(nc, MEMBER)) {
    const { holder: words } = yield* leaseNow(nc, key, clock)
    if (words !== "") said.set(key, words)
  }
  return said
})

/** A worker of a release that knows nothing of the number of partitions, or that was told another one. */
export const Stranger = Schema.Struct({ worker: Schema.String, partitions: Schema.Int })
type Stranger = typeof Stranger.Type

export const strangersAmong = (
  said: ReadonlyMap<string, string>,
  partitions: number
): ReadonlyArray<Stranger> =>
  [...said].map(([key, words]) => ({
    worker: key.slice(MEMBER.length),
    partitions: reckonedBy(words)
  })).filter((one) => one.partitions !== partitions)
