import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { AddressTaken } from "./ports.ts"
import { StackError } from "./stack.ts"

interface ChildOptions {
  readonly name: string
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly cwd: string
  readonly logFile: string
  readonly pidFile: string
  readonly uid?: number
  readonly gid?: number
  readonly env?: Record<string, string>
}

const STOP_MILLIS = 10_000
/** In the words of Go, PostgreSQL and libuv. */
const ADDRESS_TAKEN = /address already in use|EADDRINUSE/i

/** A server of ours, in a process group of its own: Ctrl-C must not reach it before the workers drained. */
export class Child {
  readonly process: ChildProcess
  readonly options: ChildOptions
  private ended = false
  /** Resolves with how it ended: a signal's name, or its exit code. */
  readonly gone: Promise<string>
  private readonly logStart: number
  private static readonly all = new Set<Child>()

  private constructor(process: ChildProcess, options: ChildOptions, logStart: number) {
    this.process = process
    this.options = options
    this.logStart = logStart
    Child.all.add(this)
    const { promise, resolve } = Promise.withResolvers<string>()
    this.gone = promise
    const gone = (how: string) => {
      this.ended = true
      Child.all.delete(this)
      resolve(how)
    }
    process.once("exit", (code, signal) => gone(signal ?? `exit ${code}`))
    // What could not be started never exits.
    process.on("error", (error) => {
      if (process.pid !== undefined) return
      fs.appendFileSync(options.logFile, `${error.message}\n`)
      gone(error.message)
    })
  }

  /** Ends every server this process started, without its data being kept. */
  static async killAll(): Promise<void> {
    await Promise.all([...Child.all].map((child) => child.stop("SIGKILL")))
  }

  static start(options: ChildOptions): Child {
    const log = fs.openSync(options.logFile, "a")
    const logStart = fs.fstatSync(log).size
    const child = spawn(options.command, [...options.args], {
      cwd: options.cwd,
      detached: true,
      stdio: ["ignore", log, log],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid! }),
      ...(options.env === undefined ? {} : { env: options.env })
    })
    fs.closeSync(log)
    fs.writeFileSync(options.pidFile, `${child.pid} ${startTime(child.pid ?? 0) ?? ""}`)
    return new Child(child, options, logStart)
  }

  get pid(): number {
    return this.process.pid ?? 0
  }

  get running(): boolean {
    return !this.ended
  }

  /** By its pid: on Deno a child process takes one signal only, and drops those after it. */
  signal(signal: NodeJS.Signals): void {
    if (this.ended || this.pid === 0) return
    try {
      process.kill(this.pid, signal)
    } catch {
      // It ended by itself meanwhile.
    }
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.ended) return
    this.signal(signal)
    const timer = setTimeout(() => this.signal("SIGKILL"), STOP_MILLIS)
    await this.gone
    clearTimeout(timer)
    // Another Lastro may have begun anew where this one's folder was removed: the note is then of its server.
    const { pidFile } = this.options
    if (fs.existsSync(pidFile) && fs.readFileSync(pidFile, "utf8").startsWith(`${this.pid} `)) {
      fs.rmSync(pidFile)
    }
  }

  /** What it wrote in its log since it was started. */
  said(): string {
    return fs.readFileSync(this.options.logFile).subarray(this.logStart).toString("utf8")
  }

  /** Waits until `ready` resolves, or says what the server's log says. */
  async ready(ready: () => Promise<boolean>, millis: number): Promise<void> {
    const end = Date.now() + millis
    while (Date.now() < end) {
      if (this.ended) break
      if (await ready().catch(() => false)) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    await this.stop("SIGKILL")
    const said = this.said()
    const Failure = ADDRESS_TAKEN.test(said) ? AddressTaken : StackError
    throw new Failure(
      `${this.options.name} did not start (${said.trim().split("\n").slice(-3).join(" / ")}): ` +
        `see ${this.options.logFile}.`
    )
  }
}

/** When a process started, from the kernel: a recycled pid is another process. */
export const startTime = (pid: number): string | undefined => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]
  } catch {
    return undefined
  }
}

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const isZombie = (pid: number): boolean => {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z")
  } catch {
    return false
  }
}

/** Ends a server that outlived the process that started it. Only if it really is that one. */
export const stopStale = async (pidFile: string): Promise<boolean> => {
  if (!fs.existsSync(pidFile)) return false
  const [pidText, started] = fs.readFileSync(pidFile, "utf8").split(" ")
  const pid = Number(pidText)
  fs.rmSync(pidFile, { force: true })
  if (!isAlive(pid) || (started !== "" && startTime(pid) !== started)) return false
  process.kill(pid, "SIGINT")
  const end = Date.now() + STOP_MILLIS
  while (isAlive(pid) && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 50))
  if (isAlive(pid)) process.kill(pid, "SIGKILL")
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20))
  return true
}
