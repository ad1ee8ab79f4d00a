import { Cause, Effect } from "effect"
import { ping } from "../../store/machine.ts"
import { type Diagnosis, diagnosisOf, type Finding, type Promised, promises } from "./diagnosis.ts"
import { examineActions } from "./actions.ts"
import { examineIdentities } from "./identities.ts"
import { examinePartitions } from "./partitions.ts"
import { examineOnceness } from "./onceness.ts"
import { examineNow } from "./now.ts"
import type { Patient, Reached } from "./patient.ts"
import { examineCards } from "./cards.ts"
import { examinePostgresql } from "./postgresql.ts"
import { examineReplays } from "./replayable.ts"
import { examineServers } from "./servers.ts"
import { examineStreams } from "./streams.ts"
import { examineTakers } from "./takers.ts"
import { examineWorkerClocks } from "./workerClocks.ts"

/** A server that hangs is not waited for by every part in turn. */
const REACHED_MILLIS = 1_000
/** What rests on a server that nobody reaches. */
const EVERY = Object.keys(promises) as ReadonlyArray<Promised>

/**
 * Looks at everything a promise rests on. One part after the other: what is measured is not disturbed.
 * A server that is away is told, and what rests on the other one is looked at all the same.
 */
export const examine = Effect.fnUntraced(function* (
  { nc, ...rest }: Reached
): Effect.fn.Return<Diagnosis> {
  const database = yield* databaseAway(rest.db)
  const findings = [
    ...typeof nc === "string" ? away("nats", nc) : yield* examineNats({ ...rest, nc }, database),
    ...database === undefined ? yield* examineDatabase(rest) : away("postgresql", database)
  ]
  return diagnosisOf(new Date(), findings)
})

const databaseAway = (db: Patient["db"]) =>
  Effect.tryPromise({
    try: () => ping(db),
    catch: (cause) => (cause as Error).message || String((cause as { code?: string }).code)
  }).pipe(
    Effect.as(undefined),
    Effect.timeoutOrElse({
      duration: REACHED_MILLIS,
      orElse: () => Effect.succeed(`it does not answer within ${REACHED_MILLIS / 1_000} s`)
    }),
    Effect.catch((why) => Effect.succeed(why))
  )

const away = (area: "nats" | "postgresql", found: string): ReadonlyArray<Finding> => [{
  area,
  check: "answers",
  verdict: "bad",
  found,
  advice: "see its log, and start it",
  undermines: []
}, {
  area,
  check: "what rests on it",
  verdict: "unknown",
  found: "it was not looked at",
  undermines: EVERY
}]

const examineNats = Effect.fnUntraced(function* (
  patient: Patient,
  database: string | undefined
): Effect.fn.Return<ReadonlyArray<Finding>> {
  return [
    ...yield* told("nats", examineNow(patient)),
    ...yield* told("nats", examineServers(patient, database === undefined)),
    ...yield* told("nats", examinePartitions(patient)),
    ...yield* told("streams", examineStreams(patient, database === undefined)),
    ...yield* told("workers", examineTakers(patient)),
    ...yield* told("workers", Effect.map(examineWorkerClocks(patient), (one) => [one])),
    ...yield* told("identities", examineIdentities(patient)),
    ...database === undefined ? yield* told("effects", examineReplays(patient)) : []
  ]
})

const examineDatabase = Effect.fnUntraced(function* (
  patient: Omit<Patient, "nc">
): Effect.fn.Return<ReadonlyArray<Finding>> {
  return [
    ...yield* told("postgresql", examinePostgresql(patient)),
    ...yield* told("postgresql", Effect.map(examineCards(patient), (one) => [one])),
    ...yield* told("postgresql", Effect.map(examineActions(patient), (one) => [one])),
    ...yield* told("effects", examineOnceness(patient))
  ]
})

/** A part that breaks off, as where a server goes away meanwhile, is a finding as well. */
const told = <E>(
  area: Finding["area"],
  part: Effect.Effect<ReadonlyArray<Finding>, E>
): Effect.Effect<ReadonlyArray<Finding>> =>
  part.pipe(
    Effect.catchCause((cause) => {
      const why = Cause.squash(cause)
      return Effect.succeed<ReadonlyArray<Finding>>([{
        area,
        check: "examination",
        verdict: "unknown",
        found: `it broke off: ${why instanceof Error ? why.message : String(why)}`,
        undermines: EVERY
      }])
    })
  )
