import * as fs from "node:fs"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { PostgresServer } from "../../src/stack/postgresServer.ts"
import { testFolder } from "../support/lastro.ts"
import { query } from "../support/query.ts"

let server: PostgresServer
const folder = testFolder("postgres")
const adminUrl = () => server.url.replace(/\/lastro$/, "/postgres")
beforeAll(async () => {
  server = await PostgresServer.start(folder, { progress: () => {}, fsync: false })
})
afterAll(async () => {
  await server.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

test("a killed PostgreSQL starts again although a busy backend of it still runs", async () => {
  const busy = new pg.Client({ connectionString: adminUrl() })
  busy.on("error", () => {})
  await busy.connect()
  // It computes for seconds and looks at nothing else, so it outlives its postmaster.
  const computing = busy.query("select sum(n) from generate_series(1, 30000000) n").catch(() => {})
  await new Promise((resolve) => setTimeout(resolve, 300))
  await server.stop("SIGKILL")
  await server.launch()
  expect(await query(adminUrl(), "select 1 as one")).toEqual([{ one: 1 }])
  await computing
  await busy.end().catch(() => {})
})
