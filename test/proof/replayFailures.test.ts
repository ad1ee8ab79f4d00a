import { Effect } from "effect"
import { afterEach, beforeEach, expect, test } from "vitest"
import { replayMailbox, type ReplayReport } from "../../src/proof/replay/replay.ts"
import { connect } from "../../src/store/database.ts"
import { takeCheckpoint } from "../../src/store/shadow.ts"
import { PARTITIONS, sourceOf } from "../../streams/mailboxes.ts"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, sendAll, startMachine } from "../support/machine.ts"
import { makeNotebookTables, type Notebook, notebook } from "../support/notebook.ts"

let machine: Machine
let book: Notebook
beforeEach(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook({ delays: [300, 300, 300] })
  machine.work([book.actor])
})
afterEach(() => machine.stop())

const PARTITION = 5
const merchant = merchantIn(PARTITION)
const TABLES = { states: ["notes", "waits"], journals: [] }

const notes = (...bodies: ReadonlyArray<object>) =>
  sendAll(machine, "fraud", bodies.map((body) => ({ type: "note", merchant, body })))

const until = (text: string, wanted: number) =>
  eventually(async () => {
    const [row] = await machine.rows(`select (${text})::int as is`)
    return row.is === wanted ? true : undefined
  }, 30_000)

/** Everything that may befall a key: retried, given up, poisoned, refused by PostgreSQL, waiting for another. */
const misfortunes = async () => {
  book.faults.set("late", "NotNow")
  book.faults.set("never", "NotNow")
  book.faults.set("gone", "Gone")
  book.faults.set("broken", "Broken")
  await notes(
    { key: "late", text: "first", emit: 1, to: "payments" },
    { key: "never", text: "in vain" },
    { key: "gone", text: "lost" },
    { key: "broken", text: "stopped" },
    { key: "poison", text: "x", defect: true },
    { key: "poison", text: "behind it" },
    { key: "refused", text: "negative", amount: -1 },
    { key: "fine", text: "a", amount: 3, event: true, ringIn: 200 },
    { key: "both", text: "waits", and: ["late"] },
    { key: "late", text: "second" }
  )
  await until("select count(*) from parked_keys where attempts > 0 and not quarantined", 2)
  book.faults.delete("late")
  await until("select count(*) from parked_keys where not quarantined", 0)
  await until("select count(*) from parked_keys where quarantined", 4)
  await until("select count(*) from cursors c where c.family = 'fraud' and c.partition = 5", 1)
}

/** By an actor that meets no failure of its own: it has to be told of those that were. */
const replayed = (checkpoint?: string): Promise<ReplayReport> =>
  Effect.runPromise(Effect.scoped(replayMailbox({
    link: machine.admin,
    databaseUrl: machine.databaseUrl,
    mailbox: "fraud",
    actors: new Map([["fraud", notebook({ delays: [300, 300, 300] }).actor]]),
    stream: "FRAUD",
    tables: TABLES,
    addressingOf: (partition) => ({
      mailbox: "fraud",
      partition,
      source: sourceOf("fraud", partition),
      streamOf: (family) => family.toUpperCase(),
      partitions: PARTITIONS,
      routesOf: () => [],
      messageBytesMax: MESSAGE_BYTES_MAX
    }),
    bundleMaxOf: () => 200,
    partition: undefined,
    checkpoint
  })))

test("G15: parks, wakes, quarantines and refused data replay as they were", async () => {
  await misfortunes()
  const report = await replayed()
  expect(report.differences).toEqual([])
  expect(report.messages).toBeGreaterThanOrEqual(15)
  const stored = await machine.rows("select notes from turns where notes is not null")
  expect(stored.length).toBeGreaterThan(3)
}, 90_000)

test(
  "G15: a checkpoint taken while keys are set aside is replayed from, letters waiting included",
  async () => {
    book.faults.set("late", "NotNow")
    await notes({ key: "late", text: "first" }, { key: "poison", text: "x", defect: true })
    await notes({ key: "late", text: "second" }, { key: "poison", text: "waits" })
    await until("select count(*) from parked_messages", 4)
    const db = connect(machine.databaseUrl, 1)
    const tables = [...TABLES.states, "parked_keys", "parked_messages", "actor_configs"]
    const checkpoint = await takeCheckpoint(db, [...tables, "cursors", "dead_letters"], new Date())
    await db.destroy()
    book.faults.delete("late")
    await notes({ key: "late", text: "third" }, { key: "poison", text: "waits, too" })
    await until("select count(*) from parked_keys where not quarantined", 0)
    await until("select count(*) from parked_messages", 3)
    const report = await replayed(checkpoint)
    expect(report).toMatchObject({ from: checkpoint, differences: [] })
    expect(report.messages).toBeGreaterThanOrEqual(2)
    expect((await replayed()).differences).toEqual([])
  },
  90_000
)

test("without what the turn rows tell of failures, the same mailbox ends elsewhere", async () => {
  await misfortunes()
  await machine.rows("update turns set notes = null")
  const { differences } = await replayed()
  expect(differences.join()).toMatch(/fraud-5: turn \d+–\d+ decides otherwise|refused/)
}, 90_000)

test("a waiting letter that was changed is found", async () => {
  await misfortunes()
  await machine.rows("update parked_messages set body = 'changed' where actor_key = 'poison'")
  await machine.rows("update parked_keys set attempts = 7 where actor_key = 'broken'")
  const { differences } = await replayed()
  expect(differences).toContainEqual(expect.stringMatching(/^parked_keys .*broken.*attempts/))
  expect(differences).toContainEqual(expect.stringMatching(/^parked_messages .*poison.*body/))
}, 90_000)
