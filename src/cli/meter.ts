import { Effect, Fiber, Layer, Schedule } from "effect"
import { sourceOf } from "../../streams/mailboxes.ts"
import { open } from "../bus/connection.ts"
import { meter } from "../proof/meter/meter.ts"
import type { MeterPlaces } from "../proof/meter/sample.ts"
import { elected } from "../runtime/election.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"
import { familyByStream, streamByFamily } from "./worker.ts"

const OFFICE_TTL_MILLIS = 4_000

export const meterPlaces: MeterPlaces = {
  streamOf: (family) => streamByFamily.get(family),
  familyOf: (stream) => familyByStream.get(stream) ?? stream.toLowerCase(),
  sourceOf
}

/** Stands for the office of the exactly-once meter. Every worker may stand; one of them holds it. */
export const startMeter = (stack: Stack, holder: string, log: LogSink) => {
  const { password, user } = stack.nats.worker
  const fiber = Effect.runFork(
    Effect.scoped(
      Effect.gen(function* () {
        const name = `${holder}-meter`
        const link = yield* open({ urls: stack.natsUrls, user, password, name })
        const office = { link, name: "meter", holder, ttlMillis: OFFICE_TTL_MILLIS }
        yield* elected(office, meter(link, meterPlaces))
      })
    ).pipe(
      Effect.tapCause((cause) => Effect.logError("the meter ended and is started again", cause)),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.provide(Layer.mergeAll(Database.layerOf(stack.databaseUrl, 1), jsonLogs(log)))
    )
  )
  return { stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber))) }
}
