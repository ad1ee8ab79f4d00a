import * as fs from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, expect, test } from "vitest"
import { startLastro } from "../../src/house/lastro.ts"
import { prepare } from "../../src/house/prepare.ts"
import { checkStack } from "../../src/stack/checks.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { givenStack } from "../../src/stack/given.ts"
import { isRecentEnough } from "../../src/stack/natsBinary.ts"
import { StackError } from "../../src/stack/stack.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { query } from "../support/query.ts"

const ended: Array<() => Promise<unknown> | void> = []
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end()
})

const start = async (natsSettings?: string): Promise<EmbeddedStack> => {
  const dataDir = testFolder("checks")
  const databaseUrl = freshDatabaseUrl()
  const stack = await startEmbedded({
    dataDir,
    databaseUrl,
    ...natsSettings !== undefined && { natsSettings }
  })
  ended.push(() => fs.rmSync(dataDir, { recursive: true, force: true }))
  ended.push(() => dropDatabase(databaseUrl))
  ended.push(stack.stop)
  return stack
}

/** A monitoring endpoint that says what the test wants. */
const monitor = async (varz: unknown): Promise<string> => {
  const server = createServer((_request, response) => response.end(JSON.stringify(varz)))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  ended.push(() => new Promise((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test("start-up refuses a nats-server without `sync_interval: always`, says why, and does nothing", async () => {
  const stack = await start("sync_interval: 2m")
  await expect(checkStack(stack)).rejects.toThrow(StackError)
  await expect(checkStack(stack)).rejects.toThrow(
    /without `sync_interval: always`: it would acknowledge payments that a power failure loses/
  )
  await expect(prepare(stack, () => {})).rejects.toThrow(/sync_interval/)
  expect(await query(stack.databaseUrl, "select 1 from pg_tables where schemaname = 'public'"))
    .toEqual([])
  const dataDir = testFolder("refused")
  ended.push(() => fs.rmSync(dataDir, { recursive: true, force: true }))
  await expect(
    startLastro({ dataDir, port: 0, environment: {}, progress: () => {}, stack, log: () => {} })
  ).rejects.toThrow(/sync_interval/)
})

test("our own servers pass every check", async () => {
  const stack = await start()
  await checkStack(stack)
})

test("a server that is too old is refused by name", async () => {
  const stack = await start()
  const jetstream = { config: { sync_always: true } }
  const natsMonitorUrl = await monitor({ version: "2.12.9", jetstream })
  await expect(checkStack({ ...stack, natsMonitorUrl })).rejects.toThrow(
    /nats-server 2\.12\.9 is too old/
  )
  const recent = await monitor({ version: "2.14.0", jetstream })
  await checkStack({ ...stack, natsMonitorUrl: recent })
})

test("a server whose sync mode cannot be read is refused, with what to do", async () => {
  const stack = await start()
  await expect(checkStack({ ...stack, natsMonitorUrl: "http://127.0.0.1:1" })).rejects.toThrow(
    /LASTRO_NATS_MONITOR_URL/
  )
  const silent = await monitor({ version: "2.14.0" })
  await expect(checkStack({ ...stack, natsMonitorUrl: silent })).rejects.toThrow(/sync_interval/)
})

test("of several servers those that answer must be right, and one may be away", async () => {
  const stack = await start()
  const jetstream = { config: { sync_always: true } }
  const good = await monitor({ version: "2.15.0", jetstream })
  const old = await monitor({ version: "2.12.9", jetstream })
  const check = (...urls: Array<string>) =>
    checkStack({ ...stack, natsMonitorUrl: urls.join(", ") })
  await check(good, "http://127.0.0.1:1", `${good}/`)
  await expect(check(good, old)).rejects.toThrow(/2\.12\.9 is too old/)
  await expect(check("http://127.0.0.1:1", "http://127.0.0.1:2")).rejects.toThrow(
    "http://127.0.0.1:1/varz, http://127.0.0.1:2/varz"
  )
})

test.each([
  ["2.14.0", true],
  ["v2.15.1", true],
  ["3.0.0", true],
  ["2.13.9", false],
  ["1.99.0", false],
  ["", false]
])("version %s is recent enough: %s", (version, expected) => {
  expect(isRecentEnough(version)).toBe(expected)
})

test("given servers come in pairs, and their credentials from the environment", () => {
  expect(givenStack({})).toBeUndefined()
  expect(() => givenStack({ DATABASE_URL: "postgres://x/y" })).toThrow(/go together/)
  expect(() => givenStack({ LASTRO_NATS_URL: "nats://x" })).toThrow(/go together/)
  const stack = givenStack({
    LASTRO_NATS_URL: "nats://me:p%40ss@one:4222, nats://two:4222",
    DATABASE_URL: "postgres://x/y",
    LASTRO_NATS_EDGE_USER: "edge-1",
    LASTRO_NATS_EDGE_PASSWORD: "secret"
  })!
  expect(stack.natsUrls).toEqual(["nats://one:4222", "nats://two:4222"])
  expect(stack.natsMonitorUrl).toBe("http://one:8222")
  expect(stack.nats.worker).toEqual({ user: "me", password: "p@ss" })
  expect(stack.nats.edge).toEqual({ user: "edge-1", password: "secret" })
})

test("servers of our own are children or containers, and nothing else", async () => {
  const dataDir = testFolder("kind")
  ended.push(() => fs.rmSync(dataDir, { recursive: true, force: true }))
  const environment = { LASTRO_STACK: "podman" }
  await expect(startLastro({ dataDir, port: 0, environment, progress: () => {}, log: () => {} }))
    .rejects.toThrow("LASTRO_STACK is embedded or containers, not podman.")
})
