import { Effect, Fiber, Layer, Schedule } from "effect"
import { mailboxes } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { open } from "../bus/connection.ts"
import { replicasOf } from "../bus/topology.ts"
import { guardMailbox } from "../runtime/admission.ts"
import { elected } from "../runtime/election.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"
import * as metrics from "../telemetry/metrics.ts"

const OFFICE_TTL_MILLIS = 4_000

/**
 * Stands for the office that watches how far the mailboxes are behind and closes their gates
 * (PROTOCOL §6). Every worker may stand; one of them holds it.
 */
export const startAdmission = (stack: Stack, holder: string, log: LogSink) => {
  const { password, user } = stack.nats.gate
  const fiber = Effect.runFork(
    Effect.scoped(
      Effect.gen(function* () {
        const name = `${holder}-admission`
        const link = yield* open({ urls: stack.natsUrls, user, password, name })
        const office = { link, name: "admission", holder, ttlMillis: OFFICE_TTL_MILLIS }
        yield* elected(office, guardAll(link.nc))
      })
    ).pipe(
      Effect.tapCause((cause) => Effect.logError("admission ended and is started again", cause)),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.provide(Layer.mergeAll(Database.layerOf(stack.databaseUrl, 2), jsonLogs(log)))
    )
  )
  return { stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber))) }
}

const guardAll = (nc: Parameters<typeof guardMailbox>[0]) => {
  const specs = new Map(topology(replicasOf(nc)).map((spec) => [spec.name, spec]))
  return Effect.forEach(
    mailboxes.filter(({ kind }) => kind === "keyed"),
    ({ family, stream }) => guardMailbox(nc, family, specs.get(stream)!),
    { concurrency: "unbounded", discard: true }
  ).pipe(
    // Whoever watches next tells how far behind they are: two truths would be none.
    Effect.ensuring(Effect.sync(() => {
      metrics.lagMessages.reset()
      metrics.lagSeconds.reset()
    }))
  )
}
