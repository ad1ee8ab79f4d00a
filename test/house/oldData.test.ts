import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { migrations, OLDEST } from "../../migrations/index.ts"
import { examineStack } from "../../src/house/examination.ts"
import { type Lastro, startLastro } from "../../src/house/lastro.ts"
import { replayStack } from "../../src/house/replayStack.ts"
import { topologyCommand } from "../../src/cli/topology.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { keptPartitions } from "../../src/stack/keptPartitions.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect, type Db } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { eventually, freshDatabaseUrl, query, testFolder } from "../support/lastro.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

/**
 * What the oldest version left behind that can still be upgraded from, after five payments and a refund:
 * its tables (without keys), its data folder's streams in the one account there was, and its gateway's
 * book. Its streams kept their messages for a hundred years instead of two weeks, so that they are there.
 */
const OLD = "test/golden/oldest"
const CAPTURED = "pay_ev7bvedagvk02jcmd36h3sf50h"
const AUTHORIZED = "pay_rz0camfwffbrn3at5t83fjhp5k"

let dataDir: string
let databaseUrl: string
let stack: EmbeddedStack
let lastro: Lastro
let db: Db
let key: string
const told: Array<string> = []

beforeAll(async () => {
  dataDir = testFolder("old-data")
  execFileSync("tar", ["xzf", `${OLD}/folder.tgz`, "-C", dataDir])
  databaseUrl = freshDatabaseUrl()
  await ensureDatabase(databaseUrl)
  const names = Object.keys(migrations)
  const ran = names.slice(0, names.indexOf(OLDEST) + 1)
  await migrate(databaseUrl, Object.fromEntries(ran.map((name) => [name, migrations[name]!])))
  await query(databaseUrl, fs.readFileSync(`${OLD}/database.sql`, "utf8"))
})
afterAll(async () => {
  vi.restoreAllMocks()
  await db?.destroy()
  await lastro?.stop()
  await stack?.stop()
  await dropDatabase(databaseUrl)
  fs.rmSync(dataDir, { recursive: true, force: true })
})

const ask = async (method: "GET" | "POST", path: string, body?: object) => {
  const answer = await fetch(lastro.edge.url + path, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      ...(body !== undefined && {
        "content-type": "application/json",
        "idempotency-key": `old-${path}`,
        prefer: "wait=30"
      })
    },
    ...(body !== undefined && { body: JSON.stringify(body) })
  })
  return await answer.json()
}

test("the number of partitions is found in what the oldest version left", () => {
  expect(keptPartitions(dataDir)).toBe("8")
})

test("this version starts on the oldest version's data", async () => {
  stack = await startEmbedded({ dataDir, databaseUrl })
  lastro = await startLastro({
    dataDir,
    port: 0,
    environment: {},
    progress: (line) => told.push(line),
    stack,
    log: () => {},
    allowPrivateWebhooks: true
  })
  db = connect(databaseUrl, 1)
  key = await createApiKey(db, { name: "acme", merchant: "acme", scopes: merchantScopes })
  expect(told[0]).toMatch(/^Migrations applied: 0010_disputes, 0011_payouts, .*0054_quote_ends/)
})

test("payments made before are read, captured and refunded, and new ones are made", async () => {
  const { data } = await ask("GET", "/v1/payments?limit=20")
  expect(data.map(({ status }: { status: string }) => status).sort())
    .toEqual(["authorized", "captured", "captured", "captured", "failed"])
  expect(await ask("GET", `/v1/payments/${CAPTURED}`)).toMatchObject({ amount_refunded: 1_000 })
  expect(await ask("POST", `/v1/payments/${AUTHORIZED}/capture`, { amount: 5_000 }))
    .toMatchObject({ status: "captured", amount_captured: 5_000 })
  expect(await ask("POST", `/v1/payments/${CAPTURED}/refunds`, { amount: 2_500 }))
    .toMatchObject({ amount_refunded: 3_500 })
  expect(
    await ask("POST", "/v1/payments", {
      amount: 700,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    })
  ).toMatchObject({ status: "captured" })
  const receipt = await eventually(async () => {
    const found = await ask("GET", `/v1/payments/${CAPTURED}/receipt`)
    return found.uncovered.length === 0 && found.entries.length >= 5 ? found : undefined
  })
  expect(receipt.entries.map(({ entry }: { entry: { kind: string } }) => entry.kind).sort())
    .toEqual(["capture", "refund", "refund", "refund_confirmed", "refund_confirmed"])
})

test("its turns are replayed: the same, or it is said which code decided them", async () => {
  for (const family of ["fraud", "messaging", "reconciliation"]) {
    const { differences, messages } = await replayStack(stack, family, {
      checkpoint: undefined,
      partition: undefined
    })
    expect([family, differences, messages > 0]).toEqual([family, [], true])
  }
  const { differences, from, older, other_versions, turns } = await replayStack(stack, "payments", {
    checkpoint: undefined,
    partition: 7
  })
  // The first worker of this version kept what the oldest had come to: from there all is compared.
  expect([differences, other_versions, from]).toEqual([
    [],
    [],
    expect.stringMatching(/^checkpoint_/)
  ])
  expect(older.length).toBeGreaterThan(0)
  for (const turn of older) expect(turn).toMatch(/^payments-7: .* \(decided by version 0\.1\.0\)$/)
  expect(turns).toBeGreaterThan(0)
})

test("its streams are told apart from this version's, changed in place, and then all is well", async () => {
  expect(told.join("\n")).toMatch(/PAYMENTS differs from its declaration: subject_transform/)
  const environment = { LASTRO_DATA_DIR: dataDir, ...givenBy(stack) }
  vi.spyOn(console, "log").mockImplementation(() => {})
  // Their age stays a hundred years once messages would be deleted: that is told, and no more.
  expect([0, 2]).toContain(await topologyCommand.run(["apply"], environment))
  await eventually(async () => {
    // The tests' own PostgreSQL runs without fsync.
    const bad = (await examineStack(stack)).findings
      .filter(({ check, verdict }) => verdict === "bad" && check !== "fsync")
    if (bad.length > 0) throw new Error(JSON.stringify(bad))
    return true
  }, 20_000)
})

const givenBy = ({ databaseUrl, nats, natsMonitorUrl, natsUrls }: EmbeddedStack) => ({
  LASTRO_NATS_URL: natsUrls.join(","),
  LASTRO_NATS_MONITOR_URL: natsMonitorUrl,
  LASTRO_NATS_ADMIN_USER: nats.admin.user,
  LASTRO_NATS_ADMIN_PASSWORD: nats.admin.password,
  DATABASE_URL: databaseUrl
})
