import { Effect } from "effect"
import { meteredTurnsMissing, meterReading } from "../../store/meter.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** A meter that has not compared anything for so long does not run. */
const SILENT_SECONDS = 120

/** What the exactly-once meter found, and whether what it compared is still there. */
export const examineOnceness = Effect.fnUntraced(function* ({ db }: Pick<Patient, "db">) {
  const reading = yield* Effect.promise(() => meterReading(db))
  const missing = yield* Effect.promise(() => meteredTurnsMissing(db))
  const { alarms, behind, gaps, messages, outputs, repeats, sampled_seconds_ago: age } = reading
  const last = alarms[0]
  const silent = behind > 0 && (age === null || age > SILENT_SECONDS)
  return [{
    area: "effects",
    check: "exactly-once meter",
    verdict: gaps + repeats > 0 ? "bad" : silent ? "unknown" : "good",
    found:
      `${messages} messages and ${outputs} outputs compared, ${gaps} gaps, ${repeats} repeats` +
      (last === undefined
        ? ""
        : `; the last in ${last.family}-${last.partition} at ${last.place}: ${last.detail}`) +
      (silent ? `; ${behind} partitions wait to be compared and nobody does` : ""),
    ...(gaps + repeats > 0 && { advice: "replay the family (lastro replay) to see what it did" }),
    undermines: ["G2", "G3", "G5"]
  }, {
    area: "effects",
    check: "turn rows",
    verdict: missing.length > 0 ? "bad" : "good",
    found: missing.length > 0
      ? `rows that were there are gone: ${missing.join(", ")}`
      : "all that were compared are still there",
    undermines: ["G2", "G15"]
  }] satisfies ReadonlyArray<Finding>
})
