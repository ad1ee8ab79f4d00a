import { Effect, Exit, Fiber, Layer } from "effect"
import { delivery } from "../../actors/delivery/actor.ts"
import { fraud } from "../../actors/fraud/actor.ts"
import { gateway } from "../../actors/gateway/actor.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { messaging } from "../../actors/messaging/actor.ts"
import { payments } from "../../actors/payments/actor.ts"
import { reconciliation } from "../../actors/reconciliation/actor.ts"
import { mailboxes, PARTITIONS, sourceOf } from "../../streams/mailboxes.ts"
import { changesOf, wireNames } from "../../streams/messages/changes.ts"
import { routesOf } from "../../streams/events.ts"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { Nats } from "../bus/connection.ts"
import type { AnyActor } from "../runtime/registry.ts"
import type { CrashPoint } from "../runtime/commit.ts"
import { restarted } from "../runtime/restarted.ts"
import { runWorker } from "../runtime/worker.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { TurnStore } from "../store/turnStore.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"

export interface WorkerSettings {
  readonly name: string
  /** Families this worker runs; all of them by default. */
  readonly actors?: ReadonlyArray<string>
  readonly gateways: ReadonlyArray<Gateway>
  readonly log: LogSink
  readonly allowPrivateWebhooks: boolean
  readonly leaseTtlMillis?: number
  readonly crash?: (point: CrashPoint) => void
}

export interface RunningWorker {
  /** Finishes the turns under way and hands every partition over. */
  readonly stop: () => Promise<void>
}

/** A lease outlives a pause this long; after a kill its partitions stand still for that time. */
const LEASE_TTL_MILLIS = 4_000

/** Every actor, ready to run. */
export const actorsOf = (
  settings: Pick<WorkerSettings, "gateways" | "allowPrivateWebhooks">
): ReadonlyArray<AnyActor> =>
  everyActor(settings).map((actor): AnyActor => ({ ...actor, changes: changesOf(actor.family) }))

const everyActor = (
  settings: Pick<WorkerSettings, "gateways" | "allowPrivateWebhooks">
): ReadonlyArray<AnyActor> => [
  payments as unknown as AnyActor,
  fraud as unknown as AnyActor,
  gateway(settings.gateways) as unknown as AnyActor,
  messaging as unknown as AnyActor,
  delivery({ allowPrivateAddresses: settings.allowPrivateWebhooks }) as unknown as AnyActor,
  reconciliation as unknown as AnyActor
]

/** What the machine is told of `streams/`. */
export const streamByFamily = new Map<string, string>(
  mailboxes.map(({ family, stream }) => [family, stream])
)
export const familyByStream = new Map<string, string>(
  mailboxes.map(({ family, stream }) => [stream, family])
)
export const outboundStreams = new Set<string>(
  mailboxes.filter(({ kind }) => kind === "outbound").map(({ stream }) => stream)
)

/** One worker of this process: its actors, its share of their partitions. */
export const startWorker = (stack: Stack, settings: WorkerSettings): RunningWorker => {
  const { password, user } = stack.nats.worker
  const program = Effect.scoped(runWorker({
    worker: settings.name,
    actors: actorsOf(settings).filter(({ family }) => settings.actors?.includes(family) ?? true),
    partitions: PARTITIONS,
    streamOf: (family) => streamByFamily.get(family),
    familyOf: (stream) => familyByStream.get(stream) ?? stream.toLowerCase(),
    sourceOf,
    routesOf,
    messageBytesMax: MESSAGE_BYTES_MAX,
    wireNames,
    outboundStreams,
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
    restarted("the worker", program).pipe(Effect.provide(jsonLogs(settings.log)))
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
