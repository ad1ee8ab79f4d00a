import { Effect } from "effect"
import { Appender } from "../bus/appender.ts"
import { Nats } from "../bus/connection.ts"
import { Control } from "../bus/control.ts"
import { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { noteEscalation } from "./breaker.ts"
import { BUNDLE_CALLS_MAX, BUNDLE_MESSAGES_MAX } from "./bundle.ts"
import { generationOf, type WireNames } from "./evolution.ts"
import { openLanes } from "./lanes.ts"
import type { Addressing } from "./outbox.ts"
import { runOutbound } from "./outboundRunner.ts"
import { runPartition } from "./partition.ts"
import { place, type Slot } from "./placement.ts"
import type { Actors, AnyActor, AnyKeyed, AnyOutbound } from "./registry.ts"
import { forwardTimers } from "./timerForwarder.ts"
import type { CrashPoint } from "./turnPlace.ts"

interface WorkerOptions {
  readonly worker: string
  readonly actors: ReadonlyArray<AnyActor>
  readonly partitions: number
  /** Those whose families it runs are its own. */
  readonly mailboxes: ReadonlyArray<
    { readonly mailbox: string; readonly stream: string; readonly families: ReadonlyArray<string> }
  >
  readonly streamOf: (family: string) => string | undefined
  readonly sourceOf: (mailbox: string, partition: number) => string
  readonly isLocal?: Addressing["isLocal"]
  readonly routesOf: (eventType: string) => ReadonlyArray<{ to: string; as: string }>
  readonly messageBytesMax: number
  /** Names of message types of all families that changed since they were first written. */
  readonly wireNames?: WireNames
  /** Mailboxes whose messages are calls to the world, whoever runs them. */
  readonly outboundStreams: ReadonlySet<string>
  readonly leaseTtlMillis: number
  readonly crash?: (point: CrashPoint) => void
}

/** One worker: its share of the partitions of every mailbox whose families it runs, and all outbound families. */
export const runWorker = Effect.fnUntraced(function* (options: WorkerOptions) {
  const link = yield* Nats
  const keyed = options.actors.filter((actor): actor is AnyKeyed => actor.kind === "keyed")
  const outbound = options.actors.filter((actor): actor is AnyOutbound => actor.kind === "outbound")
  const owned = mailboxesOf(options.mailboxes, keyed)
  const slots: ReadonlyArray<Slot> = [...owned.keys()].flatMap((mailbox) =>
    Array.from({ length: options.partitions }, (_, partition) => ({ mailbox, partition }))
  )

  const control = yield* watchedControl(options.actors.map(({ family }) => family))
  const appender = new Appender(link)
  const lanes = new Map(
    yield* Effect.forEach(
      owned,
      ([mailbox, { actors }]) => Effect.map(openLanes(actors), (lanes) => [mailbox, lanes] as const)
    )
  )

  yield* warmUp(options, [...owned.keys()])
  const placement = place({
    link,
    worker: options.worker,
    slots,
    partitions: options.partitions,
    ttlMillis: options.leaseTtlMillis,
    families: keyed.map(({ changes, family }) => [family, generationOf(changes)]),
    familiesOf: (mailbox) => [...owned.get(mailbox)!.actors.keys()],
    run: (slot, epoch, stopAsked) =>
      runPartition({
        link,
        appender,
        lanes: lanes.get(slot.mailbox)!,
        mailbox: slot.mailbox,
        ...owned.get(slot.mailbox)!,
        partition: slot.partition,
        epoch,
        owner: options.worker,
        addressing: addressingOf(options, slot),
        crash: options.crash ?? (() => {}),
        bundleMaxOf: (target) =>
          options.outboundStreams.has(target) ? BUNDLE_CALLS_MAX : BUNDLE_MESSAGES_MAX,
        stopAsked,
        paused: () => control.isPaused(slot.mailbox)
      }).pipe(Effect.tapError((failure) => noteEscalation(link, options.worker, slot, failure)))
  })

  return yield* Effect.all([
    Effect.scoped(placement),
    Effect.scoped(forwardTimers(link)),
    control.watch,
    ...outbound.map((actor) =>
      Effect.scoped(
        runOutbound({
          link,
          appender,
          control,
          actor,
          stream: options.streamOf(actor.family)!,
          partitions: options.partitions,
          streamOf: options.streamOf,
          messageBytesMax: options.messageBytesMax,
          ...(options.wireNames && { wireNames: options.wireNames })
        })
      )
    )
  ], { concurrency: "unbounded", discard: true })
})

/** The mailboxes of which every family is run here, by their names. */
const mailboxesOf = (
  mailboxes: WorkerOptions["mailboxes"],
  keyed: ReadonlyArray<AnyKeyed>
): ReadonlyMap<string, { readonly actors: Actors; readonly stream: string }> =>
  new Map(mailboxes.flatMap(({ families, mailbox, stream }) => {
    const actors = keyed.filter(({ family }) => families.includes(family))
    if (actors.length !== families.length) return []
    return [[mailbox, { stream, actors: new Map(actors.map((actor) => [actor.family, actor])) }]]
  }))

/** Partitions that are taken over at the same time by a worker that joins: about so many connections. */
const WARM_CONNECTIONS = 8

/**
 * Asks PostgreSQL what a take-over asks, of a partition that is none, before this worker is known: so no
 * partition stands still while connections are opened and statements prepared.
 */
const warmUp = Effect.fnUntraced(function* (
  { partitions, worker }: Pick<WorkerOptions, "partitions" | "worker">,
  mailboxes: ReadonlyArray<string>
) {
  const store = yield* TurnStore
  const nothing = { partition: -1, bucketMillis: 0, revision: 0, owner: worker, partitions }
  yield* Effect.forEach(
    Array.from({ length: WARM_CONNECTIONS }, (_, index) => mailboxes[index % mailboxes.length]),
    (mailbox) =>
      mailbox === undefined
        ? Effect.void
        : Effect.ignore(store.takeOver({ mailbox, families: [], ...nothing })),
    { concurrency: "unbounded", discard: true }
  )
})

const watchedControl = Effect.fnUntraced(function* (families: ReadonlyArray<string>) {
  const control = yield* Control.open(yield* Nats, families)
  const show = () => {
    for (const family of families) {
      metrics.familiesPaused.set({ family }, control.isPaused(family) ? 1 : 0)
    }
  }
  control.onChange(show)
  show()
  return control
})

const addressingOf = (options: WorkerOptions, slot: Slot): Addressing => ({
  mailbox: slot.mailbox,
  partition: slot.partition,
  source: options.sourceOf(slot.mailbox, slot.partition),
  streamOf: options.streamOf,
  partitions: options.partitions,
  routesOf: options.routesOf,
  ...(options.isLocal && { isLocal: options.isLocal }),
  ...(options.wireNames && { wireNames: options.wireNames }),
  messageBytesMax: options.messageBytesMax
})
