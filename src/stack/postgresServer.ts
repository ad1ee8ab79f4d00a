import { execFile } from "node:child_process"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { connect as dial } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"
import { Child, stopStale } from "./child.ts"
import { writePrivate } from "./natsConfiguration.ts"
import { firstLine } from "./natsBinary.ts"
import { placeData } from "./dataPlace.ts"
import type { OwnServer } from "./kept.ts"
import { AddressTaken, freePort, onFreePorts } from "./ports.ts"
import { placeBinaries } from "./postgresBinaries.ts"
import { type Progress, StackError } from "./stack.ts"

const run = promisify(execFile)
const READY_MILLIS = 60_000
const RETRY_MILLIS = 200
/** PostgreSQL's own protection of the data: it holds even where its pid file is gone. */
const FORMER_STILL_RUNS = /shared memory block .* is still in use/
const PASSWORD_BYTES = 24
/** A socket's whole path has at most 103 bytes (macOS), and one with a comma would be two folders. */
const SOCKET_FOLDER = /^[\w/.+-]{1,85}$/

/** What every PostgreSQL of ours runs with. */
export const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  max_connections: "200",
  shared_buffers: "256MB",
  max_wal_size: "4GB",
  min_wal_size: "512MB",
  checkpoint_timeout: "15min",
  wal_compression: "on",
  synchronous_commit: "on",
  fsync: "on",
  jit: "off"
}

interface PostgresServerOptions {
  readonly progress: Progress
  /** False only for tests that kill no server. */
  readonly fsync?: boolean
  /** Where it is to listen, if not where it did; only tests choose. */
  readonly freePort?: () => Promise<number>
}

/** One PostgreSQL of ours. As root it runs as another user, who must be able to enter its folders. */
export class PostgresServer implements OwnServer {
  readonly name = "PostgreSQL"
  private child: Child | undefined
  private readonly folder: string
  readonly dataFolder: string
  private readonly bin: string
  private readonly user: { uid: number; gid: number } | undefined
  private port = 0
  readonly password: string

  private constructor(from: {
    folder: string
    data: string
    bin: string
    user: { uid: number; gid: number } | undefined
    password: string
  }) {
    this.folder = from.folder
    this.dataFolder = from.data
    this.bin = from.bin
    this.user = from.user
    this.password = from.password
  }

  static async start(
    folder: string,
    options: PostgresServerOptions
  ): Promise<PostgresServer> {
    fs.mkdirSync(folder, { recursive: true })
    const user = serverUser()
    const bin = await placeBinaries(user !== undefined, options.progress)
    const data = placeData(folder, user, options.progress)
    await stopStale(join(folder, "pid"))
    fs.rmSync(join(data, "postmaster.pid"), { force: true })
    const passwordFile = join(folder, "password")
    if (!fs.existsSync(passwordFile)) {
      writePrivate(passwordFile, randomBytes(PASSWORD_BYTES).toString("base64url"))
    }
    const password = fs.readFileSync(passwordFile, "utf8")
    const server = new PostgresServer({ folder, data, bin, user, password })
    const fresh = !fs.existsSync(join(data, "PG_VERSION"))
    if (fresh) await server.initialise(options.progress)
    server.configure(options.fsync ?? true)
    const portFile = join(folder, "port")
    const known = fs.existsSync(portFile) ? Number(fs.readFileSync(portFile, "utf8")) : 0
    await onFreePorts(async (again) => {
      server.port = known === 0 || again ? await (options.freePort ?? freePort)() : known
      await server.launchWhile(() => false)
    })
    writePrivate(portFile, String(server.port))
    return server
  }

  get url(): string {
    return `postgres://lastro:${this.password}@127.0.0.1:${this.port}/lastro`
  }

  /**
   * The same by the socket in its data folder, which costs both sides less than TCP (measured). Not where
   * the folder's name leaves no room for one.
   */
  get localUrl(): string {
    const { dataFolder } = this
    return SOCKET_FOLDER.test(dataFolder)
      ? `${this.url}?host=${encodeURIComponent(dataFolder)}`
      : this.url
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  get logFile(): string {
    return join(this.folder, "log")
  }

  gone(): Promise<string> {
    return this.child!.gone
  }

  /** What breaks it ends it. */
  ailment(): Promise<undefined> {
    return Promise.resolve(undefined)
  }

  /** Starts it again where its clients look for it: whoever took its port meanwhile is waited for. */
  async launch(): Promise<void> {
    await this.launchWhile((error) => error instanceof AddressTaken)
  }

  /**
   * After a kill, backends of the former server may still finish a query: until they are gone PostgreSQL
   * refuses, rightly, to open the data, and it is started again.
   */
  private async launchWhile(passes: (error: unknown) => boolean): Promise<void> {
    const end = Date.now() + READY_MILLIS
    for (;;) {
      try {
        return await this.launchOnce(Math.max(1, end - Date.now()))
      } catch (error) {
        const formerRuns = FORMER_STILL_RUNS.test(this.child?.said() ?? "")
        if (Date.now() >= end || !formerRuns && !passes(error)) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS))
      }
    }
  }

  private async launchOnce(millis: number): Promise<void> {
    // Of a server that was killed: another process may have its number by now.
    for (const lock of ["postmaster.pid", `.s.PGSQL.${this.port}.lock`]) {
      fs.rmSync(join(this.dataFolder, lock), { force: true })
    }
    this.child = Child.start({
      name: "PostgreSQL",
      command: join(this.bin, "postgres"),
      args: ["-D", this.dataFolder, "-p", String(this.port)],
      cwd: this.dataFolder,
      logFile: this.logFile,
      pidFile: join(this.folder, "pid"),
      ...this.user,
      env: { LC_ALL: "C", TZ: "UTC" }
    })
    await this.child.ready(() => answers(this.port), millis)
  }

  /** SIGINT is PostgreSQL's fast shutdown: open connections are ended, everything is written. */
  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    await this.child?.stop(signal)
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.signal(signal)
  }

  private async initialise(progress: Progress): Promise<void> {
    progress("creating the PostgreSQL data folder …")
    // Given by file: an argument would show the password in the process list.
    const passwordFile = join(this.dataFolder, "..", `pw-${process.pid}`)
    fs.writeFileSync(passwordFile, this.password, { mode: 0o600 })
    if (this.user !== undefined) fs.chownSync(passwordFile, this.user.uid, this.user.gid)
    try {
      await run(join(this.bin, "initdb"), [
        "-D",
        this.dataFolder,
        "-U",
        "lastro",
        "--encoding=UTF8",
        "--locale=C",
        "--auth=scram-sha-256",
        `--pwfile=${passwordFile}`
      ], { cwd: "/", ...this.user, env: { LC_ALL: "C", TZ: "UTC" } })
    } catch (error) {
      throw new StackError(
        `PostgreSQL's initdb failed (${firstLine(error)}): see ${this.dataFolder}.`
      )
    } finally {
      fs.rmSync(passwordFile, { force: true })
    }
  }

  private configure(fsync: boolean): void {
    const settings = {
      ...SETTINGS,
      unix_socket_directories: SOCKET_FOLDER.test(this.dataFolder) ? this.dataFolder : "",
      ...(fsync ? {} : { fsync: "off" })
    }
    const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'`)
    const file = join(this.dataFolder, "postgresql.auto.conf")
    fs.writeFileSync(file, `${lines.join("\n")}\n`)
    if (this.user !== undefined) fs.chownSync(file, this.user.uid, this.user.gid)
  }
}

/** PostgreSQL refuses to run as root, so root hands it to an unprivileged user of the machine. */
const serverUser = (): { uid: number; gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const users = fs.readFileSync("/etc/passwd", "utf8").split("\n").map((line) => line.split(":"))
  const found = users.find(([name]) => name === "postgres") ??
    users.find(([name]) => name === "nobody")
  if (found === undefined) {
    throw new StackError(
      "PostgreSQL does not run as root and no user postgres or nobody exists: start Lastro as another user."
    )
  }
  return { uid: Number(found[2]), gid: Number(found[3]) }
}

/** The start-up packet's answer: PostgreSQL refuses politely while it is still recovering. */
const answers = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = dial(port, "127.0.0.1")
    const body = Buffer.from("user\0lastro\0database\0postgres\0\0")
    const head = Buffer.alloc(8)
    head.writeInt32BE(8 + body.length, 0)
    head.writeInt32BE(196608, 4)
    socket.once("connect", () => socket.write(Buffer.concat([head, body])))
    socket.once("data", (data) => {
      socket.destroy()
      done(data[0] === 0x52)
    })
    socket.once("error", () => done(false))
    // Somebody else's server may hang up without a word.
    socket.once("close", () => done(false))
    socket.setTimeout(1_000, () => {
      socket.destroy()
      done(false)
    })
  })
