import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"
import type { CrashPoint } from "../../src/runtime/commit.ts"
import type { Stack } from "../../src/stack/stack.ts"
import { ownRuntime } from "./startProcess.ts"

/** At the n-th pass of a labelled point the process sends itself a signal. */
export interface Crash {
  readonly point: CrashPoint
  readonly pass: number
  readonly signal: "SIGKILL" | "SIGSTOP"
}

export interface WorkerOptions {
  readonly name: string
  readonly gatewayUrl: string
  readonly leaseMillis: number
  readonly crash?: Crash
}

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly name: string
  readonly running: () => boolean
  readonly frozen: () => boolean
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with what ended it: a signal's name, or an exit code as text. */
  readonly ended: Promise<string>
  readonly log: ReadonlyArray<string>
}

const script = fileURLToPath(new URL("./workerProcess.ts", import.meta.url))
const LOG_LINES_MAX = 500

export const startWorkerProcess = (stack: Stack, options: WorkerOptions): WorkerProcess => {
  const { crash, gatewayUrl, leaseMillis, name } = options
  const [command, ...args] = ownRuntime
  const child = spawn(command!, [...args, script], {
    stdio: ["pipe", "ignore", "pipe"],
    env: {
      ...process.env,
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_WORKER_USER: stack.nats.worker.user,
      LASTRO_NATS_WORKER_PASSWORD: stack.nats.worker.password,
      DATABASE_URL: stack.databaseUrl,
      LASTRO_TEST_WORKER: name,
      LASTRO_TEST_GATEWAY_URL: gatewayUrl,
      LASTRO_TEST_LEASE_MILLIS: String(leaseMillis),
      ...(crash && { LASTRO_TEST_CRASH: `${crash.point}:${crash.pass}:${crash.signal}` })
    }
  })
  const log: Array<string> = []
  child.stderr!.on("data", (chunk) => {
    log.push(...String(chunk).trimEnd().split("\n"))
    if (log.length > LOG_LINES_MAX) log.splice(0, log.length - LOG_LINES_MAX)
  })
  return {
    name,
    log,
    running: () => child.exitCode === null && child.signalCode === null,
    frozen: () => /\) T /.test(fs.readFileSync(`/proc/${child.pid}/stat`, "utf8")),
    signal: (signal) => {
      // Not `child.kill`: under Deno it reports the signal as the child's end, whatever ended it.
      if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, signal)
    },
    ended: endOf(child)
  }
}

const endOf = (child: ChildProcess) =>
  new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message))
    child.once("exit", (code, signal) => resolve(signal ?? `exit ${code}`))
  })
