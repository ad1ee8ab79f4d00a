import { type ChildProcess, execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { removeFolder } from "../../src/house/ownFolder.ts"
import { isAlive } from "../../src/stack/child.ts"

const run = promisify(execFile)

/** What runs these tests runs what they start, too: all under Deno, or all under Node. */
export const ownRuntime: ReadonlyArray<string> = "deno" in process.versions
  ? ["deno", "run", "-A", "--quiet"]
  : [process.execPath]

export const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
const READY_MILLIS = 60_000
const ENDED_MILLIS = 30_000

export interface StartOptions {
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
  /** A Node binary; without one the runtime of these tests. */
  readonly node?: string
  /** Another command than `start`, and its arguments. */
  readonly command?: ReadonlyArray<string>
}

/** A command as a person runs it: a process group of its own, its words on a terminal's two pipes. */
export class StartProcess {
  readonly child: ChildProcess
  private words = ""
  private complaints = ""
  private readonly ended: Promise<number | NodeJS.Signals>

  constructor({ command: asked = ["start"], cwd, environment, node }: StartOptions) {
    const [command, ...args] = node === undefined ? ownRuntime : [node]
    const { LASTRO_DATA_DIR: _, LASTRO_PORT: __, ...inherited } = process.env
    this.child = spawn(command!, [...args, mainFile, ...asked], {
      cwd,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...inherited, NO_COLOR: "1", ...environment }
    })
    this.child.stdout!.on("data", (chunk) => (this.words += chunk))
    this.child.stderr!.on("data", (chunk) => (this.complaints += chunk))
    this.ended = new Promise((resolve) =>
      this.child.once("close", (code, signal) => resolve(signal ?? code ?? -1))
    )
  }

  get output(): string {
    return this.words
  }

  get errors(): string {
    return this.complaints
  }

  get pid(): number {
    return this.child.pid!
  }

  async ready(said = "Ctrl-C stops it."): Promise<this> {
    const end = Date.now() + READY_MILLIS
    while (!this.words.includes(said)) {
      if (this.child.exitCode !== null || this.child.signalCode !== null || Date.now() > end) {
        throw new Error(`start did not come up: ${this.words}${this.complaints}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return this
  }

  /** Not `child.kill`: under Deno it reports the signal as the child's end, whatever ended it. */
  signal(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal)
  }

  /** What a terminal's Ctrl-C sends: the signal goes to every process of the group. */
  group(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal)
  }

  async end(): Promise<number | NodeJS.Signals> {
    const late = new Promise<never>((_, reject) =>
      setTimeout(() => reject(new Error(`it did not end: ${this.words}`)), ENDED_MILLIS).unref()
    )
    return await Promise.race([this.ended, late])
  }

  private line(pattern: RegExp): string {
    const found = pattern.exec(this.words)?.[1]
    if (found === undefined) throw new Error(`start did not say ${pattern}: ${this.words}`)
    return found
  }

  get url(): string {
    return this.line(/^\s*API\s+(http:\S+)/m)
  }

  get key(): string {
    return this.line(/^\s*key of acme\s+(sk_\S+)$/m)
  }

  /** The printed command, exactly as it would be copied into a shell. */
  get curl(): string {
    return this.line(/^( *curl [^]*?)\n\n/m)
  }
}

/** Runs a command line in a shell and reads the JSON it prints. */
export const inShell = async (command: string): Promise<Record<string, unknown>> =>
  JSON.parse((await run("bash", ["-c", command])).stdout)

/** A folder as `mktemp -d` makes it: nobody but its owner may even enter. */
export const closedFolder = (): string => fs.mkdtempSync(join(tmpdir(), "tmp."))

/** The servers below a data folder, by the notes their starter keeps. */
export const serverPids = (dataDir: string): ReadonlyArray<number> =>
  ["nats", "postgres"].flatMap((server) => {
    const file = join(dataDir, server, "pid")
    return fs.existsSync(file) ? [Number(fs.readFileSync(file, "utf8").split(" ")[0])] : []
  })

/** Ends what a failed test left, and removes its data, which may lie where others can enter. */
export const clear = (folder: string, dataDir: string): void => {
  for (const pid of serverPids(dataDir)) if (isAlive(pid)) process.kill(pid, "SIGKILL")
  removeFolder(dataDir)
  fs.rmSync(folder, { recursive: true, force: true })
}

const LISTENING = "0A"

/** Addresses on which a process listens, from the kernel's own tables. */
export const listeningAddresses = (pid: number): ReadonlyArray<string> => {
  const sockets = new Set(
    fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(fs.readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? []
      } catch {
        return []
      }
    })
  )
  return ["tcp", "tcp6"].flatMap((table) =>
    fs.readFileSync(`/proc/${pid}/net/${table}`, "utf8").trim().split("\n").slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[3] === LISTENING && sockets.has(columns[9]!))
      .map((columns) => addressOf(columns[1]!.split(":")[0]!))
  )
}

/** IPv4 stands there as one little-endian number; of IPv6 only "not IPv4" matters here. */
const addressOf = (hex: string): string =>
  hex.length === 8
    ? hex.match(/../g)!.reverse().map((byte) => parseInt(byte, 16)).join(".")
    : `IPv6 ${hex}`

/** Node 24 or later: this machine's, or the npm package's. Undefined where neither can be had. */
export const node24 = async (): Promise<string | undefined> => {
  const which = ["-p", "process.versions.node.split('.')[0] + ' ' + process.execPath"]
  for (
    const [command, args] of [["node", which], [
      "npx",
      ["-y", "-p", "node@24", "--", "node", ...which]
    ]] as const
  ) {
    const said = await run(command, [...args], { timeout: 120_000 }).then(
      ({ stdout }) => stdout.trim(),
      () => ""
    )
    const [major, path] = said.split(" ")
    if (Number(major) >= 24 && path !== undefined) return path
  }
  return undefined
}
