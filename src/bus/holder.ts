import { Effect } from "effect"
import { request } from "./api.ts"
import type { BusClient } from "./connection.ts"
import { holdsNothing } from "./leases.ts"

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
