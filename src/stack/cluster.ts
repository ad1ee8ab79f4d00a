import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { ensureDatabase } from "../store/provision.ts"
import { lockFolder } from "./lock.ts"
import { writePrivate } from "./natsConfiguration.ts"
import { NatsServer } from "./natsServer.ts"
import { freePort, onFreePorts } from "./ports.ts"
import { PostgresServer } from "./postgresServer.ts"
import { credentialsBy, type Progress, type Stack, StackError } from "./stack.ts"
import { together } from "./together.ts"

/** What a quorum survives the loss of one of. */
export const natsMembers = ["nats-1", "nats-2", "nats-3"] as const
export type NatsMember = (typeof natsMembers)[number]
export type ClusterServer = NatsMember | "postgres"

/** Three nats-servers that know each other and a PostgreSQL, each of which can be ended and started by name. */
export interface ClusterStack extends Stack {
  readonly url: (member: NatsMember) => string
  readonly pid: (server: ClusterServer) => number
  /** SIGKILL unless told otherwise; resolves when the process is gone. */
  readonly kill: (server: ClusterServer, signal?: NodeJS.Signals) => Promise<void>
  /** SIGSTOP: its sockets stay open and nothing answers. */
  readonly freeze: (server: ClusterServer) => void
  readonly thaw: (server: ClusterServer) => void
  /** Starts a server that was ended. It may take a while to catch up: see `healthy`. */
  readonly restart: (server: ClusterServer) => Promise<void>
  /** Every member is up, caught up and knows the leader. */
  readonly healthy: () => Promise<boolean>
}

interface ClusterOptions {
  readonly dataDir: string
  readonly progress?: Progress
  /** Lines of the `jetstream` block; only tests change them. */
  readonly natsSettings?: string
  /** False only for tests that end no server. */
  readonly fsync?: boolean
  /** A PostgreSQL that runs already; tests share one. */
  readonly databaseUrl?: string
  /** Where members await each other; only tests choose. */
  readonly freePort?: () => Promise<number>
}

const FORMED_MILLIS = 60_000

/** A three-node JetStream cluster and PostgreSQL as children of this process, their data below one folder. */
export const startCluster = async (options: ClusterOptions): Promise<ClusterStack> => {
  const dataDir = resolve(options.dataDir)
  const progress = options.progress ?? (() => {})
  fs.mkdirSync(dataDir, { recursive: true })
  const lock = lockFolder(dataDir)
  const servers = new Map<ClusterServer, NatsServer | PostgresServer>()
  const stop = async () => {
    await Promise.all([...servers.values()].map((server) => {
      server.signal("SIGCONT")
      return server.stop()
    }))
    lock.release()
  }
  try {
    const [databaseUrl] = await together([
      options.databaseUrl === undefined
        ? PostgresServer.start(join(dataDir, "postgres"), {
          progress,
          fsync: options.fsync ?? true
        }).then((server) => {
          servers.set("postgres", server)
          return server.url
        })
        : Promise.resolve(options.databaseUrl),
      startMembers(dataDir, options, (name, server) => servers.set(name, server))
    ])
    await ensureDatabase(databaseUrl)
    return controlled(servers, databaseUrl, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

const startMembers = async (
  dataDir: string,
  options: ClusterOptions,
  started: (name: NatsMember, server: NatsServer) => void
): Promise<void> => {
  const members = await onFreePorts(async (again) => {
    const routes = await routesIn(join(dataDir, "routes.json"), again, options)
    const begun = new Map<NatsMember, NatsServer>()
    try {
      await beginMembers(dataDir, options, routes, (name, server) => begun.set(name, server))
    } catch (error) {
      await Promise.all([...begun.values()].map((server) => server.stop()))
      throw error
    }
    for (const [name, server] of begun) started(name, server)
    return [...begun.values()]
  })
  const end = Date.now() + FORMED_MILLIS
  while (!await allHealthy(members)) {
    if (Date.now() > end) {
      throw new StackError(
        `the three nats-servers did not find each other within ${FORMED_MILLIS / 1_000} s: ` +
          `see the logs below ${dataDir}.`
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

const beginMembers = async (
  dataDir: string,
  options: ClusterOptions,
  routes: Routes,
  begun: (name: NatsMember, server: NatsServer) => void
): Promise<void> => {
  const begin = async (name: NatsMember): Promise<void> => {
    const server = await NatsServer.start(join(dataDir, name), {
      progress: options.progress ?? (() => {}),
      ...(options.natsSettings !== undefined && { settings: options.natsSettings }),
      cluster: clusterLines(name, routes),
      passwordsFile: join(dataDir, "passwords.json")
    })
    begun(name, server)
  }
  const [first, ...others] = natsMembers
  // The first alone writes the passwords that the others read.
  await begin(first)
  await together(others.map(begin))
}

interface Routes {
  readonly password: string
  readonly ports: Readonly<Record<NatsMember, number>>
}

/** Members must know each other's addresses before they start, so no server can choose its own. */
const routesIn = async (
  file: string,
  again: boolean,
  options: ClusterOptions
): Promise<Routes> => {
  const known: Routes | undefined = fs.existsSync(file)
    ? JSON.parse(fs.readFileSync(file, "utf8"))
    : undefined
  if (known !== undefined && !again) return known
  const free = options.freePort ?? freePort
  const ports = Object.fromEntries(
    await Promise.all(natsMembers.map(async (name) => [name, await free()] as const))
  ) as Record<NatsMember, number>
  const routes = { password: known?.password ?? randomBytes(24).toString("base64url"), ports }
  writePrivate(file, JSON.stringify(routes))
  return routes
}

const clusterLines = (name: NatsMember, { password, ports }: Routes): ReadonlyArray<string> => [
  `server_name: ${name}`,
  `cluster {`,
  `  name: lastro`,
  `  listen: "127.0.0.1:${ports[name]}"`,
  // Clients are given every address; one that is told of others would go past a proxy.
  `  no_advertise: true`,
  `  authorization { user: route, password: "${password}" }`,
  `  routes: [`,
  ...natsMembers.filter((other) => other !== name)
    .map((other) => `    "nats://route:${password}@127.0.0.1:${ports[other]}"`),
  `  ]`,
  `}`
]

const allHealthy = async (members: ReadonlyArray<NatsServer>): Promise<boolean> => {
  const answers = await Promise.all(members.map((one) => one.healthy().catch(() => false)))
  return !answers.includes(false)
}

const controlled = (
  servers: ReadonlyMap<ClusterServer, NatsServer | PostgresServer>,
  databaseUrl: string,
  stop: () => Promise<void>
): ClusterStack => {
  const serverOf = (name: ClusterServer) => {
    const server = servers.get(name)
    if (server === undefined) throw new StackError(`${name} is not a server of this cluster.`)
    return server
  }
  const member = (name: NatsMember) => serverOf(name) as NatsServer
  const members = natsMembers.map(member)
  const first = members[0]!
  return {
    natsUrls: members.map((one) => one.url),
    natsMonitorUrl: first.monitorUrl,
    nats: credentialsBy((role) => first.credentials(role)),
    databaseUrl,
    // Each reads the shared passwords in; the first makes them.
    merchantCredentials: async (merchant) => {
      let made = await first.merchant(merchant)
      for (const one of members.slice(1)) made = await one.merchant(merchant)
      return made
    },
    stop,
    url: (name) => member(name).url,
    pid: (name) => serverOf(name).pid,
    kill: (name, signal = "SIGKILL") => serverOf(name).stop(signal),
    freeze: (name) => serverOf(name).signal("SIGSTOP"),
    thaw: (name) => serverOf(name).signal("SIGCONT"),
    restart: (name) => serverOf(name).launch(),
    healthy: () => allHealthy(members)
  }
}
