import { spawn } from "node:child_process"
import { join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseArgs } from "node:util"
import { simulator } from "../../../actors/gateway/simulator.ts"
import { migrations } from "../../../migrations/index.ts"
import { startCluster } from "../../stack/cluster.ts"
import { startEmbedded } from "../../stack/embedded.ts"
import { startSimulatorThread } from "../../simulators/start.ts"
import type { Stack } from "../../stack/stack.ts"
import { migrate } from "../../store/migrate.ts"
import { toFile } from "../../telemetry/logs.ts"
import type { CliCommand } from "../../house/command.ts"
import { dataDirOf } from "../../house/lastro.ts"
import { createMissing } from "../../house/prepare.ts"
import { connectedAs } from "../../house/topology/declared.ts"
import { startWorker } from "../../house/worker.ts"
import type { Throughput } from "./load.ts"
import { startLoader } from "./loader.ts"
import { discardWhenInterrupted } from "../discardWhenInterrupted.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { numberGiven, wholeNumberGiven } from "../../house/usage.ts"

const usage = `Usage: deno task bench scale [options]

Measures payments per second with 1, 2 and 4 worker processes on one machine, and what durability
costs: one worker with and without "sync_interval: always", and on three servers with three copies
of every stream. Each has servers of its own, and all have the same load.

  --seconds 10       each
  --in-flight 2000   payments under way at once
  --json             one line of JSON at the end`

const options = {
  seconds: { type: "string", default: "10" },
  "in-flight": { type: "string", default: "2000" },
  json: { type: "boolean", default: false }
} as const

interface Variant {
  readonly name: string
  readonly figure: string
  /** Worker processes; 0 is one worker in this process. */
  readonly processes: number
  readonly start: (dataDir: string) => Promise<Stack>
}

const one = (dataDir: string) => startEmbedded({ dataDir })

const variants: ReadonlyArray<Variant> = [
  ...[1, 2, 4].map((processes): Variant => ({
    name: `${processes} worker process${processes === 1 ? "" : "es"}`,
    figure: `workers_${processes}`,
    processes,
    start: one
  })),
  { name: "sync_interval: always, one copy", figure: "synced_r1", processes: 0, start: one },
  {
    name: "synced every two minutes, one copy",
    figure: "unsynced_r1",
    processes: 0,
    start: (dataDir) => startEmbedded({ dataDir, natsSettings: "sync_interval: 2m" })
  },
  {
    name: "sync_interval: always, three copies",
    figure: "synced_r3",
    processes: 0,
    start: (dataDir) => startCluster({ dataDir })
  }
]

const MERCHANTS = 64
const WARM_SECONDS = 5
const FINALITY_MILLIS = 30_000
/** Partitions are shared out by then. */
const SETTLED_MILLIS = 5_000

export const benchScale: CliCommand = {
  summary: "Measure several workers, and what durability costs",
  usage,
  run: async (args, environment) => {
    const { values } = parseArgs({ args: [...args], options })
    const load = {
      seconds: numberGiven("seconds", values.seconds, 0.1, 3_600),
      inFlight: wholeNumberGiven("in-flight", values["in-flight"], 100, 1_000_000)
    }
    const perSecond: Record<string, number> = {}
    console.log("")
    const dataDir = join(dataDirOf(environment), `bench-scale-${process.pid}`)
    discardWhenInterrupted(dataDir)
    for (const variant of variants) {
      const stack = await variant.start(dataDir)
      try {
        const measured = await measure(stack, dataDir, variant, load)
        perSecond[variant.figure] = measured
        console.log(`  ${variant.name.padEnd(36)} ${Math.round(measured)} payments/s`)
      } finally {
        await stack.stop()
        removeFolder(dataDir)
      }
    }
    if (values.json) console.log(JSON.stringify(perSecond))
    return 0
  }
}

const measure = async (
  stack: Stack,
  dataDir: string,
  { processes }: Variant,
  load: { readonly seconds: number; readonly inFlight: number }
): Promise<number> => {
  // Not `prepare`: it refuses a server that does not sync, which is what is measured here.
  await migrate(stack.databaseUrl, migrations)
  await connectedAs(stack, "admin", createMissing(stack))
  const gateway = await startSimulatorThread(join(dataDir, "simulator.db"))
  const workers = processes === 0
    ? [startWorker(stack, {
      name: "bench",
      log: toFile(join(dataDir, "lastro.log")),
      gateways: [simulator(gateway.url, FINALITY_MILLIS)],
      allowPrivateWebhooks: false
    })]
    : Array.from({ length: processes }, () => startProcess(stack, gateway.url, dataDir))
  await new Promise((resolve) => setTimeout(resolve, SETTLED_MILLIS))
  const loader = await startLoader({
    natsUrls: stack.natsUrls,
    producer: stack.nats.producer,
    admin: stack.nats.admin,
    merchants: MERCHANTS,
    newCustomers: false
  })
  const run = (seconds: number) =>
    loader.run<Throughput>({
      _tag: "Throughput",
      options: { seconds, inFlight: load.inFlight }
    })
  await run(WARM_SECONDS)
  const { perSecond } = await run(load.seconds)
  await loader.stop()
  await Promise.all(workers.map((worker) => worker.stop()))
  await gateway.stop()
  return perSecond
}

const main = fileURLToPath(new URL("../../main.ts", import.meta.url))
/** Deno needs to be told what to run and that it may; Node just runs it. */
const runtimeArgs = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

const startProcess = (stack: Stack, gatewayUrl: string, dataDir: string) => {
  const role = (name: "worker" | "gate") => ({
    [`LASTRO_NATS_${name.toUpperCase()}_USER`]: stack.nats[name].user,
    [`LASTRO_NATS_${name.toUpperCase()}_PASSWORD`]: stack.nats[name].password
  })
  const child = spawn(process.execPath, [...runtimeArgs, main, "worker"], {
    stdio: "ignore",
    detached: true,
    env: {
      ...process.env,
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      ...role("worker"),
      ...role("gate"),
      DATABASE_URL: stack.databaseUrl,
      LASTRO_SIMULATOR_URL: gatewayUrl,
      LASTRO_DATA_DIR: dataDir,
      LASTRO_PORT: "0"
    }
  })
  // Nothing of a measurement outlives it, also where it is interrupted.
  process.once("exit", () => child.kill("SIGKILL"))
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()))
  return {
    stop: () => {
      child.kill("SIGTERM")
      return ended
    }
  }
}
