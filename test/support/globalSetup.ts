import * as fs from "node:fs"
import { resolve } from "node:path"
import type { TestProject } from "vitest/node"
import { natsServerBinary } from "../../src/stack/natsBinary.ts"
import { PostgresServer } from "../../src/stack/postgresServer.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** A running PostgreSQL whose server only tests use; each suite makes a database of its own. */
    readonly postgresUrl: string
  }
}

/** One PostgreSQL for all suites that kill none; its files live below the project. */
export default async (project: TestProject) => {
  const folder = resolve(".lastro-test", `shared-${process.pid}`)
  fs.mkdirSync(folder, { recursive: true })
  const progress = (line: string) => console.log(`  ${line}`)
  // Fetched here, once: else every worker that comes first would fetch a nats-server for itself.
  await natsServerBinary(progress)
  const server = await PostgresServer.start(folder, { progress, fsync: false })
  project.provide("postgresUrl", server.url)
  return async () => {
    await server.stop()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}
