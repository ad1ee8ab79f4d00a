import * as fs from "node:fs"
import { join } from "node:path"
import { Child, freePort, stopStale } from "./child.ts"
import { natsServerBinary } from "./natsBinary.ts"
import {
  keptPasswords,
  moveToAccount,
  natsConfiguration,
  writePrivate
} from "./natsConfiguration.ts"
import type { NatsCredentials, NatsRole, Progress } from "./stack.ts"

const READY_MILLIS = 20_000
const ANSWER_MILLIS = 2_000

interface Ports {
  readonly client: number
  readonly monitor: number
}

export interface NatsServerOptions {
  readonly progress: Progress
  /** Lines of the `jetstream` block. */
  readonly settings?: string
  /** Lines that make it one of several. */
  readonly cluster?: ReadonlyArray<string>
  /** Where users' passwords lie; the members of a cluster share them. */
  readonly passwordsFile?: string
}

/** One nats-server of ours, its configuration, users and data below `folder`. */
export class NatsServer {
  private child: Child | undefined
  private readonly folder: string
  private readonly binary: string
  private readonly settings: string
  private readonly cluster: ReadonlyArray<string>
  private readonly passwordsFile: string
  private readonly ports: Ports
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
    const ports = { client: await freePort(known?.client), monitor: await freePort(known?.monitor) }
    writePrivate(join(folder, "ports.json"), JSON.stringify(ports))
    const server = new NatsServer(folder, binary, ports, options)
    await server.launch()
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

  async launch(): Promise<void> {
    this.configure([])
    // Members of a cluster also keep the account's name in what they agreed on: those are made anew.
    if (this.cluster.length === 0) moveToAccount(join(this.folder, "data"))
    this.child = Child.start({
      name: "nats-server",
      command: this.binary,
      args: ["-c", join(this.folder, "nats.conf")],
      cwd: this.folder,
      logFile: join(this.folder, "log"),
      pidFile: join(this.folder, "pid")
    })
    // A member of a cluster is well only with the others: whoever starts them waits for that.
    const path = this.cluster.length === 0 ? "/healthz" : "/healthz?js-enabled-only=true"
    await this.child.ready(() => answersWell(this.monitorUrl + path), READY_MILLIS)
  }

  async stop(signal: NodeJS.Signals = "SIGINT"): Promise<void> {
    await this.child?.stop(signal)
  }

  private configure(added: ReadonlyArray<string>): void {
    this.passwords = keptPasswords(this.passwordsFile, added)
    const configuration = {
      client: `127.0.0.1:${this.ports.client}`,
      monitor: `127.0.0.1:${this.ports.monitor}`,
      storeDir: join(this.folder, "data"),
      settings: this.settings,
      cluster: this.cluster
    }
    writePrivate(join(this.folder, "nats.conf"), natsConfiguration(configuration, this.passwords))
  }
}

const answersWell = async (url: string): Promise<boolean> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
  await answer.arrayBuffer()
  return answer.ok
}

const readJson = <A>(file: string): A | undefined =>
  fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : undefined
