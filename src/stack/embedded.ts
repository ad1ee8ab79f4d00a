import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { ensureDatabase } from "../store/provision.ts"
import { keep } from "./kept.ts"
import { lockFolder } from "./lock.ts"
import { NatsServer } from "./natsServer.ts"
import { PostgresServer } from "./postgresServer.ts"
import { credentialsBy, type Keeper, type Progress, type Stack, StackError } from "./stack.ts"
import { together } from "./together.ts"

export type Server = "nats" | "postgres"

export interface EmbeddedStack extends Stack {
  readonly pids: () => Readonly<Record<Server, number>>
  readonly kill: (server: Server, signal?: NodeJS.Signals) => Promise<void>
  readonly restart: (server: Server) => Promise<void>
}

interface EmbeddedOptions {
  readonly dataDir: string
  readonly progress?: Progress
  /** Lines of the `jetstream` block; only tests change them. */
  readonly natsSettings?: string
  /** False only for tests that kill no server. */
  readonly fsync?: boolean
  /** A PostgreSQL that runs already; tests share one. */
  readonly databaseUrl?: string
  /** Servers that end are started again, and this is told. Without it they stay down, as tests want it. */
  readonly tell?: (line: string) => void
}

/** NATS and PostgreSQL as children of this process, their data below one folder. */
export const startEmbedded = async (options: EmbeddedOptions): Promise<EmbeddedStack> => {
  const dataDir = resolve(options.dataDir)
  const progress = options.progress ?? (() => {})
  fs.mkdirSync(dataDir, { recursive: true })
  if (fs.existsSync(join(dataDir, "containers.json"))) {
    throw new StackError(
      `${dataDir} belongs to servers in containers: set LASTRO_STACK=containers, or LASTRO_DATA_DIR.`
    )
  }
  const lock = lockFolder(dataDir)
  let nats: NatsServer | undefined
  let postgres: PostgresServer | undefined
  let kept: ReadonlyArray<Keeper> = []
  const stop = async () => {
    for (const keeper of kept) keeper.release()
    await Promise.all([nats?.stop(), postgres?.stop()])
    lock.release()
  }
  try {
    const [startedNats, databaseUrl] = await together([
      NatsServer.start(join(dataDir, "nats"), {
        progress,
        ...(options.natsSettings === undefined ? {} : { settings: options.natsSettings })
      }).then((server) => (nats = server)),
      options.databaseUrl === undefined
        ? PostgresServer.start(join(dataDir, "postgres"), {
          progress,
          fsync: options.fsync ?? true
        }).then((server) => (postgres = server).localUrl)
        : Promise.resolve(options.databaseUrl)
    ])
    await ensureDatabase(databaseUrl)
    const { tell } = options
    const own = [startedNats, postgres].filter((one) => one !== undefined)
    if (tell !== undefined) kept = own.map((one) => keep(one, tell))
    return {
      kept,
      lost: lock.lost,
      disks: own.map(({ dataFolder, name }) => ({ server: name, folder: dataFolder })),
      natsUrls: [startedNats.url],
      natsMonitorUrl: startedNats.monitorUrl,
      nats: credentialsBy((role) => startedNats.credentials(role)),
      databaseUrl,
      merchantCredentials: (merchant) => startedNats.merchant(merchant),
      stop,
      pids: () => ({ nats: startedNats.pid, postgres: postgres?.pid ?? 0 }),
      kill: (server, signal = "SIGKILL") =>
        server === "nats" ? startedNats.stop(signal) : postgres!.stop(signal),
      restart: (server) => server === "nats" ? startedNats.launch() : postgres!.launch()
    }
  } catch (error) {
    await stop()
    throw error
  }
}
