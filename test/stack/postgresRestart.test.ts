import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import { PostgresServer } from "../../src/stack/postgresServer.ts"
import { testFolder } from "../support/lastro.ts"
import { query } from "../support/query.ts"

let server: PostgresServer
const folder = testFolder("postgres")
const ofAdmin = (url: string) => url.replace(/\/lastro(?=\?|$)/, "/postgres")
const adminUrl = () => ofAdmin(server.url)
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

const WAY = "select inet_client_addr() is null as by_socket"

test("its own program reaches it by a socket, also after a kill whose lock names somebody alive", async () => {
  const local = () => ofAdmin(server.localUrl)
  expect(await query(local(), WAY)).toEqual([{ by_socket: true }])
  expect(await query(adminUrl(), WAY)).toEqual([{ by_socket: false }])
  await server.stop("SIGKILL")
  const lock = fs.readdirSync(server.dataFolder).find((name) => name.endsWith(".lock"))!
  const [, ...rest] = fs.readFileSync(join(server.dataFolder, lock), "utf8").split("\n")
  const { gid, uid } = fs.statSync(server.dataFolder)
  // The number of a process that another program has by now.
  const other = spawn("sleep", ["60"], { gid, uid })
  fs.writeFileSync(join(server.dataFolder, lock), [other.pid, ...rest].join("\n"))
  await server.launch()
  other.kill()
  expect(await query(local(), WAY)).toEqual([{ by_socket: true }])
})

test("where its folder's name leaves no room for a socket it is reached by TCP", async () => {
  const far = join(folder, "x".repeat(40), "y".repeat(40))
  const one = await PostgresServer.start(far, { progress: () => {}, fsync: false })
  try {
    // As root its files may lie elsewhere, where the name is short.
    const isLong = one.dataFolder.startsWith(far)
    expect(await query(ofAdmin(one.localUrl), WAY)).toEqual([{ by_socket: !isLong }])
  } finally {
    await one.stop()
  }
})
