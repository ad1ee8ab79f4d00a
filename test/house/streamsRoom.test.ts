import type { NatsConnection } from "@nats-io/transport-node"
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ClusterStack, startCluster } from "../../src/stack/cluster.ts"
import { freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { StartProcess } from "../support/startProcess.ts"

/** A fresh cluster whose servers have a disk as small ones do. */
let dataDir: string
let stack: ClusterStack
let admin: NatsConnection
beforeAll(async () => {
  dataDir = testFolder("streams-room")
  stack = await startCluster({
    dataDir,
    databaseUrl: freshDatabaseUrl(),
    natsSettings: "sync_interval: always\n  max_file_store: 40GB"
  })
  admin = await connectAs(stack, stack.nats.admin)
})
afterAll(async () => {
  await admin?.close()
  await stack?.stop()
  fs.rmSync(dataDir, { recursive: true, force: true })
})

const topologyOf = async (what: string, environment: Record<string, string> = {}) => {
  const { password, user } = stack.nats.admin
  const ran = new StartProcess({
    cwd: dataDir,
    command: ["topology", what],
    environment: {
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_ADMIN_USER: user,
      LASTRO_NATS_ADMIN_PASSWORD: password,
      DATABASE_URL: stack.databaseUrl,
      ...environment
    }
  })
  return { code: await ran.end(), said: ran.output.trim(), complained: ran.errors.trim() }
}
const streams = async (): Promise<ReadonlyArray<string>> =>
  (await admin.request("$JS.API.STREAM.NAMES", "{}")).json<{ streams: Array<string> | null }>()
    .streams ?? []

test("servers without room for what streams reserve are named before anything is made", async () => {
  expect(await topologyOf("apply")).toMatchObject({
    code: 1,
    complained: expect.stringMatching(
      /^lastro: streams reserve 265\.0 GiB of each server's disk, and 127\.0\.0\.1:\d+ has 40\.0 GiB left of 40\.0 GiB: nothing was made\. .*max_file_store.*LASTRO_STREAMS_GIB \(265 now\)/
    )
  })
  expect(await streams()).toEqual([])
  expect((await topologyOf("plan")).said).toMatch(
    /note {5}each copy of what is to be made reserves 265\.0 GiB in all; 127\.0\.0\.1:\d+ has 40\.0 GiB left/
  )
})

test("a deployment says how much its streams take, and then they are made", async () => {
  const chosen = { LASTRO_STREAMS_GIB: "20" }
  const applied = await topologyOf("apply", chosen)
  expect([applied.code, applied.complained]).toEqual([0, ""])
  expect(await streams()).toContain("EVENTS")
  const { config } = (await admin.request("$JS.API.STREAM.INFO.EVENTS")).json<
    { config: { max_bytes: number; num_replicas: number } }
  >()
  expect(config).toMatchObject({
    num_replicas: 3,
    max_bytes: Math.floor((64 * 20 * 1024 ** 3) / 265)
  })
  // Whoever comes with another number is shown where it differs.
  const other = await topologyOf("plan", { LASTRO_STREAMS_GIB: "30" })
  expect([other.code, other.said]).toEqual([
    2,
    expect.stringMatching(/EVENTS\n +max_bytes: \d+ → \d+/)
  ])
})

test("where no monitoring endpoint says so, the servers' refusal is told with what is needed", async () => {
  expect(await topologyOf("apply", { LASTRO_NATS_MONITOR_URL: "http://127.0.0.1:1" }))
    .toMatchObject({
      code: 1,
      complained: expect.stringMatching(
        /JetStream did not do what .* LASTRO_STREAMS_GIB \(265 now\)/
      )
    })
})
