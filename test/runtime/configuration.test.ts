import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append } from "../../src/bus/append.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, type Notebook, notebook, pageOf } from "../support/notebook.ts"

let machine: Machine
let book: Notebook
let worker: { stop: () => Promise<void> }
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook()
  worker = machine.work([book.actor])
})
afterAll(() => machine.stop())

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

const control = (partition: number, version: number, config: unknown) => ({
  subject: `fraud.${partition}.control`,
  headers: [] as ReadonlyArray<readonly [string, string]>,
  payload: JSON.stringify({ version, config })
})

/** One atomic batch with one message for each partition. */
const configure = (version: number, config: unknown) =>
  Effect.runPromise(append(
    machine.admin.nc,
    partitions.map((partition) => control(partition, version, config))
  ))

/** The label under which a note is taken now. */
const labelOf = async (partition: number, key: string) => {
  const merchant = merchantIn(partition)
  await machine.send("fraud", "note", merchant, { key, text: "x" })
  const page = await eventually(() => pageOf(machine.databaseUrl, merchant, key))
  return page.label
}

const labels = (key: string) => Promise.all(partitions.map((each) => labelOf(each, key)))
const everywhere = (label: string) => partitions.map(() => label)

test("a change of configuration reaches every partition in its place of the order", async () => {
  expect(await labels("before")).toEqual(everywhere("first"))
  await configure(1, { label: "second" })
  expect(await labels("after")).toEqual(everywhere("second"))
})

test("what came before a change is decided under the former configuration, in the same turn", async () => {
  const merchant = merchantIn(2)
  const notes = ["old", "new"].map((key) => ({
    subject: `lastro.fraud.note.${merchant}`,
    headers: [],
    payload: JSON.stringify({ key, text: "x" })
  }))
  await Effect.runPromise(
    append(machine.admin.nc, [notes[0]!, control(2, 2, { label: "third" }), notes[1]!])
  )
  expect((await eventually(() => pageOf(machine.databaseUrl, merchant, "new"))).label).toBe("third")
  expect((await pageOf(machine.databaseUrl, merchant, "old"))!.label).toBe("second")
})

test("a version that is not above the known one changes nothing", async () => {
  await configure(5, { label: "fifth" })
  await configure(5, { label: "fifth again" })
  await configure(4, { label: "fourth" })
  expect(await labels("latest")).toEqual(everywhere("fifth"))
})

test("a configuration that does not decode is a dead letter, and the known one stays", async () => {
  await machine.append("fraud.3.control", {}, { version: 9, config: { label: 7 } })
  await machine.append("fraud.3.control", {}, { config: { label: "no version" } })
  await machine.append("fraud.3.control", {}, "null")
  expect(await labelOf(3, "unmoved")).toBe("fifth")
  const dead = await machine.rows(
    "select reason, cause from dead_letters where subject = 'fraud.3.control' order by seq"
  )
  expect(dead).toEqual([
    { reason: "malformed", cause: expect.stringMatching(/^not a configuration: .*\["label"\]/s) },
    { reason: "malformed", cause: "a change without a version" },
    { reason: "malformed", cause: "a change without a version" }
  ])
})

test("the next owner decides under the configuration the former one had", async () => {
  await worker.stop()
  worker = machine.work([book.actor])
  expect(await labels("restarted")).toEqual(everywhere("fifth"))
  await configure(5, { label: "old news" })
  expect(await labels("still")).toEqual(everywhere("fifth"))
})
