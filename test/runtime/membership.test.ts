import { afterAll, beforeAll, expect, test } from "vitest"
import { ableMembers, announcementOf } from "../../src/runtime/membership.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook } from "../support/notebook.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
})
afterAll(() => machine.stop())

const say = (families: Readonly<Record<string, number>>, ...standsBackFrom: Array<string>) =>
  announcementOf({
    partitions: PARTITIONS,
    families: new Map(Object.entries(families)),
    standsBackFrom: new Set(standsBackFrom)
  })

const able = (said: Readonly<Record<string, string>>, family: string, partition: number) =>
  ableMembers(
    Object.keys(said),
    (member) => said[member]!,
    [family],
    `${family}.${partition}`,
    PARTITIONS
  )

test("a partition goes to those who run its family", () => {
  const said = {
    one: say({ payments: 1, fraud: 1 }),
    two: say({ fraud: 2 }),
    silent: ""
  }
  expect(able(said, "payments", 3)).toEqual(["one"])
  expect(able(said, "fraud", 3)).toEqual(["one", "two"])
  expect(able(said, "messaging", 3)).toEqual([])
})

test("where one is too old for a message, only those that are newer take its partition", () => {
  const said = {
    old: say({ payments: 1, fraud: 1 }, "payments.3"),
    alike: say({ payments: 1, fraud: 1 }),
    newer: say({ payments: 2, fraud: 1 })
  }
  expect(able(said, "payments", 3)).toEqual(["newer"])
  expect(able(said, "payments", 2)).toEqual(["old", "alike", "newer"])
  expect(able(said, "fraud", 3)).toEqual(["old", "alike", "newer"])
  // Nobody newer is there: better nobody than somebody who cannot read it.
  expect(able({ ...said, newer: say({ payments: 1 }) }, "payments", 3)).toEqual([])
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
