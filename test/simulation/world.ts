import { Effect, Layer, Logger, Schedule } from "effect"
import { Nats } from "../../src/bus/connection.ts"
import { mappingOf } from "./model/mapping.ts"
import type { StreamSpec } from "../../src/bus/topology.ts"
import type { CrashPoint } from "../../src/runtime/turnPlace.ts"
import type { AnyActor, AnyKeyed } from "../../src/runtime/registry.ts"
import { runWorker } from "../../src/runtime/worker.ts"
import { Database } from "../../src/store/database.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import type { Chance } from "./chance.ts"
import { Kernel, Process } from "./kernel.ts"
import { Broker } from "./model/broker.ts"
import { Client, type Wire } from "./model/client.ts"
import { asker, Store, type StoreFlaws, turnStoreOf } from "./model/store.ts"
import type { BusFlaws, Stored } from "./model/stream.ts"

/** What the workers of a simulation run. */
export interface House {
  /** As they decide; who loads and saves for them differs from process to process. */
  readonly keyed: ReadonlyArray<AnyKeyed>
  /** All of them read one mailbox, that of the first. */
  readonly together?: boolean
  /** Those that call the world. */
  readonly outbound: ReadonlyArray<string>
  readonly partitions: number
  readonly streams: ReadonlyArray<StreamSpec>
  readonly routesOf: (eventType: string) => ReadonlyArray<{ to: string; as: string }>
  readonly commandsMax: number
  /** Simulated time for everything to settle once the weather has cleared. */
  readonly settlesMillis: number
  /** One command of a producer, the nth. */
  readonly command: (chance: Chance, nth: number) => Command
  /** Nothing is awaited any more that no mailbox shows. */
  readonly isQuiet: (world: World) => boolean
  /** Its own promises: a sentence for each that does not hold. */
  readonly broken: (world: World) => ReadonlyArray<string>
  /** Made for each process: an actor that keeps its states in the model. */
  readonly actors: (asProcess: Keeper) => ReadonlyArray<AnyActor>
}

export interface Command {
  readonly family: string
  readonly type: string
  readonly merchant: string
  readonly body: unknown
}

/** What a process's actors have instead of PostgreSQL. */
export interface Keeper {
  readonly store: Store
  readonly ask: ReturnType<typeof asker>
  readonly now: () => number
  readonly chance: Chance
  /** Whether a load is to fail now, so that its key is parked. */
  readonly fails: () => boolean
}

export interface Flaws extends BusFlaws, StoreFlaws {
  /** Whatever a consumer skipped is hidden from who reads it. */
  readonly hiddenGaps?: boolean
}

/** A lease's time; a worker away for longer is replaced. */
export const LEASE_MILLIS = 2_000

export const MESSAGE_BYTES_MAX = 100_000

export const streamOf = (family: string): string => family.toUpperCase()

/** A mailbox as the workers of a simulation are told of it. */
export interface SimulatedMailbox {
  readonly mailbox: string
  readonly stream: string
  readonly families: ReadonlyArray<string>
}

const mailboxOf = ([first, ...others]: ReadonlyArray<AnyKeyed>): SimulatedMailbox => ({
  mailbox: first!.family,
  stream: streamOf(first!.family),
  families: [first!, ...others].map(({ family }) => family)
})

export const mailboxesIn = (
  { keyed, together = false }: Pick<House, "keyed" | "together">
): ReadonlyArray<SimulatedMailbox> =>
  together ? [mailboxOf(keyed)] : keyed.map((actor) => mailboxOf([actor]))

export interface Worker {
  readonly process: Process
  readonly client: Client
  readonly logs: Array<string>
}

/** One server, one store and any number of worker processes, all in one simulated time. */
export class World {
  readonly kernel: Kernel
  readonly house: House
  readonly broker: Broker
  readonly store: Store
  readonly workers: Array<Worker> = []
  /** Replaced by whoever breaks things. */
  wire: Wire
  loadFails: () => boolean = () => false
  /** Set once a load failed: what was parked is decided later, at another clock. */
  parked = false
  private readonly flaws: Flaws
  private started = 0

  constructor(
    seed: number,
    house: House,
    flaws: Flaws = {},
    recorded?: ReadonlyMap<string, ReadonlyArray<Stored>>
  ) {
    this.kernel = new Kernel(seed)
    this.house = house
    this.flaws = flaws
    this.broker = new Broker(
      this.kernel,
      { specs: house.streams, mapping: mappingOf(house.partitions) },
      flaws,
      recorded
    )
    this.store = new Store(flaws)
    this.wire = { toServer: () => 0.1, toProcess: () => 0.1, reached: () => {} }
  }

  readonly connect = (process: Process): Client =>
    new Client(this.kernel, this.broker, process, {
      toServer: (name) => this.wire.toServer(name),
      toProcess: (name) => this.wire.toProcess(name),
      reached: (label, who) => this.wire.reached(label, who)
    }, this.flaws.hiddenGaps === true)

  readonly streamOf = (family: string): string =>
    mailboxesIn(this.house).find(({ families }) => families.includes(family))?.stream ??
      streamOf(family)

  readonly isLocal = (from: string, to: string): boolean =>
    from !== to && this.streamOf(from) === this.streamOf(to)

  /** Starts a worker with every actor of the house. */
  readonly start = (): Worker => {
    const process = new Process(`w${++this.started}`)
    const worker: Worker = { process, client: this.connect(process), logs: [] }
    this.workers.push(worker)
    const program = this.program(worker)
    this.kernel.after(0, "start", () => void Effect.runFork(program), process)
    return worker
  }

  /** Ends it as SIGKILL does: what it sent is on its way, what comes back finds nobody. */
  readonly kill = ({ client, process }: Worker): void => {
    if (!process.alive) return
    process.alive = false
    this.kernel.after(1, "connection closed", client.disconnect)
  }

  private readonly fails = (): boolean => {
    const fails = this.loadFails()
    this.parked ||= fails
    return fails
  }

  private program({ client, logs, process }: Worker) {
    const { house, kernel, store } = this
    const wire: Wire = {
      toServer: (name) => this.wire.toServer(name),
      toProcess: (name) => this.wire.toProcess(name),
      reached: (label, who) => this.wire.reached(label, who)
    }
    const ask = asker(kernel, process, wire)
    return Effect.scoped(runWorker({
      worker: process.name,
      actors: house.actors({
        store,
        ask,
        now: kernel.now,
        chance: kernel.chance,
        fails: this.fails
      }),
      partitions: house.partitions,
      mailboxes: mailboxesIn(house),
      streamOf: this.streamOf,
      isLocal: this.isLocal,
      sourceOf,
      routesOf: house.routesOf,
      outboundStreams: new Set(house.outbound.map(streamOf)),
      messageBytesMax: MESSAGE_BYTES_MAX,
      leaseTtlMillis: LEASE_MILLIS,
      crash: (point: CrashPoint) => this.wire.reached(point, process)
    })).pipe(
      Effect.tapCause((cause) => Effect.logError("the worker ended", cause)),
      Effect.retry(Schedule.spaced("1 second")),
      Effect.provide(Layer.mergeAll(
        Layer.succeed(Nats, { nc: client.asBusClient(), inboxPrefix: `_INBOX.${process.name}` }),
        Layer.succeed(TurnStore, turnStoreOf(store, kernel, process, wire)),
        Layer.succeed(Database, NO_DATABASE),
        Logger.layer([
          Logger.make(({ cause, message }) => {
            const reasons = cause.reasons.map((reason) =>
              String("error" in reason ? reason.error : reason._tag)
            )
            logs.push(`${Math.floor(kernel.now()) % 1_000_000} ${message} ${reasons}`)
          })
        ])
      ))
    )
  }
}

const noDatabase = () => Effect.die(new Error("a simulation has no PostgreSQL"))
const NO_DATABASE = Database.of({
  query: noDatabase,
  transaction: noDatabase,
  together: noDatabase,
  rehearsal: noDatabase
})
