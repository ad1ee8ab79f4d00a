import { Effect, Fiber, Layer } from "effect"
import { mailboxes } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { open } from "../bus/connection.ts"
import { replicasOf } from "../bus/topology.ts"
import { guardMailbox } from "../runtime/admission.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"

/** Watches how far the mailboxes that take commands are behind, and closes their gates (PROTOCOL §6). */
export const startAdmission = (stack: Stack, log: LogSink) => {
  const { password, user } = stack.nats.admin
  const fiber = Effect.runFork(
    Effect.scoped(
      Effect.gen(function* () {
        const { nc } = yield* open({
          urls: stack.natsUrls,
          user,
          password,
          name: "lastro-admission"
        })
        const specs = new Map(topology(replicasOf(nc)).map((spec) => [spec.name, spec]))
        yield* Effect.forEach(
          mailboxes.filter(({ kind }) => kind === "keyed"),
          ({ family, stream }) => guardMailbox(nc, family, specs.get(stream)!),
          { concurrency: "unbounded", discard: true }
        )
      })
    ).pipe(
      Effect.tapCause((cause) => Effect.logError("admission ended", cause)),
      Effect.provide(Layer.mergeAll(Database.layerOf(stack.databaseUrl, 2), jsonLogs(log)))
    )
  )
  return { stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber))) }
}
