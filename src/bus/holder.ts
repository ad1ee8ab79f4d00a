import { Effect } from "effect"
import { request } from "./api.ts"
import type { BusClient } from "./connection.ts"
import { holdsNothing, LEASE_CLOCK } from "./leases.ts"

/** A lease as it stands now. */
export interface Lease {
  /** "" where nobody holds it. */
  readonly holder: string
  /** Since its entry was written; undefined where there is none. */
  readonly ageMillis: number | undefined
}

/** The server ends a lease with its time, and this much later at most. */
const END_LATE_MILLIS = 1_000

/** The clock by which leases end: the server's own. */
export const leasesClock = (nc: BusClient) =>
  request<{ ts: string }>(nc, "STREAM.INFO.KV_leases").pipe(Effect.map(({ ts }) => Date.parse(ts)))

/**
 * Who holds a lease at a moment of the server's clock. Of the entry itself, not of anybody's memory of it;
 * and an entry that outlived its time holds nothing: a server that cannot write does not remove it either.
 */
export const leaseNow = (nc: BusClient, key: string, clockMillis: number) =>
  request<{ message: { data?: string; hdrs?: string; time: string } }>(
    nc,
    "STREAM.MSG.GET.KV_leases",
    { last_by_subj: `$KV.leases.${key}` }
  ).pipe(
    Effect.map(({ message }): Lease => {
      const headers = Buffer.from(message.hdrs ?? "", "base64").toString()
      const ageMillis = Math.max(0, clockMillis - Date.parse(message.time))
      const seconds = Number(/^Nats-TTL: ?(\d+)s/m.exec(headers)?.[1] ?? 0)
      const over = ageMillis > seconds * 1_000 + END_LATE_MILLIS
      return {
        holder: over || holdsNothing((name) => headers.includes(`${name}:`))
          ? ""
          : Buffer.from(message.data ?? "", "base64").toString(),
        ageMillis
      }
    }),
    Effect.catchTag(
      "JetStreamRefused",
      () => Effect.succeed<Lease>({ holder: "", ageMillis: undefined })
    )
  )

/** How far the clock of whoever wrote a lease last is ahead of the server's; undefined where nobody says. */
export const leaseSkewMillis = (nc: BusClient, key: string) =>
  request<{ message: { hdrs?: string; time: string } }>(nc, "STREAM.MSG.GET.KV_leases", {
    last_by_subj: `$KV.leases.${key}`
  }).pipe(
    Effect.map(({ message }) => {
      const headers = Buffer.from(message.hdrs ?? "", "base64").toString()
      const told = new RegExp(`^${LEASE_CLOCK}: *(\\d{1,15})\\r?$`, "m").exec(headers)?.[1]
      return told === undefined ? undefined : Number(told) - Date.parse(message.time)
    }),
    Effect.catchTag("JetStreamRefused", () => Effect.succeed(undefined))
  )

/** Keys of leases behind a prefix, those that nobody holds any more included. */
export const leaseKeys = (nc: BusClient, prefix: string) =>
  request<{ state: { subjects?: Readonly<Record<string, number>> } }>(
    nc,
    "STREAM.INFO.KV_leases",
    { subjects_filter: `$KV.leases.${prefix}*` }
  ).pipe(
    Effect.map(({ state }) =>
      Object.keys(state.subjects ?? {}).map((subject) => subject.slice("$KV.leases.".length))
    )
  )
