import { Effect } from "effect"
import type { NatsLink } from "../bus/connection.ts"
import { addEscalation, type Escalations, familyControl, setFamily } from "../bus/control.ts"
import { derivedId } from "../domain/identifiers.ts"
import { Database } from "../store/database.ts"
import { keepAction } from "../store/operatorActions.ts"
import * as metrics from "../telemetry/metrics.ts"
import type { PartitionFailure } from "./owned.ts"
import type { Slot } from "./placement.ts"

/**
 * Escalations of one mailbox within the window, over all workers. One more and the family pauses until
 * a person resumes it: what fails again and again is not healed by another owner.
 */
export const ESCALATIONS_MAX = 5
const ESCALATIONS_WINDOW_MILLIS = 300_000
/** The latest are remembered for whoever looks; older ones leave. */
const ESCALATIONS_KEPT_MAX = 20
const DETAIL_CHARACTERS_MAX = 300

type Recent = Escalations["recent"]

/** Escalations that count towards the budget: recent ones, since a person last changed the family. */
const counted = (recent: Recent, generation: number, nowMillis: number): Recent =>
  recent.filter((one) =>
    one.counts && one.generation === generation &&
    nowMillis - Date.parse(one.at) < ESCALATIONS_WINDOW_MILLIS
  )

/**
 * Writes down that a partition was given up, for every worker to see; past the budget the family is
 * paused for all of them. An outage of PostgreSQL escalates too, but concerns every family and passes
 * by itself: it trips nothing.
 */
export const noteEscalation = Effect.fnUntraced(function* (
  { nc }: NatsLink,
  worker: string,
  { mailbox: family, partition }: Slot,
  failure: PartitionFailure
): Effect.fn.Return<void, never, Database> {
  if (failure._tag !== "PartitionEscalated" && failure._tag !== "PartitionInconsistent") return
  metrics.escalations.inc({ family })
  const detail = failure.detail.slice(0, DETAIL_CHARACTERS_MAX)
  const now = Date.now()
  const at = new Date(now).toISOString()
  const counts = failure._tag === "PartitionEscalated" && !failure.outage
  yield* Effect.gen(function* () {
    const generation = (yield* familyControl(nc, family))?.generation ?? 0
    const one = { at, partition, worker, detail, generation, counts }
    const recent = yield* addEscalation(nc, family, one, ESCALATIONS_KEPT_MAX)
    if (counted(recent, generation, now).length <= ESCALATIONS_MAX) return
    const why = `${family} gave up partitions more than ${ESCALATIONS_MAX} times in ` +
      `${ESCALATIONS_WINDOW_MILLIS / 1_000} s, the last for: ${detail}`
    const tripped = yield* setFamily(nc, family, { state: "paused", by: worker, why, at })
    if (!tripped) return
    yield* Effect.logError(
      `the breaker of ${family} tripped: it is paused until a person resumes it`
    )
    const database = yield* Database
    const id = derivedId("act", "trip", family, String(generation), at)
    yield* database.query(
      "breaker.audit",
      (db) => keepAction(db, { id, who: worker, action: "trip", family, why, outcome: "paused" })
    )
  }).pipe(
    Effect.catch((error) => Effect.logWarning("an escalation was not written down", error.message))
  )
})
