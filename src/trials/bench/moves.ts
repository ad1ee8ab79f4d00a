import { spawn } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { startCluster } from "../../stack/cluster.ts"
import { startEmbedded } from "../../stack/embedded.ts"
import { stopEach } from "../../stack/stopEach.ts"
import { startChaosHouse } from "../chaos/house.ts"
import { Ownership } from "../chaos/ownership.ts"
import { median } from "../median.ts"
import type { WorkerProcess } from "../chaos/workers.ts"
import type { CliCommand } from "../../house/command.ts"
import { dataDirOf } from "../../house/lastro.ts"
import { type Gap, gapsSince } from "./gaps.ts"
import { discardWhenInterrupted } from "../discardWhenInterrupted.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { numberGiven, wholeNumberGiven } from "../../house/usage.ts"

const usage = `Usage: deno task bench moves [options]

Measures for how long a partition stands still when it goes to another worker: a worker joins, one is
asked to leave (SIGTERM), one is killed (SIGKILL), round by round, under load, with a lease of 4 s. A
gap is the time from a partition's last commit under the former lease, or from the arrival of the
message that waited if that came later, to its first commit under the next one.

  --rounds 5      of joining, leaving, joining and dying
  --workers 3     worker processes between two changes
  --rate 60       payments per second
  --servers 3     nats-servers: 3 or 1
  --busy 0        processes beside it that do nothing but use a processor
  --json          one line of JSON at the end`

const options = {
  rounds: { type: "string", default: "5" },
  workers: { type: "string", default: "3" },
  rate: { type: "string", default: "60" },
  servers: { type: "string", default: "3" },
  busy: { type: "string", default: "0" },
  json: { type: "boolean", default: false }
} as const

/** As in production: what is measured here is what is promised. */
const LEASE_MILLIS = 4_000
/** Longer than a joining worker is waited for, and time for every partition to commit again. */
const CALM_MILLIS = 2_500
const SETTLED_MILLIS_MAX = 60_000

const changes = ["joining", "leaving", "dying"] as const
type Change = (typeof changes)[number]

const rest = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

export const benchMoves: CliCommand = {
  summary: "Measure the gap when a partition moves",
  usage,
  run: async (args, environment) => {
    const { values } = parseArgs({ args: [...args], options })
    const rate = numberGiven("rate", values.rate, 1, 100_000)
    const many = wholeNumberGiven("workers", values.workers, 2, 64)
    const busy = wholeNumberGiven("busy", values.busy, 0, 64)
    const rounds = wholeNumberGiven("rounds", values.rounds, 1, 1_000)
    const dataDir = join(dataDirOf(environment), `bench-moves-${process.pid}`)
    discardWhenInterrupted(dataDir)
    const stack = values.servers === "1"
      ? await startEmbedded({ dataDir, fsync: true })
      : await startCluster({ dataDir, fsync: true })
    const stops: Array<() => Promise<unknown>> = [stack.stop]
    try {
      const house = await startChaosHouse(stack, { dataDir, leaseMillis: LEASE_MILLIS })
      stops.push(house.stop)
      const ownership = new Ownership(stack.databaseUrl)
      stops.push(() => ownership.stop())
      house.load.start(rate)
      const workers = Array.from({ length: many }, () => house.work())
      await settled(ownership, workers)
      stops.push(startSpinners(busy).stop)
      const gaps: Record<Change, Array<Gap>> = { joining: [], leaving: [], dying: [] }
      const measured = async (change: Change, act: () => void) => {
        await rest(CALM_MILLIS)
        const sinceMillis = Date.now()
        act()
        await settled(ownership, workers)
        await rest(CALM_MILLIS)
        const found = await gapsSince(stack.databaseUrl, house.admin, sinceMillis)
        gaps[change].push(...found)
        console.log(`  ${change.padEnd(8)} ${told(found)}`)
      }
      for (let round = 0; round < rounds; round++) {
        await measured("joining", () => workers.push(house.work()))
        await measured("leaving", () => workers.shift()!.signal("SIGTERM"))
        await measured("joining", () => workers.push(house.work()))
        await measured("dying", () => workers.shift()!.signal("SIGKILL"))
      }
      await house.load.stop()
      for (const change of changes) console.log(`${change.padEnd(10)} ${told(gaps[change])}`)
      if (values.json) {
        console.log(JSON.stringify(Object.fromEntries(
          changes.map((change) => [change, figuresOf(gaps[change])])
        )))
      }
      return 0
    } finally {
      await stopEach(stops).finally(() => removeFolder(dataDir))
    }
  }
}

const settled = async (
  ownership: Ownership,
  workers: ReadonlyArray<WorkerProcess>
): Promise<void> => {
  const end = Date.now() + SETTLED_MILLIS_MAX
  while (!ownership.isSettled(workers.map(({ name }) => name))) {
    if (Date.now() > end) throw new Error("partitions did not settle within a minute")
    await rest(50)
  }
}

const figuresOf = (gaps: ReadonlyArray<Gap>) => {
  const millis = gaps.map((gap) => gap.millis).toSorted((one, other) => one - other)
  return {
    partitions: millis.length,
    median_ms: median(millis),
    p90_ms: millis[Math.ceil(millis.length * 0.9) - 1] ?? 0,
    longest_ms: millis.at(-1) ?? 0
  }
}

const told = (gaps: ReadonlyArray<Gap>): string => {
  const { longest_ms, median_ms, p90_ms, partitions } = figuresOf(gaps)
  return `${String(partitions).padStart(3)} partitions, gap median ${median_ms} ms, ` +
    `p90 ${p90_ms} ms, longest ${longest_ms} ms`
}

/** Processes that do nothing but use a processor. */
const startSpinners = (count: number) => {
  const children = Array.from(
    { length: count },
    () => spawn("sh", ["-c", "while :; do :; done"], { stdio: "ignore" })
  )
  return { stop: () => Promise.resolve(children.forEach((child) => child.kill("SIGKILL"))) }
}
