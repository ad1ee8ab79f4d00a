import { Effect } from "effect"
import { request } from "./api.ts"
import type { BusClient } from "./connection.ts"
import { holdsNothing, LEASE_CLOCK } from "./leases.ts"

/** Who holds a lease now, "" where nobody does. Of the entry itself, not of anybody's memory of it. */
export const leaseHolder = (nc: BusClient, key: string) =>
  request<{ message: { data?: string; hdrs?: string } }>(nc, "STREAM.MSG.GET.KV_leases", {
    last_by_subj: `$KV.leases.${key}`
  }).pipe(
    Effect.map(({ message }) => {
      const headers = Buffer.from(message.hdrs ?? "", "base64").toString()
      return holdsNothing((name) => headers.includes(`${name}:`))
        ? ""
        : Buffer.from(message.data ?? "", "base64").toString()
    }),
    Effect.catchTag("JetStreamRefused", () => Effect.succeed(""))
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
