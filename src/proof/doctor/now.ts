import { Effect } from "effect"
import { machineNow } from "../../store/machine.ts"
import { familyStates } from "../health/familyStates.ts"
import { lagSignals, Ownerless, renewalSignals } from "../health/leases.ts"
import { monitorSignals } from "../health/monitors.ts"
import { accountRoom, diskSignals } from "../health/room.ts"
import { type Signal, within } from "../health/signal.ts"
import { bucketSignals, writeSignals } from "../health/writes.ts"
import type { Finding, Promised } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

const BUCKETS = ["leases", "control"]

const AREAS: Readonly<Record<Signal["signal"], Finding["area"]>> = {
  logins: "identities",
  servers: "nats",
  disks: "disks",
  nats: "nats",
  writes: "streams",
  leases: "workers",
  lag: "workers",
  postgresql: "postgresql"
}

/** What is accepted is durable, and done, only where somebody can write and somebody owns it. */
const UNDERMINED: Readonly<Partial<Record<Signal["signal"], ReadonlyArray<Promised>>>> = {
  writes: ["G1", "G5"],
  leases: ["G8"],
  lag: ["G8"]
}

/** What health is judged by, as it is now, and whether the buckets really store something. */
export const examineNow = Effect.fnUntraced(function* (
  { db, disks, monitorUrls, nc, probes }: Pick<
    Patient,
    "db" | "disks" | "monitorUrls" | "nc" | "probes"
  >
): Effect.fn.Return<ReadonlyArray<Finding>> {
  const places = Effect.tryPromise({
    try: () => machineNow(db),
    catch: (cause) => cause as Error
  }).pipe(
    Effect.flatMap((known) => familyStates(nc, known)),
    Effect.map((families) => [
      ...new Ownerless().signals(families, Date.now()),
      ...lagSignals(families)
    ])
  )
  const looks = yield* Effect.all([
    within("nats", accountRoom(nc), "bad", "NATS"),
    within("writes", writeSignals(nc, probes), "bad", "a stream"),
    within("writes", bucketSignals(nc, BUCKETS), "bad", "a bucket"),
    monitorSignals(monitorUrls),
    within("leases", renewalSignals(nc), "unknown", "the bucket of leases"),
    within("lag", places, "unknown", "what tells how far partitions are behind")
  ], { concurrency: "unbounded" })
  return [...diskSignals(disks), ...looks.flat()].map(({ found, signal, state }): Finding => ({
    area: AREAS[signal],
    check: `${signal} now`,
    verdict: state,
    found,
    undermines: state === "bad" ? UNDERMINED[signal] ?? [] : []
  }))
})
