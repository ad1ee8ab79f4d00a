import { Effect, Schedule } from "effect"
import { Database } from "../store/database.ts"
import { insertDeadLetters } from "../store/deadLetters.ts"
import * as metrics from "../telemetry/metrics.ts"
import { deadLetterOf, deadLetterRow } from "./deadLetter.ts"
import type { Letter } from "./letter.ts"

const untilStored = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

/**
 * A call that nobody can read. Only actors write calls, so it is a bug of ours, and whoever asked waits:
 * it is told to a person as a dead letter, and done with once that is stored, however long that takes.
 */
export const setCallAside = Effect.fnUntraced(function* (letter: Letter, why: string) {
  yield* Effect.logError(`${letter.family}: ${why}`)
  metrics.outboundCalls.inc({ family: letter.family, outcome: "malformed" })
  const database = yield* Database
  const dead = deadLetterOf(letter, undefined, "malformed", why, 1)
  const row = deadLetterRow(Number(letter.subject.split(".")[1]), dead)
  yield* database.together(`${letter.family}.deadLetter`, () => [insertDeadLetters([row])]).pipe(
    Effect.retry({ schedule: untilStored, while: ({ _tag }) => _tag === "DatabaseUnavailable" }),
    Effect.catch((error) => Effect.logError(`${letter.family} dead letter`, error.message))
  )
})
