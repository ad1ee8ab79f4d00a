import { afterAll, beforeAll, expect, test } from "vitest"
import { type Order, orderMessage } from "../../src/runtime/order.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, startMachine } from "../support/machine.ts"
import {
  makeNotebookTables,
  type Notebook,
  notebook,
  pageOf,
  RETRY_MILLIS
} from "../support/notebook.ts"

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

const note = (merchant: string, body: Record<string, unknown>) =>
  machine.send("fraud", "note", merchant, body)

let actions = 0
type Asked =
  | { order: "pause"; merchant: string; key: string; why: string }
  | { order: "resume"; merchant: string; key: string }
  | { order: "replay" | "discard"; dead_letter: string }

/** Gives an order as the edge does, and answers the name of the action it belongs to. */
const give = async (partition: number, asked: Asked) => {
  const action = `act_${++actions}`
  await machine.rows(
    `insert into operator_actions (id, who, action, family, why)
      values ($1, 'tester', $2, 'fraud', 'a test')`,
    [action, asked.order]
  )
  const { headers, payload, subject } = orderMessage(
    { family: "fraud", partition },
    { ...asked, action } as Order
  )
  await machine.append(subject, Object.fromEntries(headers), payload)
  return action
}

const outcomeOf = (action: string) =>
  eventually(async () =>
    (await machine.rows("select outcome from operator_actions where id = $1", [action]))[0]
      .outcome as string ?? undefined
  )

const obeyed = async (partition: number, asked: Asked) =>
  await outcomeOf(await give(partition, asked))

const textsOf = async (merchant: string, key: string) =>
  (await pageOf(machine.databaseUrl, merchant, key))?.texts ?? []

const texts = (merchant: string, key: string, wanted: ReadonlyArray<string>) =>
  eventually(async () => {
    const found = await textsOf(merchant, key)
    return found.length >= wanted.length ? found : undefined
  }).then((found) => expect(found).toEqual(wanted))

/** Everything sent before is decided, or set aside. */
const settled = async (merchant: string, key: string) => {
  await note(merchant, { key, text: "settled" })
  await texts(merchant, key, ["settled"])
}

const deadLetters = (merchant: string) =>
  machine.rows(
    `select id, actor_key, reason, status, outcome, cause from dead_letters
      where merchant = $1 order by seq`,
    [merchant]
  )

const deadLetter = (merchant: string) =>
  eventually(async () => {
    const found = await deadLetters(merchant)
    return found.length > 0 ? found.at(-1) : undefined
  })

const waiting = (merchant: string) =>
  machine.rows(
    "select actor_key, quarantined, paused, reason from parked_keys where merchant = $1",
    [merchant]
  )

const restart = async () => {
  await worker.stop()
  worker = machine.work([book.actor])
}

test("a paused key waits with its letters in order, and the others go on", async () => {
  const merchant = merchantIn(0)
  await note(merchant, { key: "a", text: "before" })
  await texts(merchant, "a", ["before"])
  const pause = { order: "pause" as const, merchant, key: "a", why: "looks odd" }
  expect(await obeyed(0, pause)).toBe("paused")
  expect(await obeyed(0, pause)).toBe("it was paused already")
  for (const text of ["one", "two"]) await note(merchant, { key: "a", text })
  await note(merchant, { key: "b", text: "touches it", and: ["a"] })
  await settled(merchant, "free")
  expect(await textsOf(merchant, "a")).toEqual(["before"])
  expect(await waiting(merchant)).toEqual(
    expect.arrayContaining([
      { actor_key: "a", quarantined: false, paused: true, reason: "looks odd" }
    ])
  )
  // It outlives its owner.
  await restart()
  await note(merchant, { key: "a", text: "three" })
  await settled(merchant, "free too")
  expect(await textsOf(merchant, "a")).toEqual(["before"])
  expect(await obeyed(0, { order: "resume", merchant, key: "a" })).toBe("its key goes on")
  // A letter of several keys waits with its first.
  await texts(merchant, "a", ["before", "one", "two", "three", "touches it"])
  await texts(merchant, "b", ["touches it"])
  await eventually(async () => (await waiting(merchant)).length === 0 || undefined)
})

test("a key that waits for its next try is paused with its letters, and no timer wakes it", async () => {
  const merchant = merchantIn(1)
  book.faults.set("late", "NotNow")
  for (const text of ["a", "b"]) await note(merchant, { key: "late", text })
  await eventually(async () => (await waiting(merchant)).length > 0 || undefined)
  await obeyed(1, { order: "pause", merchant, key: "late", why: "wait" })
  book.faults.delete("late")
  // Two retries' time: a timer for it fires and is ignored.
  await new Promise((resolve) => setTimeout(resolve, 2.4 * RETRY_MILLIS))
  await settled(merchant, "free")
  expect(await textsOf(merchant, "late")).toEqual([])
  await obeyed(1, { order: "resume", merchant, key: "late" })
  await texts(merchant, "late", ["a", "b"])
})

test("resuming a key that waits for its next try is the next try", async () => {
  const merchant = merchantIn(1, 1)
  const patient = 60 * 60 * 1_000
  await worker.stop()
  const slow = notebook({ delays: [patient] })
  slow.faults.set("slow", "NotNow")
  const other = machine.work([slow.actor])
  await note(merchant, { key: "slow", text: "a" })
  await eventually(async () => (await waiting(merchant)).length > 0 || undefined)
  slow.faults.delete("slow")
  expect(await obeyed(1, { order: "resume", merchant, key: "slow" }))
    .toBe("its key goes on")
  await texts(merchant, "slow", ["a"])
  expect(await obeyed(1, { order: "resume", merchant, key: "slow" }))
    .toBe("it was not set aside")
  await other.stop()
  worker = machine.work([book.actor])
})

test("a quarantined key is let go, in order, and its dead letter is done with", async () => {
  const merchant = merchantIn(2)
  book.faults.set("stopped", "Broken")
  for (const text of ["a", "b"]) await note(merchant, { key: "stopped", text })
  const { id } = await deadLetter(merchant)
  // Not healed yet: it is quarantined again, under the same name.
  expect(await obeyed(2, { order: "resume", merchant, key: "stopped" }))
    .toBe("its key is quarantined again")
  expect(await deadLetters(merchant)).toMatchObject([{ id, status: "open" }])
  book.faults.delete("stopped")
  expect(await obeyed(2, { order: "resume", merchant, key: "stopped" }))
    .toBe("its key goes on")
  await texts(merchant, "stopped", ["a", "b"])
  expect(await deadLetters(merchant)).toMatchObject([
    { id, status: "replayed", outcome: "decided" }
  ])
  expect(await waiting(merchant)).toEqual([])
})

test("G12: replaying a dead letter twice takes effect once", async () => {
  const merchant = merchantIn(3)
  book.faults.set("gone", "Gone")
  await note(merchant, { key: "gone", text: "dead", amount: 1, emit: 1, event: true })
  const { id } = await deadLetter(merchant)
  book.faults.delete("gone")
  await note(merchant, { key: "gone", text: "newer" })
  await texts(merchant, "gone", ["newer"])
  const replay = { order: "replay" as const, dead_letter: id }
  // Both stand in the mailbox before either is decided, and the owner dies in between.
  await worker.stop()
  const twice = [await give(3, replay), await give(3, replay)]
  let turns = 0
  const dying = machine.work([book.actor], {
    crash: (point) => {
      if (point === "before-commit" && ++turns === 1) throw new Error("died")
      if (point === "before-append" && turns === 2) throw new Error("died again")
    }
  })
  expect(await Promise.all(twice.map(outcomeOf))).toEqual(["decided", "it was replayed already"])
  await dying.stop()
  worker = machine.work([book.actor])
  expect(await obeyed(3, replay)).toBe("it was replayed already")
  await settled(merchant, "free")
  // Behind what came for its key meanwhile.
  expect(await textsOf(merchant, "gone")).toEqual(["newer", "dead"])
  expect(await machine.rows("select text from lines where merchant = $1", [merchant]))
    .toEqual([{ text: "dead" }])
  const emitted = await machine.stored("PAYMENTS", "payments.3.fraud-03")
  expect(emitted.map(({ text }) => JSON.parse(text).text)).toEqual(["dead 0"])
  const events = await machine.stored("EVENTS", "events.fraud-03.note.taken")
  expect(events).toHaveLength(1)
  expect(await deadLetters(merchant)).toMatchObject([
    { id, status: "replayed", outcome: "decided" }
  ])
})

test("G12: a replay that fails again is a dead letter of its own, which is replayed in turn", async () => {
  const merchant = merchantIn(3, 1)
  book.faults.set("gone", "Gone")
  await note(merchant, { key: "gone", text: "a" })
  const first = await deadLetter(merchant)
  expect(await obeyed(3, { order: "replay", dead_letter: first.id })).toBe("failed")
  const [old, second] = await deadLetters(merchant)
  expect(old).toMatchObject({ id: first.id, status: "replayed", outcome: "failed" })
  expect(second).toMatchObject({ status: "open", reason: "failed" })
  expect(second!.id).not.toBe(first.id)
  book.faults.delete("gone")
  expect(await obeyed(3, { order: "replay", dead_letter: second!.id })).toBe("decided")
  await texts(merchant, "gone", ["a"])
})

test("replaying what stopped its key decides it at the head of its queue", async () => {
  const merchant = merchantIn(4)
  book.faults.set("head", "Broken")
  for (const text of ["a", "b", "c"]) await note(merchant, { key: "head", text })
  const { id } = await deadLetter(merchant)
  book.faults.delete("head")
  expect(await obeyed(4, { order: "replay", dead_letter: id })).toBe("its key goes on")
  await texts(merchant, "head", ["a", "b", "c"])
  expect(await obeyed(4, { order: "replay", dead_letter: id }))
    .toBe("it was replayed already")
  await settled(merchant, "free")
  expect(await textsOf(merchant, "head")).toEqual(["a", "b", "c"])
})

test("discarding what stopped its key drops it alone, and the rest goes on in order", async () => {
  const merchant = merchantIn(5)
  await note(merchant, { key: "bad", text: "poison", defect: true })
  for (const text of ["b", "c"]) await note(merchant, { key: "bad", text })
  const { id } = await deadLetter(merchant)
  expect(await obeyed(5, { order: "discard", dead_letter: id })).toBe("its key goes on")
  await texts(merchant, "bad", ["b", "c"])
  expect(await deadLetters(merchant)).toMatchObject([{ status: "discarded", outcome: "discarded" }])
  expect(await obeyed(5, { order: "discard", dead_letter: id }))
    .toBe("it was discarded already")
  expect(await obeyed(5, { order: "replay", dead_letter: id }))
    .toBe("it was discarded already")
  expect(await waiting(merchant)).toEqual([])
})

test("a dead letter that stopped nobody is discarded, or is malformed again", async () => {
  const merchant = merchantIn(6)
  await machine.send("fraud", "note", merchant, "{")
  const first = await deadLetter(merchant)
  expect(await obeyed(6, { order: "replay", dead_letter: first.id })).toBe("malformed")
  const [, second] = await deadLetters(merchant)
  expect(await obeyed(6, { order: "discard", dead_letter: second!.id })).toBe("discarded")
  expect((await deadLetters(merchant)).map(({ status }) => status)).toEqual([
    "replayed",
    "discarded"
  ])
})

test("an order names a dead letter of its own partition, and nothing else", async () => {
  const merchant = merchantIn(6, 1)
  book.faults.set("far", "Gone")
  await note(merchant, { key: "far", text: "a" })
  const { id } = await deadLetter(merchant)
  book.faults.delete("far")
  expect(await obeyed(7, { order: "replay", dead_letter: id }))
    .toBe("there is no such dead letter")
  expect(await textsOf(merchant, "far")).toEqual([])
  await machine.append("fraud.7.operate", { "Lastro-Type": "lastro.order" }, { order: "obey" })
  const dead = await eventually(async () =>
    (await machine.rows("select * from dead_letters where subject = 'fraud.7.operate'"))[0]
  )
  expect(dead).toMatchObject({ reason: "malformed", cause: "not an operator's order" })
  expect(await obeyed(7, { order: "replay", dead_letter: dead.id })).toBe("malformed")
})

test("the letters of a paused key are replayed and discarded only after it is resumed", async () => {
  const merchant = merchantIn(7)
  book.faults.set("both", "Broken")
  await note(merchant, { key: "both", text: "a" })
  const { id } = await deadLetter(merchant)
  await obeyed(7, { order: "pause", merchant, key: "both", why: "later" })
  book.faults.delete("both")
  for (const order of ["replay", "discard"] as const) {
    expect(await obeyed(7, { order, dead_letter: id }))
      .toBe("its key is paused: resume that first")
  }
  expect(await textsOf(merchant, "both")).toEqual([])
  await obeyed(7, { order: "resume", merchant, key: "both" })
  await texts(merchant, "both", ["a"])
})
