import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { escalationsOf, familyControl, setFamily } from "../../src/bus/control.ts"
import { ESCALATIONS_MAX } from "../../src/runtime/breaker.ts"
import { IDLE_MILLIS } from "../../src/runtime/partition.ts"
import { JOIN_SETTLES_MILLIS } from "../../src/runtime/placement.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, type Notebook, notebook, pageOf } from "../support/notebook.ts"

let machine: Machine
let book: Notebook
let other: Notebook
let workers: Array<{ stop: () => Promise<void> }> = []
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook()
  other = notebook({ family: "messaging" })
})
afterAll(() => machine.stop())
afterEach(async () => {
  await set("running")
  for (const each of workers) await each.stop()
  workers = []
})

const work = (name: string) => {
  const worker = machine.work([book.actor, other.actor], { name })
  workers.push(worker)
  return worker
}

const set = (state: "running" | "paused") =>
  Effect.runPromise(
    setFamily(machine.admin.nc, "fraud", { state, by: "tester", why: "a test", at: now() })
  )
const now = () => new Date().toISOString()
const control = () => Effect.runPromise(familyControl(machine.admin.nc, "fraud"))

const note = (merchant: string, body: Record<string, unknown>, family = "fraud") =>
  machine.send(family, "note", merchant, body)

const texts = (merchant: string, key: string, wanted: ReadonlyArray<string>) =>
  eventually(async () => {
    const page = await pageOf(machine.databaseUrl, merchant, key)
    return page !== undefined && page.texts.length >= wanted.length ? page.texts : undefined
  }).then((found) => expect(found).toEqual(wanted))

const owners = async () =>
  (await machine.rows(
    `select partition, owner, epoch_revision::int as epoch from cursors where family = 'fraud'
      order by partition`
  )) as Array<{ partition: number; owner: string; epoch: number }>

/** Longer than a worker waits before it counts one that joined. */
const SETTLED_MILLIS = 1.5 * JOIN_SETTLES_MILLIS

/** Both have their share and nothing moves any more: the tables still name owners of the test before. */
const bothOwn = () =>
  eventually(async () => {
    const before = await owners()
    const names = new Set(before.map(({ owner }) => owner))
    if (!names.has("one") || !names.has("two")) return undefined
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MILLIS))
    return isDeepStrictEqual(await owners(), before) ? true : undefined
  }, 30_000)

/** Another family is through with it, so this one had its chance. */
const passes = async (merchant: string, key: string) => {
  await note(merchant, { key, text: "elsewhere" }, "messaging")
  await texts(merchant, key, ["elsewhere"])
}

test("a paused family takes nothing, keeps its partitions, and goes on in order", async () => {
  work("one")
  work("two")
  await bothOwn()
  const merchants = Array.from({ length: 8 }, (_, partition) => merchantIn(partition))
  for (const merchant of merchants) await note(merchant, { key: "a", text: "before" })
  for (const merchant of merchants) await texts(merchant, "a", ["before"])
  const before = await owners()
  expect(await set("paused")).toBe(true)
  expect(await set("paused")).toBe(false)
  // What a partition was about to take when the word came is still decided.
  await new Promise((resolve) => setTimeout(resolve, 4 * IDLE_MILLIS))
  for (const text of ["held", "back"]) {
    for (const merchant of merchants) await note(merchant, { key: "a", text })
  }
  for (const merchant of merchants) await passes(merchant, `m-${merchant}`)
  for (const merchant of merchants) {
    expect((await pageOf(machine.databaseUrl, merchant, "a"))!.texts).toEqual(["before"])
  }
  expect(await owners()).toEqual(before)
  await set("running")
  for (const merchant of merchants) await texts(merchant, "a", ["before", "held", "back"])
  expect(await owners()).toEqual(before)
}, 60_000)

test("a pause outlives the workers", async () => {
  const merchant = merchantIn(1)
  await set("paused")
  const { generation } = (await control())!
  work("one")
  await eventually(
    async () => (await owners()).every(({ owner }) => owner === "one") || undefined,
    30_000
  )
  await note(merchant, { key: "b", text: "held" })
  await passes(merchant, "outlives")
  expect(await pageOf(machine.databaseUrl, merchant, "b")).toBeUndefined()
  await set("running")
  await texts(merchant, "b", ["held"])
  expect(await control()).toMatchObject({ state: "running", generation: generation + 1 })
}, 60_000)

test(
  "a family that escalates too often pauses for every worker until a person resumes it",
  async () => {
    work("one")
    work("two")
    await bothOwn()
    const held = await owners()
    const bad = merchantIn(held.find(({ owner }) => owner === "one")!.partition)
    const good = merchantIn(held.find(({ owner }) => owner === "two")!.partition)
    book.faults.set("cursed", "Lost")
    await note(bad, { key: "cursed", text: "a" })
    await eventually(async () => (await control())?.state === "paused" || undefined, 30_000)
    const escalations = await Effect.runPromise(escalationsOf(machine.admin.nc, "fraud"))
    expect(escalations.length).toBe(ESCALATIONS_MAX + 1)
    expect(escalations[0]).toMatchObject({ worker: "one", detail: expect.stringContaining("Lost") })
    // The other worker, whose partitions are well, holds them too; other families go on.
    await new Promise((resolve) => setTimeout(resolve, 4 * IDLE_MILLIS))
    await note(good, { key: "well", text: "a" })
    await passes(good, "tripped")
    expect(await pageOf(machine.databaseUrl, good, "well")).toBeUndefined()
    const audit = await machine.rows("select * from operator_actions where action = 'trip'")
    expect(audit).toMatchObject([{ who: "one", family: "fraud", outcome: "paused" }])
    book.faults.delete("cursed")
    await set("running")
    await texts(bad, "cursed", ["a"])
    await texts(good, "well", ["a"])
  },
  60_000
)

test("after a person resumed it a family has its whole budget again", async () => {
  const merchant = merchantIn(2)
  work("one")
  book.faults.set("again", "Lost")
  await note(merchant, { key: "again", text: "a" })
  await eventually(async () => (await control())?.state === "paused" || undefined, 30_000)
  const { generation } = (await control())!
  await set("running")
  // One more of those that were counted before would pause it again.
  const recent = await eventually(async () => {
    const found = await Effect.runPromise(escalationsOf(machine.admin.nc, "fraud"))
    return found.some((one) => one.generation === generation + 1) ? found : undefined
  }, 30_000)
  expect(recent.length).toBeGreaterThan(ESCALATIONS_MAX)
  expect(await control()).toMatchObject({ state: "running", generation: generation + 1 })
  book.faults.delete("again")
  await texts(merchant, "again", ["a"])
}, 60_000)

/** Loading the key fails so often, and then no more. */
const failsFor = (key: string, times: number) => {
  let left = times
  const others = book.faults.get.bind(book.faults)
  book.faults.get = (asked) => asked !== key ? others(asked) : left-- > 0 ? "Confused" : undefined
}

test("restarts count within a window, and escalate when they are used up", async () => {
  const merchant = merchantIn(3)
  work("one")
  await note(merchant, { key: "calm", text: "a" })
  await texts(merchant, "calm", ["a"])
  const epoch = async () => (await owners()).find(({ partition }) => partition === 3)!.epoch
  const before = await epoch()
  failsFor("three times", 3)
  await note(merchant, { key: "three times", text: "b" })
  await texts(merchant, "three times", ["b"])
  failsFor("twice", 2)
  await note(merchant, { key: "twice", text: "c" })
  await texts(merchant, "twice", ["c"])
  expect(await epoch()).toBe(before)
  failsFor("once", 1)
  await note(merchant, { key: "once", text: "d" })
  await texts(merchant, "once", ["d"])
  expect(await epoch()).toBeGreaterThan(before)
}, 60_000)
