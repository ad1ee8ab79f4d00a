import { Effect } from "effect"
import { request } from "../../bus/api.ts"
import type { BusClient } from "../../bus/connection.ts"
import { orGood, type Signal } from "./signal.ts"

/** A disk of this machine on which a server of ours writes. */
export interface Disk {
  readonly server: string
  readonly freeBytes: () => number | undefined
}

/** With less a server fails at its next larger file, and is not started again. */
export const DISK_BYTES_BAD = 64 * 1024 ** 2
const DISK_BYTES_POOR = 1024 ** 3
/** Of what JetStream may store, or one of its streams. */
const STORED_SHARE_BAD = 0.95
const STORED_SHARE_POOR = 0.8

const inMebibytes = (bytes: number): string => `${Math.round(bytes / 1024 ** 2)} MiB`

export const diskSignals = (disks: ReadonlyArray<Disk>): ReadonlyArray<Signal> =>
  disks.map(({ freeBytes, server }): Signal => {
    const free = freeBytes()
    return {
      signal: "disks",
      state: free === undefined
        ? "unknown"
        : free < DISK_BYTES_BAD
        ? "bad"
        : free < DISK_BYTES_POOR
        ? "poor"
        : "good",
      found: free === undefined
        ? `nobody tells how much room the disk of ${server} has`
        : `the disk of ${server} has ${inMebibytes(free)} free`
    }
  })

/** How full something is that may hold `max`; undefined where there is enough room. */
export const fullness = (what: string, used: number, max: number): Signal | undefined => {
  const share = max > 0 ? used / max : 0
  if (share < STORED_SHARE_POOR) return undefined
  return {
    signal: "disks",
    state: share >= STORED_SHARE_BAD ? "bad" : "poor",
    found: `${what} holds ${inMebibytes(used)} of ${inMebibytes(max)}`
  }
}

/** What the account may store, by its server's word. Without a limit only the disks say. */
export const accountRoom = (nc: BusClient) =>
  request<{ storage: number; limits: { max_storage: number } }>(nc, "INFO").pipe(
    Effect.map(({ limits, storage }) =>
      orGood(
        "nats",
        [fullness("JetStream's account", storage, limits.max_storage)].filter((one) =>
          one !== undefined
        ),
        `NATS answers; JetStream holds ${inMebibytes(storage)}`
      )
    )
  )
