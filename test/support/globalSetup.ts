import * as fs from "node:fs"
import { join, resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { migrations } from "../../migrations/index.ts"
import { natsServerBinary } from "../../src/stack/natsBinary.ts"
import { NatsServer } from "../../src/stack/natsServer.ts"
import { PostgresServer } from "../../src/stack/postgresServer.ts"
import { together } from "../../src/stack/together.ts"
import { migrate } from "../../src/store/migrate.ts"
import { ensureDatabase } from "../../src/store/provision.ts"
import type { SharedNats } from "./sharedServers.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A running PostgreSQL; each file makes a database of its own. */
    readonly postgresUrl: string
    /** The name of a database there with every migration, to make others like it. */
    readonly migratedDatabase: string
    /** One running nats-server for each worker. */
    readonly natsServers: ReadonlyArray<SharedNats>
  }
}

const MIGRATED = "test_migrated"

/** The servers of all files that break none: one PostgreSQL, and a nats-server for each worker. */
export default async (project: TestProject) => {
  const folder = resolve(".lastro-test", `shared-${process.pid}`)
  fs.mkdirSync(folder, { recursive: true })
  const progress = (line: string) => console.log(`  ${line}`)
  // Fetched here, once: else every worker that comes first would fetch a nats-server for itself.
  await natsServerBinary(progress)
  const workers = Array.from({ length: project.vitest.config.maxWorkers }, (_, nth) => nth + 1)
  const [postgres, ...nats] = await together([
    PostgresServer.start(folder, { progress, fsync: false }),
    ...workers.map((worker) => NatsServer.start(join(folder, `nats-${worker}`), { progress }))
  ])
  const migrated = new URL(postgres.url)
  migrated.pathname = `/${MIGRATED}`
  await ensureDatabase(migrated.href)
  await migrate(migrated.href, migrations)
  project.provide("postgresUrl", postgres.url)
  project.provide("migratedDatabase", MIGRATED)
  project.provide(
    "natsServers",
    nats.map(({ dataFolder, monitorUrl, pid, url }) => ({
      folder: resolve(dataFolder, ".."),
      pid,
      url,
      monitorUrl
    }))
  )
  return async () => {
    await Promise.all([postgres, ...nats].map((server) => server.stop()))
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
