import { afterAll, beforeAll, expect, test } from "vitest"
import { derivedId } from "../../src/domain/identifiers.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, startMachine } from "../support/machine.ts"
import {
  makeNotebookTables,
  type Notebook,
  notebook,
  type Page,
  pageOf
} from "../support/notebook.ts"

const HOUR = 3_600_000

let machine: Machine
let book: Notebook
let worker: { stop: () => Promise<void> }
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook({ delays: [HOUR] })
  worker = machine.work([book.actor])
})
afterAll(() => machine.stop())

const note = (merchant: string, body: Record<string, unknown>) =>
  machine.send("fraud", "note", merchant, body)

const page = (merchant: string, key: string, has: (page: Page) => boolean) =>
  eventually(async () => {
    const found = await pageOf(machine.databaseUrl, merchant, key)
    return found !== undefined && has(found) ? found : undefined
  })

const wake = (
  partition: number,
  merchant: string,
  body: { key: string; timer: string; due: number }
) =>
  machine.append(`fraud.${partition}.timers`, {
    "Lastro-Type": "rang",
    "Lastro-Merchant": merchant,
    "Lastro-Due": String(body.due)
  }, body)

test("a timer fires once it is due, and its decision knows at least that time", async () => {
  const merchant = merchantIn(0)
  await note(merchant, { key: "a", text: "set", ringIn: 300 })
  const { at, texts } = await page(merchant, "a", ({ texts }) => texts.length === 2)
  expect(texts).toEqual(["set", `rang ${merchant}-a`])
  expect(at[1]! - at[0]!).toBeGreaterThanOrEqual(300)
  expect(await machine.rows("select 1 from waits where merchant = $1", [merchant])).toEqual([])
})

test("setting a timer again moves the one schedule", async () => {
  const merchant = merchantIn(1)
  await note(merchant, { key: "a", text: "first", ringIn: HOUR })
  await page(merchant, "a", ({ texts }) => texts.length === 1)
  const subject = `timers.at.fraud.1.${merchant}-a`
  await eventually(async () =>
    (await machine.stored("TIMERS", subject)).length === 1 ? true : undefined
  )
  await note(merchant, { key: "a", text: "second", ringIn: 2 * HOUR })
  const schedule = await eventually(async () => {
    const found = await machine.stored("TIMERS", subject)
    const { awaits } = (await pageOf(machine.databaseUrl, merchant, "a"))!
    return found.length === 1 && JSON.parse(found[0]!.text).due === awaits!.due &&
        awaits!.due > Date.now() + HOUR
      ? found[0]!
      : undefined
  })
  expect(schedule.header("Nats-Schedule-Target")).toBe("timers.due.fraud.1")
})

test("a wake that the state does not await changes nothing", async () => {
  const merchant = merchantIn(2)
  await note(merchant, { key: "a", text: "set", ringIn: HOUR })
  const { awaits } = await page(merchant, "a", ({ texts }) => texts.length === 1)
  await wake(2, merchant, { key: "a", timer: awaits!.timer, due: awaits!.due - 1 })
  await wake(2, merchant, { key: "a", timer: "another", due: awaits!.due })
  await wake(2, merchant, { key: "never heard of", timer: "another", due: 1 })
  await note(merchant, { key: "b", text: "after" })
  await page(merchant, "b", ({ texts }) => texts.length === 1)
  expect((await pageOf(machine.databaseUrl, merchant, "a"))!.texts).toEqual(["set"])
  // The awaited one does, and its repeat does not.
  for (let time = 0; time < 2; time++) await wake(2, merchant, { key: "a", ...awaits! })
  await note(merchant, { key: "c", text: "after" })
  await page(merchant, "c", ({ texts }) => texts.length === 1)
  const { texts } = (await pageOf(machine.databaseUrl, merchant, "a"))!
  expect(texts).toEqual(["set", `rang ${awaits!.timer}`])
})

test("the decision clock of a partition never goes back", async () => {
  const merchant = merchantIn(3)
  await note(merchant, { key: "a", text: "before" })
  const ahead = Date.now() + HOUR
  await wake(3, merchant, { key: "a", timer: "none", due: ahead })
  await note(merchant, { key: "a", text: "after" })
  const { at } = await page(merchant, "a", ({ texts }) => texts.length === 2)
  expect(at[0]).toBeLessThan(ahead)
  expect(at[1]).toBe(ahead)
  await worker.stop()
  worker = machine.work([book.actor])
  await note(merchant, { key: "a", text: "under the next owner" })
  expect((await page(merchant, "a", ({ texts }) => texts.length === 3)).at[2]).toBe(ahead)
})

test("a producer cannot move the decision clock", async () => {
  const merchant = merchantIn(3, 1)
  const before = await machine.rows(
    "select clock_millis from cursors where family = 'fraud' and partition = 4"
  )
  const other = merchantIn(4)
  await machine.send("fraud", "note", other, { key: "a", text: "x" }, {
    headers: { "Lastro-Due": String(Date.now() + 9 * HOUR), "Lastro-Merchant": merchant }
  })
  const { at } = await page(other, "a", ({ texts }) => texts.length === 1)
  expect(at[0]).toBeLessThan(Date.now() + HOUR)
  expect(await pageOf(machine.databaseUrl, merchant, "a")).toBeUndefined()
  expect(before).toHaveLength(1)
})

test("a timer that was due while nobody worked is forwarded by the next worker", async () => {
  const merchant = merchantIn(5)
  await note(merchant, { key: "a", text: "set", ringIn: 700 })
  await page(merchant, "a", ({ texts }) => texts.length === 1)
  await worker.stop()
  await eventually(async () =>
    (await machine.stored("TIMERS", "timers.due.fraud.5")).length > 0 ? true : undefined
  )
  worker = machine.work([book.actor])
  const { texts } = await page(merchant, "a", ({ texts }) => texts.length === 2)
  expect(texts).toEqual(["set", `rang ${merchant}-a`])
})

test("an overdue wake is sent again from the tables after its schedule was lost", async () => {
  const merchant = merchantIn(6)
  await note(merchant, { key: "a", text: "set", ringIn: HOUR })
  await page(merchant, "a", ({ texts }) => texts.length === 1)
  await worker.stop()
  await machine.api("STREAM.PURGE.TIMERS")
  const due = Date.now() - 20_000
  await machine.rows("update waits set due = $1 where merchant = $2", [due, merchant])
  await machine.rows(
    `update notes set doc = jsonb_set(doc, '{awaits,due}', $1::text::jsonb) where merchant = $2`,
    [String(due), merchant]
  )
  worker = machine.work([book.actor])
  const { texts } = await page(merchant, "a", ({ texts }) => texts.length === 2)
  expect(texts).toEqual(["set", `rang ${merchant}-a`])
})

test("a parked key whose wake was lost is woken from the tables, in order", async () => {
  const merchant = merchantIn(7)
  book.faults.set("late", "NotNow")
  for (const text of ["a", "b"]) await note(merchant, { key: "late", text })
  const timer = derivedId("park", "fraud", merchant, "late")
  await eventually(async () =>
    (await machine.stored("TIMERS", `timers.at.fraud.7.${timer}`)).length === 1 ? true : undefined
  )
  await worker.stop()
  await machine.api("STREAM.PURGE.TIMERS")
  book.faults.delete("late")
  await machine.rows("update parked_keys set wake_at_millis = $1 where merchant = $2", [
    Date.now() - 20_000,
    merchant
  ])
  worker = machine.work([book.actor])
  await note(merchant, { key: "late", text: "c" })
  const { texts } = await page(merchant, "late", ({ texts }) => texts.length === 3)
  expect(texts).toEqual(["a", "b", "c"])
})

test("a parked letter that no longer decodes becomes a dead letter, and its key goes on", async () => {
  const merchant = merchantIn(7, 1)
  book.faults.set("old", "NotNow")
  for (const text of ["a", "b"]) await note(merchant, { key: "old", text })
  await eventually(async () =>
    (await machine.rows("select 1 from parked_messages where merchant = $1", [merchant])).length ===
        2
      ? true
      : undefined
  )
  await worker.stop()
  book.faults.delete("old")
  await machine.rows(
    `update parked_messages set body = 'from another time' where seq =
      (select min(seq) from parked_messages where merchant = $1) and merchant = $1`,
    [merchant]
  )
  await machine.rows("update parked_keys set wake_at_millis = 1 where merchant = $1", [merchant])
  worker = machine.work([book.actor])
  const { texts } = await page(merchant, "old", ({ texts }) => texts.length === 1)
  expect(texts).toEqual(["b"])
  expect(
    await machine.rows("select reason from dead_letters where merchant = $1", [merchant])
  ).toEqual([{ reason: "malformed" }])
  expect(await machine.rows("select 1 from parked_messages where merchant = $1", [merchant]))
    .toEqual([])
})
