import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { migrations, OLDEST } from "../../migrations/index.ts"
import { migrate as migrateCommand } from "../../src/cli/migrate.ts"
import { topologyCommand } from "../../src/cli/topology.ts"
import { worker } from "../../src/cli/worker.ts"
import { startLastro } from "../../src/house/lastro.ts"
import { keepWhatOtherCodeLeft } from "../../src/house/olderCode.ts"
import { planAs } from "../../src/house/topology/declared.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { keptPartitions } from "../../src/stack/keptPartitions.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl, query, testFolder } from "../support/lastro.ts"

/**
 * What the oldest version left behind that can still be upgraded from, after five payments and a refund:
 * its tables (without keys), its data folder's streams in the one account there was, and its gateway's
 * book. Its streams kept their messages for a hundred years instead of two weeks, so that they are there.
 */
const OLD = "test/golden/oldest"

let dataDir: string
let databaseUrl: string
let stack: EmbeddedStack

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
  await stack?.stop()
  await dropDatabase(databaseUrl)
  fs.rmSync(dataDir, { recursive: true, force: true })
})

test("the number of partitions is found in what the oldest version left", () => {
  expect(keptPartitions(dataDir)).toBe("8")
})

/** How many migrations ran, and what each stream was made with: nothing of it is changed by who refuses. */
const asFound = async () => {
  const [{ ran }] = await query(databaseUrl, "select count(*)::int as ran from kysely_migration")
  return { ran, plan: await planAs(stack, "admin") }
}

test("this version refuses data whose families have mailboxes of their own, and does nothing to it", async () => {
  stack = await startEmbedded({ dataDir, databaseUrl })
  vi.spyOn(console, "log").mockImplementation(() => {})
  const before = await asFound()
  expect(before.plan.steps.length).toBeGreaterThan(0)
  const environment = { LASTRO_DATA_DIR: dataDir, ...givenBy(stack) }
  const refused = {
    _tag: "StackError",
    message: expect.stringMatching(
      /PAYMENTS holds messages of payments, .* fraud, messaging hold \(FRAUD, MESSAGING\) would be left behind: nothing was done/
    )
  }
  await expect(startLastro({
    dataDir,
    port: 0,
    environment: {},
    progress: () => {},
    stack,
    log: () => {}
  })).rejects.toMatchObject(refused)
  for (const action of ["plan", "apply"]) {
    await expect(topologyCommand.run([action], environment)).rejects.toMatchObject(refused)
  }
  await expect(worker.run([], environment)).rejects.toMatchObject(refused)
  await expect(migrateCommand.run([], environment)).rejects.toMatchObject({
    _tag: "StackError",
    message: expect.stringMatching(/families fraud, messaging have cursors of their own/)
  })
  expect(await asFound()).toEqual(before)
})

test("its tables with what is in them can be brought to this version's", async () => {
  expect(await migrate(databaseUrl, migrations)).toContain("0117_payment_texts")
  expect(await query(databaseUrl, "select status from payments order by status"))
    .toEqual(
      ["authorized", "captured", "captured", "captured", "failed"].map((status) => ({ status }))
    )
})

test("what its code decided is kept in a checkpoint before a worker of this version owns anything", async () => {
  const told: Array<string> = []
  await keepWhatOtherCodeLeft(databaseUrl, (line) => told.push(JSON.stringify(line)))
  expect(told).toEqual([
    expect.stringMatching(
      /other code decided what is there: checkpoint_\d+\w* holds what it came to/
    )
  ])
  const name = /checkpoint_\w+/.exec(told[0]!)![0]
  expect(await query(databaseUrl, `select count(*)::int as n from ${name}.payments`)).toEqual([{
    n: 5
  }])
})

const givenBy = ({ databaseUrl, nats, natsMonitorUrl, natsUrls }: EmbeddedStack) => ({
  LASTRO_NATS_URL: natsUrls.join(","),
  LASTRO_NATS_MONITOR_URL: natsMonitorUrl,
  LASTRO_NATS_ADMIN_USER: nats.admin.user,
  LASTRO_NATS_ADMIN_PASSWORD: nats.admin.password,
  LASTRO_NATS_WORKER_USER: nats.worker.user,
  LASTRO_NATS_WORKER_PASSWORD: nats.worker.password,
  LASTRO_SIMULATOR_URL: "http://127.0.0.1:9",
  DATABASE_URL: databaseUrl
})
