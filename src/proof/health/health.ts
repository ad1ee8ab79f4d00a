import { Effect } from "effect"
import { Nats } from "../../bus/connection.ts"
import { refusedLogins } from "../../bus/logins.ts"
import { commitOnce } from "../../store/condition.ts"
import { Database } from "../../store/database.ts"
import { machineNow } from "../../store/machine.ts"
import { familyStates } from "./familyStates.ts"
import { lagSignals, Ownerless, renewalSignals } from "./leases.ts"
import { monitorSignals } from "./monitors.ts"
import { accountRoom, type Disk, diskSignals } from "./room.ts"
import { shared } from "./sharedAnswer.ts"
import { type Signal, within } from "./signal.ts"
import { type Probe, writeSignals } from "./writes.ts"

/** A server that is kept running here. */
interface KeptRunning {
  readonly server: string
  readonly state: string
  readonly restarts: ReadonlyArray<{ readonly at: string; readonly why: string }>
}

/** What this process can look at beside its connections. */
export interface HealthSources {
  readonly monitorUrls: ReadonlyArray<string>
  readonly disks: ReadonlyArray<Disk>
  readonly servers: () => ReadonlyArray<KeptRunning>
  readonly probes: ReadonlyArray<Probe>
}

export type Health = Effect.Effect<ReadonlyArray<Signal>, never, Nats | Database>

/** A restart that is older is history. */
const RESTARTS_TOLD_MILLIS = 600_000
/** Everybody who asks within this time shares one look. */
const SHARED_MILLIS = 900

/** Looks at everything at once; what does not answer in time is told as that. */
export const healthOf = (sources: HealthSources): Health => {
  const ownerless = new Ownerless()
  const look = Effect.gen(function* () {
    const { nc } = yield* Nats
    const database = yield* Database
    const places = database.query("health.cursors", machineNow).pipe(
      Effect.flatMap((known) => familyStates(nc, known)),
      Effect.map((families) => [
        ...ownerless.signals(families, Date.now()),
        ...lagSignals(families)
      ])
    )
    const looks = yield* Effect.all([
      within("nats", accountRoom(nc), "bad", "NATS"),
      within("writes", writeSignals(nc, sources.probes), "bad", "a stream"),
      monitorSignals(sources.monitorUrls),
      within("leases", renewalSignals(nc), "unknown", "the bucket of leases"),
      within("lag", places, "unknown", "what tells how far partitions are behind"),
      within("postgresql", committing(database), "bad", "PostgreSQL")
    ], { concurrency: "unbounded" })
    return [
      ...loginSignals(),
      ...serverSignals(sources.servers()),
      ...diskSignals(sources.disks),
      ...looks.flat()
    ]
  })
  // It fails with nothing: every look tells its own failure.
  return Effect.orDie(shared(look, SHARED_MILLIS))
}

const committing = (database: typeof Database.Service) =>
  database.query("health.commit", commitOnce).pipe(
    Effect.as<ReadonlyArray<Signal>>([{
      signal: "postgresql",
      state: "good",
      found: "PostgreSQL writes and commits"
    }])
  )

const loginSignals = (): ReadonlyArray<Signal> =>
  refusedLogins().map((found) => ({ signal: "logins", state: "bad", found }))

const serverSignals = (servers: ReadonlyArray<KeptRunning>): ReadonlyArray<Signal> =>
  servers.map(({ restarts, server, state }): Signal => {
    const late = restarts.filter(({ at }) => Date.now() - Date.parse(at) < RESTARTS_TOLD_MILLIS)
    const last = late.at(-1)
    return {
      signal: "servers",
      state: state !== "runs" ? "bad" : last === undefined ? "good" : "poor",
      found: `${server} ${state}` +
        (last === undefined
          ? ""
          : `; started again ${
            late.length === 1 ? "once" : `${late.length} times`
          } of late, at ${last.at} because of ${last.why}`)
    }
  })
