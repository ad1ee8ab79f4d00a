import { type ClusterStack, startCluster } from "../../stack/cluster.ts"
import { stopEach } from "../../stack/stopEach.ts"
import type { Progress } from "../progress.ts"
import { Random } from "../random.ts"
import { replayStack } from "../../house/replayStack.ts"
import { mailboxes } from "../../../streams/mailboxes.ts"
import { copiesApart } from "./copies.ts"
import { Crew } from "./crew.ts"
import { drawFault, type FaultKind } from "./faults.ts"
import { type ChaosHouse, startChaosHouse } from "./house.ts"
import { type Injected, Injector } from "./injector.ts"
import { judge, type Judged, type Verdict } from "./judge.ts"
import { Ownership } from "./ownership.ts"
import { median } from "../median.ts"
import { longest, type Pause, pausesOf } from "./pauses.ts"
import { type ChaosRecord, readRecord } from "./record.ts"

export interface ChaosSettings {
  readonly dataDir: string
  readonly millis: number
  readonly seed: number
  readonly workers: number
  /** New payments a second; with captures, refunds and refusals about twice as many commands. */
  readonly rate: number
  /** Mean time from one fault to the next. */
  readonly faultEveryMillis: number
}

export interface PauseFigures {
  readonly count: number
  readonly median_ms: number
  readonly longest_ms: number
}

export interface ChaosReport {
  readonly ok: boolean
  readonly seed: number
  readonly workers: number
  /** Of the load and the faults, without starting, coming to rest and judging. */
  readonly seconds: number
  readonly lease_ms: number
  readonly commands: number
  readonly payments: number
  /** Sends that were not acknowledged and went out again. */
  readonly repeats: number
  readonly faults: Readonly<Record<string, number>>
  readonly faults_total: number
  readonly promises: ReadonlyArray<Verdict>
  readonly fences: Readonly<Record<string, number>>
  readonly worker_processes: number
  readonly connections_cut: number
  /** From a worker's kill or freeze to the first commit of whoever took its partitions over. */
  readonly fail_over: PauseFigures
  /** A partition stood still for so long when it went to another owner, whatever made it go. */
  readonly moves: PauseFigures
  /** The longest time for which messages of a partition waited while nothing was committed. */
  readonly longest_pause_ms: Readonly<Record<string, number>>
}

/** As long as in production: what is measured here is what is promised. */
const LEASE_MILLIS = 4_000
const SETTLES_MILLIS = 8_000
const QUIET_MILLIS = 180_000
/** Counter-examples that are told of each promise. */
const TOLD_MAX = 20

const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/** Starts everything, breaks it for a while under load, lets it come to rest and judges what stands. */
export const runChaos = async (
  settings: ChaosSettings,
  progress: Progress,
  interrupted: () => boolean
): Promise<ChaosReport> => {
  progress.phase("Starting three nats-servers, PostgreSQL, an edge and workers …")
  const stack = await startCluster({ dataDir: settings.dataDir, fsync: true })
  const stops: Array<() => Promise<unknown>> = [stack.stop]
  try {
    const house = await startChaosHouse(stack, {
      dataDir: settings.dataDir,
      leaseMillis: LEASE_MILLIS
    })
    stops.push(house.stop)
    const ownership = new Ownership(stack.databaseUrl)
    stops.push(() => ownership.stop())
    const crew = await Crew.hire(house, stack, settings.workers)
    stops.push(() => crew.dismiss())
    const injector = new Injector({ cluster: stack, crew, admin: house.admin, ownership })
    house.load.start(settings.rate)
    await rest(SETTLES_MILLIS)
    progress.phase("Breaking things …")
    const beganMillis = Date.now()
    await breakThings(settings, injector, interrupted, (done, faults) =>
      progress.show(
        Math.round(done / 1_000),
        Math.round(settings.millis / 1_000),
        `s, ${faults} faults, ${house.load.acknowledged.size} commands`
      ))
    const seconds = (Date.now() - beganMillis) / 1_000
    progress.phase("Mending, and waiting for everything to come to rest …")
    await injector.over()
    await house.load.stop()
    const unquiet = await house.quiet(QUIET_MILLIS)
    const came = { stack, house, crew, injector, ownership, seconds, unquiet }
    return await reportOf(settings, came, progress)
  } finally {
    await stopEach(stops)
  }
}

/** What a run left behind, when everything is at rest. */
interface Came {
  readonly stack: ClusterStack
  readonly house: ChaosHouse
  readonly crew: Crew
  readonly injector: Injector
  readonly ownership: Ownership
  readonly seconds: number
  /** What did not come to rest. */
  readonly unquiet: string
}

const reportOf = async (
  settings: ChaosSettings,
  { crew, house, injector, ownership, seconds, stack, unquiet }: Came,
  progress: Progress
): Promise<ChaosReport> => {
  progress.phase("Reading every stream and table …")
  const record = await readRecord(house.admin, stack.databaseUrl)
  const pauses = pausesOf(record)
  const fences = summed(house.workers.map((worker) => worker.fences()))
  const failOver = figuresOf(failOvers(injector.injected, ownership, pauses))
  const verdicts = judge({
    record,
    acknowledged: [...house.load.acknowledged.values()],
    book: house.simulator.book,
    unquiet: [unquiet, ...injector.failures].filter((text) => text !== "").join("\n"),
    repeats: house.load.repeats,
    fences,
    failOver,
    longestPauseMillis: longest(pauses),
    leaseMillis: LEASE_MILLIS,
    ...await examined(stack, record, progress)
  })
  return {
    ok: verdicts.every(({ violations }) => violations.length === 0),
    seed: settings.seed,
    workers: settings.workers,
    seconds,
    lease_ms: LEASE_MILLIS,
    commands: house.load.acknowledged.size,
    payments: house.load.payments,
    repeats: house.load.repeats,
    faults: countsOf(injector.injected),
    faults_total: injector.injected.length,
    promises: verdicts.map((one) => ({
      ...one,
      violations: one.violations.slice(0, TOLD_MAX)
    })),
    fences,
    worker_processes: house.workers.length,
    connections_cut: crew.cuts(),
    fail_over: failOver,
    moves: figuresOf(pauses.filter(({ moved }) => moved).map(({ millis }) => millis)),
    longest_pause_ms: longestBySlot(pauses)
  }
}

/** What takes its time: every copy of every stream, and every mailbox decided once more. */
const examined = async (
  stack: ClusterStack,
  record: ChaosRecord,
  progress: Progress
): Promise<Pick<Judged, "apart" | "replays">> => {
  progress.phase("Comparing the copies of every stream …")
  const apart = await copiesApart(stack, record)
  progress.phase("Replaying every mailbox …")
  const replays: Array<Judged["replays"][number]> = []
  for (const { kind, mailbox: family } of mailboxes) {
    if (kind !== "keyed") continue
    replays.push(
      await replayStack(stack, family, { checkpoint: undefined, partition: undefined })
        .catch((error: Error) => brokenOff(family, error))
    )
  }
  progress.phase("Judging …")
  return { apart, replays }
}

/** What else was seen is worth telling, though a replay came to no end. */
const brokenOff = (family: string, error: Error): Judged["replays"][number] => ({
  family,
  families: [family],
  from: "beginning",
  partitions: 0,
  turns: 0,
  messages: 0,
  older: [],
  other_versions: [],
  tables: [],
  differences: [`the replay broke off: ${error.message}`]
})

const breakThings = async (
  settings: ChaosSettings,
  injector: Injector,
  interrupted: () => boolean,
  tell: (doneMillis: number, faults: number) => void
): Promise<void> => {
  const random = new Random(settings.seed)
  const began = Date.now()
  const done = () => Date.now() - began
  while (done() < settings.millis && !interrupted()) {
    await rest(settings.faultEveryMillis * (0.5 + random.next()))
    await injector.inject(drawFault(random, { ...settings, leaseMillis: LEASE_MILLIS }))
    tell(done(), injector.injected.length)
  }
}

const countsOf = (injected: ReadonlyArray<Injected>): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(injected, ({ kind }) => kind)]
      .sort(([one], [other]) => one < other ? -1 : 1)
      .map(([kind, list]) => [kind, list.length])
  )

const summed = (
  counts: ReadonlyArray<Readonly<Record<string, number>>>
): Readonly<Record<string, number>> => {
  const sums: Record<string, number> = {}
  for (const one of counts) {
    for (const [name, count] of Object.entries(one)) sums[name] = (sums[name] ?? 0) + count
  }
  return sums
}

const suddenly: ReadonlySet<FaultKind> = new Set(["worker killed", "worker frozen"])

/** What the victims owned, each from the fault to the first commit under the next owner's lease. */
const failOvers = (
  injected: ReadonlyArray<Injected>,
  ownership: Ownership,
  pauses: ReadonlyArray<Pause>
): ReadonlyArray<number> => {
  const firstUnder = new Map(
    pauses.filter(({ moved }) => moved).map((pause) => [`${pause.slot} ${pause.epoch}`, pause])
  )
  return injected.filter(({ kind }) => suddenly.has(kind)).flatMap(({ atMillis, slots }) =>
    slots.flatMap((slot) => {
      const next = ownership.tenures.find((one) => one.slot === slot && one.sinceMillis > atMillis)
      const first = next && firstUnder.get(`${slot} ${next.epoch}`)
      // From the moment somebody would have noticed: the fault, or a message that came after it.
      return first === undefined
        ? []
        : [Math.min(first.millis, Math.round(first.atMillis - atMillis))]
    })
  )
}

const figuresOf = (millis: ReadonlyArray<number>): PauseFigures => ({
  count: millis.length,
  median_ms: median(millis),
  longest_ms: Math.max(0, ...millis)
})

const longestBySlot = (pauses: ReadonlyArray<Pause>): Record<string, number> =>
  Object.fromEntries(
    [...Map.groupBy(pauses, ({ slot }) => slot)].map(([slot, mine]) => [slot, longest(mine)])
  )
