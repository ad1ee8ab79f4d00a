import { Effect, Exit, Fiber, Layer } from "effect"
import { actorsOf, type OutboundSettings } from "../../actors/register.ts"
import { places } from "../../streams/places.ts"
import { Nats } from "../bus/connection.ts"
import type { CrashPoint } from "../runtime/turnPlace.ts"
import { restarted } from "../runtime/restarted.ts"
import { runWorker } from "../runtime/worker.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { TurnStore } from "../store/turnStore.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"
import { keepWhatOtherCodeLeft } from "./olderCode.ts"

export interface WorkerSettings extends OutboundSettings {
  readonly name: string
  /** Families this worker runs; all of them by default. */
  readonly actors?: ReadonlyArray<string>
  readonly log: LogSink
  readonly leaseTtlMillis?: number
  readonly crash?: (point: CrashPoint) => void
}

interface RunningWorker {
  /** Finishes the turns under way and hands every partition over. */
  readonly stop: () => Promise<void>
}

/** A lease outlives a pause this long; after a kill its partitions stand still for that time. */
const LEASE_TTL_MILLIS = 4_000

/** One worker of this process: its actors, its share of their partitions. */
export const startWorker = (stack: Stack, settings: WorkerSettings): RunningWorker => {
  const { password, user } = stack.nats.worker
  const program = Effect.scoped(runWorker({
    worker: settings.name,
    actors: actorsOf(settings).filter(({ family }) => settings.actors?.includes(family) ?? true),
    ...places,
    leaseTtlMillis: settings.leaseTtlMillis ?? LEASE_TTL_MILLIS,
    ...(settings.crash && { crash: settings.crash })
  })).pipe(
    Effect.provide(Layer.mergeAll(
      Nats.layerOf({ urls: stack.natsUrls, user, password, name: settings.name }),
      Layer.provideMerge(TurnStore.layer, Database.layerOf(stack.databaseUrl))
    ))
  )
  // A server that hiccups at the wrong moment must not leave an edge that takes and nobody who works.
  const fiber = Effect.runFork(
    Effect.promise(() => keepWhatOtherCodeLeft(stack.databaseUrl, settings.log)).pipe(
      Effect.andThen(restarted("the worker", program)),
      Effect.provide(jsonLogs(settings.log))
    )
  )
  return {
    stop: async () => {
      const exit = await Effect.runPromise(
        Fiber.interrupt(fiber).pipe(Effect.andThen(Fiber.await(fiber)))
      )
      if (Exit.isFailure(exit)) return
    }
  }
}
