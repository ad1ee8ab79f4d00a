import { Effect } from "effect"
import { type Diagnosis, diagnosisOf } from "./diagnosis.ts"
import { examineIdentities } from "./identities.ts"
import { examinePartitions } from "./partitions.ts"
import { examineOnceness } from "./onceness.ts"
import type { Patient } from "./patient.ts"
import { examineCards } from "./cards.ts"
import { examinePostgresql } from "./postgresql.ts"
import { examineReplays } from "./replayable.ts"
import { examineServers } from "./servers.ts"
import { examineStreams } from "./streams.ts"
import { examineTakers } from "./takers.ts"
import { examineWorkerClocks } from "./workerClocks.ts"

/** Looks at everything a promise rests on. One part after the other: what is measured is not disturbed. */
export const examine = Effect.fnUntraced(function* (
  patient: Patient
): Effect.fn.Return<Diagnosis> {
  return diagnosisOf(new Date(), [
    ...yield* examineServers(patient),
    ...yield* examinePartitions(patient),
    ...yield* examineStreams(patient),
    yield* examineTakers(patient),
    yield* examineWorkerClocks(patient),
    ...yield* examineIdentities(patient),
    ...yield* examinePostgresql(patient),
    yield* examineCards(patient),
    ...yield* examineOnceness(patient),
    ...yield* examineReplays(patient)
  ])
})
