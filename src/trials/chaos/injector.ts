import { Effect } from "effect"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { request } from "../../bus/api.ts"
import type { NatsLink } from "../../bus/connection.ts"
import { DEAD_LETTERS_STREAM, EVENTS_STREAM } from "../../runtime/outbox.ts"
import { type ClusterServer, type ClusterStack, natsMembers } from "../../stack/cluster.ts"
import type { Crew } from "./crew.ts"
import { type Fault, type FaultKind, placeOf } from "./faults.ts"
import type { Ownership } from "./ownership.ts"

/** A fault that was injected, and what its victim owned at that moment. */
export interface Injected {
  readonly kind: FaultKind
  readonly atMillis: number
  /** Slots of the worker that was hit. */
  readonly slots: ReadonlyArray<string>
}

const HEALTHY_MILLIS_MAX = 90_000
const LOOK_EVERY_MILLIS = 250
/** A worker that has not come to its crash point by then is killed where it stands. */
const CRASH_MILLIS_MAX = 30_000
/** Two workers in one place for so long: the new one has joined before the old one leaves. */
const OVERLAP_MILLIS = 2_500
const STEP_DOWN_MILLIS_MAX = 3_000

const streams = [
  ...mailboxes.map(({ stream }) => stream),
  EVENTS_STREAM,
  DEAD_LETTERS_STREAM,
  "TIMERS",
  "KV_leases"
]
const consumers = [
  ...mailboxes.filter(({ kind }) => kind === "outbound")
    .map(({ mailbox, stream }) => `${stream}.${mailbox}`),
  "TIMERS.timers-due"
]

const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/** Does what a fault says and sees to it that what it broke comes back. */
export class Injector {
  readonly injected: Array<Injected> = []
  /** Faults that could not be undone: the run is worth nothing. */
  readonly failures: Array<string> = []
  private readonly cluster: ClusterStack
  private readonly crew: Crew
  private readonly admin: NatsLink
  private readonly ownership: Ownership
  private readonly places = new Map<string, Promise<void>>()

  constructor(parts: {
    readonly cluster: ClusterStack
    readonly crew: Crew
    readonly admin: NatsLink
    readonly ownership: Ownership
  }) {
    this.cluster = parts.cluster
    this.crew = parts.crew
    this.admin = parts.admin
    this.ownership = parts.ownership
  }

  /** Faults that share a place follow each other; the promise ends when this one has begun. */
  async inject(fault: Fault): Promise<void> {
    const place = placeOf(fault)
    await this.places.get(place)
    this.note(fault)
    const undone = this.perform(fault).catch((error: Error) => {
      this.failures.push(`${fault.kind}: ${error.message}`)
    })
    this.places.set(place, undone)
  }

  /** Everything that was broken is back. */
  async over(): Promise<void> {
    await Promise.all(this.places.values())
  }

  private note(fault: Fault): void {
    const victim = "worker" in fault ? this.crew.worker(fault.worker).name : undefined
    const slots = [...this.ownership.owners()].filter(([, { owner }]) => owner === victim)
      .map(([slot]) => slot)
    this.injected.push({ kind: fault.kind, atMillis: Date.now(), slots })
  }

  private async perform(fault: Fault): Promise<void> {
    if ("worker" in fault) return await this.hitWorker(fault)
    switch (fault.kind) {
      case "nats-server killed":
        return await this.away([fault.member], "SIGKILL", fault.millis)
      case "nats-server restarted":
        return await this.away([fault.member], "SIGTERM", 0)
      case "all nats-servers killed":
        return await this.away(natsMembers, "SIGKILL", fault.millis)
      case "nats-server frozen":
        this.cluster.freeze(fault.member)
        await rest(fault.millis)
        this.cluster.thaw(fault.member)
        return await this.healthy()
      case "postgres killed":
        return await this.away(["postgres"], "SIGKILL", fault.millis)
      case "postgres restarted":
        return await this.away(["postgres"], "SIGINT", 0)
      case "stream leader stepped down":
        return await this.stepDown(`STREAM.LEADER.STEPDOWN.${pickOf(streams, fault.pick)}`)
      case "consumer leader stepped down":
        return await this.stepDown(`CONSUMER.LEADER.STEPDOWN.${pickOf(consumers, fault.pick)}`)
    }
  }

  private async hitWorker(fault: Extract<Fault, { worker: number }>): Promise<void> {
    const { crew } = this
    const worker = crew.worker(fault.worker)
    const wiring = crew.wiring(fault.worker)
    switch (fault.kind) {
      case "worker killed":
        worker.signal("SIGKILL")
        await worker.ended
        await rest(fault.absentMillis)
        crew.replace(fault.worker)
        return
      case "worker killed at a crash point": {
        const { pass, point } = fault
        const doomed = crew.replace(fault.worker, { pass, point, signal: "SIGKILL" })
        worker.signal("SIGTERM")
        await Promise.race([doomed.ended, rest(CRASH_MILLIS_MAX)])
        doomed.signal("SIGKILL")
        await Promise.all([doomed.ended, worker.ended])
        crew.replace(fault.worker)
        return
      }
      case "worker frozen":
        worker.signal("SIGSTOP")
        await rest(fault.millis)
        worker.signal("SIGCONT")
        return
      case "worker replaced":
        crew.replace(fault.worker)
        await rest(OVERLAP_MILLIS)
        worker.signal("SIGTERM")
        await worker.ended
        return
      case "nats connections cut":
        return wiring.nats.forEach((proxy) => proxy.cut())
      case "postgres connections cut":
        return wiring.postgres.cut()
      case "nats connections stalled":
        return await stalled(wiring.nats, fault.millis)
      case "postgres connections stalled":
        return await stalled([wiring.postgres], fault.millis)
    }
  }

  private async away(
    servers: ReadonlyArray<ClusterServer>,
    signal: NodeJS.Signals,
    millis: number
  ): Promise<void> {
    await Promise.all(servers.map((server) => this.cluster.kill(server, signal)))
    await rest(millis)
    await Promise.all(servers.map((server) => this.cluster.restart(server)))
    if (servers[0] !== "postgres") await this.healthy()
  }

  /** One server at a time: a quorum is never taken away by two faults that do not know of each other. */
  private async healthy(): Promise<void> {
    const end = Date.now() + HEALTHY_MILLIS_MAX
    while (!await this.cluster.healthy()) {
      if (Date.now() > end) throw new Error(`unhealthy after ${HEALTHY_MILLIS_MAX} ms`)
      await rest(LOOK_EVERY_MILLIS)
    }
  }

  /** Refused where there is no leader at the moment. */
  private async stepDown(subject: string): Promise<void> {
    await Effect.runPromise(
      Effect.ignore(request(this.admin.nc, subject, undefined, STEP_DOWN_MILLIS_MAX))
    )
  }
}

const pickOf = <A>(list: ReadonlyArray<A>, pick: number): A => list[pick % list.length]!

const stalled = async (
  proxies: ReadonlyArray<{ readonly stall: () => void; readonly heal: () => void }>,
  millis: number
): Promise<void> => {
  for (const proxy of proxies) proxy.stall()
  await rest(millis)
  for (const proxy of proxies) proxy.heal()
}
