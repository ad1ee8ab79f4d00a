import { afterAll, beforeAll, expect, test } from "vitest"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook, pageOf } from "../support/notebook.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  machine.work([notebook().actor])
})
afterAll(() => machine.stop())

const transform = {
  src: "lastro.fraud.*.*",
  dest: `fraud.{{partition(${PARTITIONS},2)}}.ingress.{{wildcard(1)}}.{{wildcard(2)}}`
}
const update = async (settings: Record<string, unknown>) => {
  const { config } = await machine.api("STREAM.INFO.FRAUD")
  await machine.api("STREAM.UPDATE.FRAUD", { ...config, ...settings })
}
const textsOf = async (merchant: string) =>
  (await pageOf(machine.databaseUrl, merchant, "page"))?.texts ?? []

test("G1: whether a stream transforms, every command has its turn once and in order", async () => {
  // A server of a cluster was seen to stop applying the transform that its stream had.
  const merchants = Array.from({ length: PARTITIONS }, (_, partition) => merchantIn(partition))
  const subjects = ["lastro.fraud.*.*", "fraud.>"]
  const texts: Array<string> = []
  for (const subject_transform of [transform, undefined, transform, undefined]) {
    await update({ subjects, subject_transform })
    for (const text of ["a", "b", "c"].map((one) => `${one}${texts.length}`)) {
      texts.push(text)
      for (const merchant of merchants) {
        await machine.send("fraud", "note", merchant, { key: "page", text })
      }
    }
  }
  await eventually(async () => {
    const pages = await Promise.all(merchants.map(textsOf))
    return pages.every((found) => found.at(-1) === texts.at(-1)) || undefined
  })
  for (const merchant of merchants) expect(await textsOf(merchant)).toEqual(texts)
  expect(await machine.stored("FRAUD", "lastro.>")).toEqual([])
})

test("G3: a command that stands in another partition than its merchant's is refused", async () => {
  const merchant = merchantIn(2)
  const body = { key: "page", text: "before" }
  await machine.append(`fraud.5.ingress.note.${merchant}`, {}, { ...body, text: "past its order" })
  await machine.send("fraud", "note", merchant, { ...body, text: "in its order" })
  const dead = () =>
    machine.rows("select partition, reason, cause from dead_letters where merchant = $1", [
      merchant
    ])
  await eventually(async () =>
    (await textsOf(merchant)).at(-1) === "in its order" && (await dead()).length > 0 || undefined
  )
  expect(await textsOf(merchant)).not.toContain("past its order")
  expect(await dead()).toEqual([{
    partition: 5,
    reason: "malformed",
    cause: "the subject names another partition than its merchant's"
  }])
})
