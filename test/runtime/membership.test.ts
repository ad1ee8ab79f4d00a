import { afterAll, beforeAll, expect, test } from "vitest"
import { announcementOf, takes } from "../../src/runtime/membership.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook } from "../support/notebook.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine("membership")
  await makeNotebookTables(machine.databaseUrl)
})
afterAll(() => machine.stop())

test("a worker takes the partitions of its families, but for those it stands back from", () => {
  const said = announcementOf({
    families: new Set(["payments", "fraud"]),
    standsBackFrom: new Set(["payments.3"])
  })
  const taken = (family: string, partition: number) => takes(said, family, `${family}.${partition}`)
  expect([taken("payments", 2), taken("payments", 3), taken("fraud", 3)])
    .toEqual([true, false, true])
  expect(taken("messaging", 3)).toBe(false)
  expect(takes("", "payments", "payments.2")).toBe(false)
})

/** How many partitions of a family each worker owns. */
const ownersOf = async (family: string) => {
  const rows = await machine.rows(
    "select owner, count(*)::int as slots from cursors where family = $1 group by owner order by owner",
    [family]
  )
  return rows.map(({ owner, slots }) => `${owner} ${slots}`)
}

const become = (family: string, ...owners: Array<string>) =>
  eventually(async () => {
    const found = await ownersOf(family)
    if (found.join() !== owners.join()) throw new Error(found.join())
    return true
  }, 30_000)

test("workers of different families own all partitions of theirs, and nobody waits for the other", async () => {
  const one = machine.work([notebook({ family: "fraud" }).actor], { name: "one" })
  const two = machine.work([notebook({ family: "messaging" }).actor], { name: "two" })
  await become("fraud", `one ${PARTITIONS}`)
  await become("messaging", `two ${PARTITIONS}`)
  // A third that runs both takes its share of each, and leaves the rest where it is.
  const three = machine.work(
    [notebook({ family: "fraud" }).actor, notebook({ family: "messaging" }).actor],
    { name: "three" }
  )
  await eventually(async () => {
    const found = [...await ownersOf("fraud"), ...await ownersOf("messaging")]
    return found.length === 4 ? true : undefined
  }, 30_000)
  await one.stop()
  await two.stop()
  await become("fraud", `three ${PARTITIONS}`)
  await become("messaging", `three ${PARTITIONS}`)
  await three.stop()
})
