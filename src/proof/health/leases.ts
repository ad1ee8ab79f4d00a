import { Effect } from "effect"
import { streamCondition } from "../../bus/probe.ts"
import type { BusClient } from "../../bus/connection.ts"
import type { FamilyState } from "./familyStates.ts"
import { orGood, type Signal } from "./signal.ts"

/** A fail-over takes a lease time; who is without an owner for longer will not get one by itself. */
export const OWNERLESS_MILLIS_MAX = 30_000
/** Workers renew every second or so: after this without any, none runs or none can. */
export const RENEWAL_MILLIS_MAX = 10_000
/** Older than any backlog that passes by itself. */
export const LAG_SECONDS_MAX = 60
const NAMED_MAX = 5

const some = (names: ReadonlyArray<string>): string =>
  names.slice(0, NAMED_MAX).join(", ") +
  (names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "")

/** Partitions that nobody owns, and since when: remembered here, because who owns nothing writes nothing. */
export class Ownerless {
  private readonly since = new Map<string, number>()

  signals(families: ReadonlyArray<FamilyState>, now: number): ReadonlyArray<Signal> {
    const ownerless = families.filter(({ kind }) => kind === "keyed").flatMap(
      ({ family, partitions }) =>
        partitions.filter(({ owner }) => owner === "").map(({ lease_age_seconds, partition }) => {
          const place = `${family}-${partition}`
          const seen = this.since.get(place) ?? now
          this.since.set(place, seen)
          // What its last entry says is older than what this process saw.
          return { place, millis: Math.max(now - seen, (lease_age_seconds ?? 0) * 1_000) }
        })
    )
    const places = new Set(ownerless.map(({ place }) => place))
    for (const place of this.since.keys()) if (!places.has(place)) this.since.delete(place)
    if (ownerless.length === 0) return []
    const longest = Math.max(...ownerless.map(({ millis }) => millis))
    return [{
      signal: "leases",
      state: longest > OWNERLESS_MILLIS_MAX ? "bad" : "poor",
      found: `nobody owns ${some([...places])}, for ${Math.round(longest / 1_000)} s at most`
    }]
  }
}

/** When any lease was renewed last, by the server's own clock. */
export const renewalSignals = (nc: BusClient) =>
  streamCondition(nc, "KV_leases").pipe(Effect.map((condition) => [renewal(condition)]))

export const renewal = (
  { state, ts }: {
    readonly ts: string
    readonly state: { readonly last_seq: number; readonly last_ts: string }
  }
): Signal => {
  if (state.last_seq === 0) {
    return { signal: "leases", state: "unknown", found: "no worker has ever held a lease" }
  }
  const age = Math.max(0, Date.parse(ts) - Date.parse(state.last_ts))
  const seconds = Math.round(age / 1_000)
  return {
    signal: "leases",
    state: age > RENEWAL_MILLIS_MAX ? "bad" : "good",
    found: age > RENEWAL_MILLIS_MAX
      ? `no lease was renewed for ${seconds} s: no worker runs, or the bucket takes nothing`
      : `leases are renewed, the last ${seconds} s ago`
  }
}

export const lagSignals = (families: ReadonlyArray<FamilyState>): ReadonlyArray<Signal> => {
  const late = families.filter(({ paused }) => paused === null).flatMap(({ family, partitions }) =>
    partitions.filter(({ lag_seconds }) => lag_seconds > LAG_SECONDS_MAX)
      .map(({ lag_seconds, partition }) => ({ place: `${family}-${partition}`, lag_seconds }))
  )
  const oldest = Math.round(Math.max(0, ...late.map(({ lag_seconds }) => lag_seconds)))
  return orGood(
    "lag",
    late.length === 0 ? [] : [{
      signal: "lag",
      state: "bad",
      found: `${some(late.map(({ place }) => place))} wait, the oldest message for ${oldest} s`
    }],
    `no message waits for longer than ${LAG_SECONDS_MAX} s`
  )
}
