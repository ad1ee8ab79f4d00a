import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import process from "node:process"
import { fileURLToPath } from "node:url"
import type { CrashPoint } from "../../runtime/turnPlace.ts"
import type { Stack } from "../../stack/stack.ts"

/** At the n-th pass of a labelled point the process sends itself a signal. */
export interface Crash {
  readonly point: CrashPoint
  readonly pass: number
  readonly signal: "SIGKILL" | "SIGSTOP"
}

interface WorkerOptions {
  readonly name: string
  readonly gatewayUrl: string
  readonly leaseMillis: number
  readonly crash?: Crash
}

/** A worker in a process of its own. */
export interface WorkerProcess {
  readonly name: string
  readonly pid: number
  readonly running: () => boolean
  readonly frozen: () => boolean
  readonly signal: (signal: NodeJS.Signals) => void
  /** Resolves with what ended it: a signal's name, or an exit code as text. */
  readonly ended: Promise<string>
  readonly log: ReadonlyArray<string>
  /** How often a fence stopped it, by place, as far as it said so before it ended. */
  readonly fences: () => Readonly<Record<string, number>>
}

const script = fileURLToPath(new URL("./workerProcess.ts", import.meta.url))
const LOG_LINES_MAX = 500
/** Deno needs to be told what to run and that it may; Node just runs it. */
const runtimeArgs = process.versions["deno"] === undefined ? [] : ["run", "-A", "--quiet"]

export const startWorkerProcess = (stack: Stack, options: WorkerOptions): WorkerProcess => {
  const { crash, gatewayUrl, leaseMillis, name } = options
  const child = spawn(process.execPath, [...runtimeArgs, script], {
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_WORKER_USER: stack.nats.worker.user,
      LASTRO_NATS_WORKER_PASSWORD: stack.nats.worker.password,
      DATABASE_URL: stack.databaseUrl,
      LASTRO_CHAOS_WORKER: name,
      LASTRO_CHAOS_GATEWAY_URL: gatewayUrl,
      LASTRO_CHAOS_LEASE_MILLIS: String(leaseMillis),
      ...(crash && { LASTRO_CHAOS_CRASH: `${crash.point}:${crash.pass}:${crash.signal}` })
    }
  })
  const log: Array<string> = []
  child.stderr!.on("data", (chunk) => {
    log.push(...String(chunk).trimEnd().split("\n"))
    if (log.length > LOG_LINES_MAX) log.splice(0, log.length - LOG_LINES_MAX)
  })
  let fences: Readonly<Record<string, number>> = {}
  let heard = ""
  child.stdout!.on("data", (chunk) => {
    const lines = (heard + String(chunk)).split("\n")
    heard = lines.pop()!
    if (lines.length > 0) fences = JSON.parse(lines.at(-1)!)
  })
  return {
    name,
    pid: child.pid!,
    log,
    fences: () => fences,
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
