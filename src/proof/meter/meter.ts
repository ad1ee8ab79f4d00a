import { Effect, Schedule } from "effect"
import type { NatsLink } from "../../bus/connection.ts"
import { Database } from "../../store/database.ts"
import { type MeterPosition, meterPositions, raiseAlarms, savePosition } from "../../store/meter.ts"
import { type MeterPlaces, type Sample, sample } from "./sample.ts"

/** One partition is looked at so often; a full round over all of them takes as many times that. */
const SAMPLE_EVERY = "1 second"
/** A reader may be behind its leader for a moment: what is amiss must still be so after this. */
const LOOK_AGAIN_MILLIS = 1_500

/**
 * The exactly-once meter: whoever holds its office compares, partition by partition, what was
 * committed with the mailbox and with every target, remembers where it was, and raises an alarm at
 * the first gap or repeat.
 */
export const meter = (link: NatsLink, places: MeterPlaces) => {
  let idle = 0
  const next = Effect.gen(function* () {
    const database = yield* Database
    const positions = yield* database.query("meter.positions", meterPositions)
    // What was committed since comes first; the others are looked at, in turn, for repeats.
    const place = positions.find(({ cursorSeq, seq }) => cursorSeq > seq) ??
      positions[idle++ % Math.max(1, positions.length)]
    if (place !== undefined) yield* samplePartition(link, places, place)
  })
  return next.pipe(
    Effect.catchCause((cause) => Effect.logWarning("the exactly-once meter", cause)),
    Effect.repeat(Schedule.spaced(SAMPLE_EVERY)),
    Effect.asVoid
  )
}

/** One sample of one partition, remembered. */
export const samplePartition = Effect.fnUntraced(function* (
  link: NatsLink,
  places: MeterPlaces,
  from: MeterPosition
) {
  const { family, partition } = from
  const database = yield* Database
  let found: Sample = yield* sample(link, places, from)
  if (found.alarms.length > 0) {
    yield* Effect.sleep(LOOK_AGAIN_MILLIS)
    const first = new Set(found.alarms.map(({ kind, place }) => `${kind} ${place}`))
    found = yield* sample(link, places, from)
    const alarms = found.alarms.filter(({ kind, place }) => first.has(`${kind} ${place}`))
    if (alarms.length > 0) {
      yield* database.query("meter.alarm", (db) => raiseAlarms(db, family, partition, alarms))
      yield* Effect.logError(
        `exactly once is broken in ${family}-${partition}: ` +
          alarms.map(({ detail, kind, place }) => `${kind} at ${place}: ${detail}`).join("; ")
      )
    }
    found = { ...found, alarms }
  }
  if (found.to.seq > from.seq) {
    yield* database.query("meter.save", (db) => savePosition(db, from.seq, found.to))
  }
  return found
})
