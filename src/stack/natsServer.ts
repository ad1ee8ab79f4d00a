import * as fs from "node:fs"
import { basename, join } from "node:path"
import { Child, stopStale } from "./child.ts"
import { natsServerBinary } from "./natsBinary.ts"
import {
  keptPasswords,
  moveToAccount,
  natsConfiguration,
  writePrivate
} from "./natsConfiguration.ts"
import type { OwnServer } from "./kept.ts"
import { AddressTaken } from "./ports.ts"
import type { NatsCredentials, NatsRole, Progress } from "./stack.ts"

const READY_MILLIS = 20_000
const RETRY_MILLIS = 200
const ANSWER_MILLIS = 2_000
/** What `/healthz` says of a stream that takes nothing any more. */
const WRITE_FAILED = /stream '.*' write error/

interface Ports {
  readonly client: number
  readonly monitor: number
}

/** nats-server then listens on ports of its own choice. */
const ANY: Ports = { client: -1, monitor: -1 }

interface NatsServerOptions {
  readonly progress: Progress
  /** Lines of the `jetstream` block. */
  readonly settings?: string
  /** Lines that make it one of several. */
  readonly cluster?: ReadonlyArray<string>
  /** Where users' passwords lie; the members of a cluster share them. */
  readonly passwordsFile?: string
}

/** One nats-server of ours, its configuration, users and data below `folder`. */
export class NatsServer implements OwnServer {
  readonly name = "nats-server"
  private child: Child | undefined
  private readonly folder: string
  private readonly binary: string
  private readonly settings: string
  private readonly cluster: ReadonlyArray<string>
  private readonly passwordsFile: string
  private ports: Ports
  /** What it was started with: it takes in a configuration again only where this stands there, too. */
  private asked: Ports = ANY
  private passwords: Readonly<Record<string, string>> = {}

  private constructor(folder: string, binary: string, ports: Ports, options: NatsServerOptions) {
    this.folder = folder
    this.binary = binary
    this.ports = ports
    this.settings = options.settings ?? "sync_interval: always"
    this.cluster = options.cluster ?? []
    this.passwordsFile = options.passwordsFile ?? join(folder, "passwords.json")
  }

  static async start(folder: string, options: NatsServerOptions): Promise<NatsServer> {
    fs.mkdirSync(join(folder, "data"), { recursive: true, mode: 0o700 })
    const binary = await natsServerBinary(options.progress)
    await stopStale(join(folder, "pid"))
    const known = readJson<Ports>(join(folder, "ports.json"))
    const server = new NatsServer(folder, binary, known ?? ANY, options)
    await server.launchOnce().catch(async (error) => {
      if (known === undefined || !(error instanceof AddressTaken)) throw error
      server.ports = ANY
      await server.launchOnce()
    })
    writePrivate(join(folder, "ports.json"), JSON.stringify(server.ports))
    return server
  }

  get url(): string {
    return `nats://127.0.0.1:${this.ports.client}`
  }

  get monitorUrl(): string {
    return `http://127.0.0.1:${this.ports.monitor}`
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  get logFile(): string {
    return join(this.folder, "log")
  }

  get dataFolder(): string {
    return join(this.folder, "data")
  }

  gone(): Promise<string> {
    return this.child!.gone
  }

  /** After a failed write it refuses all further ones of that stream, also when there is room again. */
  async ailment(): Promise<string | undefined> {
    const said = await fetch(`${this.monitorUrl}/healthz`, {
      signal: AbortSignal.timeout(ANSWER_MILLIS)
    }).then((answer) => answer.json() as Promise<{ error?: string }>, () => undefined)
    return said?.error !== undefined && WRITE_FAILED.test(said.error) ? said.error : undefined
  }

  credentials(role: NatsRole): NatsCredentials {
    return { user: role, password: this.passwords[role]! }
  }

  /** A user for one merchant; the running server reads it in by SIGHUP. */
  async merchant(merchant: string): Promise<NatsCredentials> {
    const user = `merchant-${merchant}`
    if (this.passwords[user] === undefined) {
      const before = await this.loadedAt()
      this.configure([merchant])
      this.child?.signal("SIGHUP")
      const end = Date.now() + READY_MILLIS
      while (await this.loadedAt() === before && Date.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 25))
      }
    }
    return { user, password: this.passwords[user]! }
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.signal(signal)
  }

  /** True when its own streams are caught up and, in a cluster, a leader is known. */
  async healthy(): Promise<boolean> {
    return await answersWell(`${this.monitorUrl}/healthz`)
  }

  /** When the server last read its configuration. */
  private async loadedAt(): Promise<string | undefined> {
    const answer = await fetch(`${this.monitorUrl}/varz`)
    return (await answer.json() as { config_load_time?: string }).config_load_time
  }

  /** Starts it again where its clients look for it: whoever took its ports meanwhile is waited for. */
  async launch(): Promise<void> {
    const end = Date.now() + READY_MILLIS
    for (;;) {
      try {
        return await this.launchOnce()
      } catch (error) {
        if (Date.now() >= end || !(error instanceof AddressTaken)) throw error
        await new Promise((resolve) => setTimeout(resolve, RETRY_MILLIS))
      }
    }
  }

  private async launchOnce(): Promise<void> {
    this.asked = this.ports
    this.configure([])
    // Members of a cluster also keep the account's name in what they agreed on: those are made anew.
    if (this.cluster.length === 0) moveToAccount(this.dataFolder)
    const child = Child.start({
      name: "nats-server",
      command: this.binary,
      args: ["-c", join(this.folder, "nats.conf"), "--ports_file_dir", this.folder],
      cwd: this.folder,
      logFile: this.logFile,
      pidFile: join(this.folder, "pid")
    })
    this.child = child
    const portsFile = join(this.folder, `${basename(this.binary)}_${child.pid}.ports`)
    // A member of a cluster is well only with the others: whoever starts them waits for that.
    const path = this.cluster.length === 0 ? "/healthz" : "/healthz?js-enabled-only=true"
    await child.ready(async () => {
      if (this.ports === ANY) this.ports = chosen(portsFile)
      return await answersWell(this.monitorUrl + path)
    }, READY_MILLIS)
    fs.rmSync(portsFile, { force: true })
  }

  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    await this.child?.stop(signal)
  }

  private configure(added: ReadonlyArray<string>): void {
    this.passwords = keptPasswords(this.passwordsFile, added)
    const configuration = {
      client: `127.0.0.1:${this.asked.client}`,
      monitor: `127.0.0.1:${this.asked.monitor}`,
      storeDir: this.dataFolder,
      settings: this.settings,
      cluster: this.cluster
    }
    writePrivate(join(this.folder, "nats.conf"), natsConfiguration(configuration, this.passwords))
  }
}

/** Where a server listens by its own word; it fails while that is not written yet. */
const chosen = (file: string): Ports => {
  const { monitoring, nats } = JSON.parse(fs.readFileSync(file, "utf8")) as {
    nats: ReadonlyArray<string>
    monitoring: ReadonlyArray<string>
  }
  return { client: portOf(nats[0]!), monitor: portOf(monitoring[0]!) }
}

const portOf = (url: string): number => Number(new URL(url).port)

const answersWell = async (url: string): Promise<boolean> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
  await answer.arrayBuffer()
  return answer.ok
}

const readJson = <A>(file: string): A | undefined =>
  fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined
