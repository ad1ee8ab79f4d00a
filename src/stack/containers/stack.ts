import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { type StartedTestContainer, Wait } from "testcontainers"
import { ensureDatabase } from "../../store/provision.ts"
import { lockFolder } from "../lock.ts"
import { keptPasswords, natsConfiguration, writePrivate } from "../natsConfiguration.ts"
import { SETTINGS } from "../postgresServer.ts"
import { credentialsBy, type Progress, type Stack, StackError } from "../stack.ts"
import {
  removeStale,
  removeVolumes,
  ServerContainer,
  signalContainer,
  stopContainer
} from "./server.ts"

export interface ContainerStack extends Stack {
  /** Stops the servers and deletes what they hold. */
  readonly remove: () => Promise<void>
}

const NATS_PORT = 4222
const MONITOR_PORT = 8222
const POSTGRES_PORT = 5432
const CONFIGURATION = "/etc/lastro/nats.conf"
/** Of our own, because official images have moved theirs between versions. */
const DATA = "/lastro/data"
const READY_MILLIS = 120_000
/** Docker gives a container 64 MB, too little for queries in parallel. */
const SHARED_MEMORY_BYTES = 256 * 1024 * 1024

/** Kept below the data folder, where `attachStack` finds them, too. */
interface Files {
  readonly folder: string
  readonly nats: string
  readonly postgres: string
  readonly volumes: { readonly nats: string; readonly postgres: string }
}

/** NATS and PostgreSQL in containers; their data lies in two named volumes. */
export const startContainers = async (
  options: {
    readonly dataDir: string
    readonly environment: Readonly<Record<string, string | undefined>>
    readonly progress: Progress
  }
): Promise<ContainerStack> => {
  const { environment, progress } = options
  const files = filesOf(resolve(options.dataDir))
  const lock = lockFolder(resolve(options.dataDir))
  const started: Array<StartedTestContainer> = []
  const stop = async () => {
    await Promise.all(started.splice(0).map(stopContainer))
    lock.release()
  }
  try {
    await removeStale(files.folder)
    const images = {
      nats: environment["LASTRO_NATS_IMAGE"] ?? "nats:2.15",
      postgres: environment["LASTRO_POSTGRES_IMAGE"] ?? "postgres:18"
    }
    progress(`starting containers of ${images.nats} and ${images.postgres} …`)
    const keep = (one: StartedTestContainer) => {
      started.push(one)
      return one
    }
    // Both are waited for, so that one which fails leaves no other behind.
    const [nats, postgres] = await Promise.allSettled([
      startNats(images.nats, files).then(keep),
      startPostgres(images.postgres, files).then(keep)
    ])
    if (nats.status === "rejected") throw nats.reason
    if (postgres.status === "rejected") throw postgres.reason
    const databaseUrl = await postgresUrl(postgres.value, files)
    return {
      ...natsOf(nats.value, files),
      databaseUrl,
      lost: lock.lost,
      stop,
      remove: async () => {
        await stop()
        await removeVolumes(Object.values(files.volumes))
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
}

const filesOf = (dataDir: string): Files => {
  const files = { nats: join(dataDir, "nats"), postgres: join(dataDir, "postgres") }
  if (fs.existsSync(join(files.postgres, "data-location"))) {
    throw new StackError(
      `${dataDir} holds the data of servers without containers: set LASTRO_DATA_DIR to another folder.`
    )
  }
  for (const folder of Object.values(files)) fs.mkdirSync(folder, { recursive: true })
  const folder = createHash("sha256").update(dataDir).digest("hex").slice(0, 16)
  const volumes = { nats: `lastro-${folder}-nats`, postgres: `lastro-${folder}-postgres` }
  fs.writeFileSync(join(dataDir, "containers.json"), JSON.stringify({ volumes }))
  return { folder, volumes, ...files }
}

const configurationOf = (files: Files, added: ReadonlyArray<string>) => {
  const passwords = keptPasswords(join(files.nats, "passwords.json"), added)
  const content = natsConfiguration({
    client: `0.0.0.0:${NATS_PORT}`,
    monitor: `0.0.0.0:${MONITOR_PORT}`,
    storeDir: DATA,
    settings: "sync_interval: always",
    cluster: []
  }, passwords)
  return { passwords, content: [{ content, target: CONFIGURATION, mode: 0o644 }] }
}

const startNats = (image: string, files: Files) =>
  new ServerContainer(image, files.folder)
    .withCommand(["-c", CONFIGURATION])
    .withCopyContentToContainer(configurationOf(files, []).content)
    .withBindMounts([{ source: files.volumes.nats, target: DATA }])
    .withExposedPorts(NATS_PORT, MONITOR_PORT)
    .withWaitStrategy(Wait.forHttp("/healthz", MONITOR_PORT))
    .withStartupTimeout(READY_MILLIS)
    .start()

const natsOf = (container: StartedTestContainer, files: Files) => {
  const client = container.getMappedPort(NATS_PORT)
  const monitor = container.getMappedPort(MONITOR_PORT)
  const monitorUrl = `http://127.0.0.1:${monitor}`
  writePrivate(join(files.nats, "ports.json"), JSON.stringify({ client, monitor }))
  const { passwords } = configurationOf(files, [])
  return {
    natsUrls: [`nats://127.0.0.1:${client}`],
    natsMonitorUrl: monitorUrl,
    nats: credentialsBy((user) => ({ user, password: passwords[user]! })),
    merchantCredentials: async (merchant: string) => {
      const before = await loadedAt(monitorUrl)
      const { content, passwords } = configurationOf(files, [merchant])
      await container.copyContentToContainer(content)
      await signalContainer(container, "SIGHUP")
      await until(async () => await loadedAt(monitorUrl) !== before)
      const user = `merchant-${merchant}`
      return { user, password: passwords[user]! }
    }
  }
}

const loadedAt = async (monitorUrl: string): Promise<string | undefined> =>
  ((await (await fetch(`${monitorUrl}/varz`)).json()) as { config_load_time?: string })
    .config_load_time

const passwordOf = ({ postgres }: Files): string => {
  const file = join(postgres, "password")
  if (!fs.existsSync(file)) writePrivate(file, randomBytes(24).toString("base64url"))
  return fs.readFileSync(file, "utf8")
}

const startPostgres = (image: string, files: Files) => {
  const { listen_addresses: _, ...settings } = SETTINGS
  return new ServerContainer(image, files.folder)
    // Its fast shutdown: open connections are ended, everything is written.
    .withStopSignal("SIGINT")
    .withCommand([
      "postgres",
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])
    ])
    .withEnvironment({
      POSTGRES_USER: "lastro",
      POSTGRES_DB: "lastro",
      POSTGRES_PASSWORD: passwordOf(files),
      POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C --auth-host=scram-sha-256",
      PGDATA: `${DATA}/postgres`
    })
    .withBindMounts([{ source: files.volumes.postgres, target: DATA }])
    .withSharedMemorySize(SHARED_MEMORY_BYTES)
    .withExposedPorts(POSTGRES_PORT)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/))
    .withStartupTimeout(READY_MILLIS)
    .start()
}

/** The image's first start runs a server without network to prepare the database, then the real one. */
const postgresUrl = async (container: StartedTestContainer, files: Files): Promise<string> => {
  const port = container.getMappedPort(POSTGRES_PORT)
  writePrivate(join(files.postgres, "port"), String(port))
  const url = `postgres://lastro:${passwordOf(files)}@127.0.0.1:${port}/lastro`
  await until(async () => {
    await ensureDatabase(url)
    return true
  })
  return url
}

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + READY_MILLIS
  let last: unknown
  while (Date.now() < end) {
    try {
      if (await holds()) return
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new StackError(`a server in a container does not answer: ${last ?? "no error was told"}`)
}
