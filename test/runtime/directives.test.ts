import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually } from "../support/lastro.ts"
import { becomes, type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, type Notebook, notebook, pageOf } from "../support/notebook.ts"

let machine: Machine
let book: Notebook
let impatient: Notebook
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook()
  impatient = notebook({ family: "messaging", delays: [100, 100] })
  machine.work([book.actor, impatient.actor])
})
afterAll(() => machine.stop())

const note = (merchant: string, body: Record<string, unknown>, replyTo?: string) =>
  machine.send("fraud", "note", merchant, body, replyTo === undefined ? {} : { replyTo })

const texts = (merchant: string, key: string, wanted: ReadonlyArray<string>) =>
  eventually(async () => {
    const page = await pageOf(machine.databaseUrl, merchant, key)
    return page !== undefined && page.texts.length >= wanted.length ? page.texts : undefined
  }).then((found) => expect(found).toEqual(wanted))

const deadLetters = (merchant: string, key: string) =>
  machine.rows("select * from dead_letters where merchant = $1 and actor_key = $2", [merchant, key])

test("Retry parks the key, keeps its order and lets the partition's other keys go on", async () => {
  const merchant = merchantIn(1)
  book.faults.set("late", "NotNow")
  for (const text of ["a", "b", "c"]) await note(merchant, { key: "late", text })
  await note(merchant, { key: "free", text: "x" })
  await texts(merchant, "free", ["x"])
  expect(await pageOf(machine.databaseUrl, merchant, "late")).toBeUndefined()
  const parked = await machine.rows(
    "select seq from parked_messages where merchant = $1 and actor_key = 'late' order by seq",
    [merchant]
  )
  expect(parked).toHaveLength(3)
  await note(merchant, { key: "late", text: "d" })
  book.faults.delete("late")
  await texts(merchant, "late", ["a", "b", "c", "d"])
  await eventually(async () => {
    const left = await machine.rows(
      `select 1 from parked_messages where merchant = $1
        union all select 1 from parked_keys where merchant = $1`,
      [merchant]
    )
    return left.length === 0 ? true : undefined
  })
  expect(await deadLetters(merchant, "late")).toEqual([])
})

test("a load that fails for one key leaves the keys loaded with it alone", async () => {
  const merchant = merchantIn(7)
  let release = () => {}
  const { begun } = book
  book.hold = new Promise((resolve) => (release = resolve))
  await note(merchant, { key: "held", text: "held" })
  // Meanwhile the others gather, and are loaded together.
  await becomes(() => book.begun > begun)
  book.faults.set("k7", "NotNow")
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`)
  await Promise.all(keys.map((key) => note(merchant, { key, text: key })))
  release()
  book.hold = Promise.resolve()
  const parked = await eventually(async () => {
    const found = await machine.rows("select actor_key from parked_keys where merchant = $1", [
      merchant
    ])
    return found.length > 0 ? found : undefined
  })
  expect(parked).toEqual([{ actor_key: "k7" }])
  book.faults.delete("k7")
  for (const key of keys) await texts(merchant, key, [key])
})

test("a key whose retries are used up is quarantined, and becomes a dead letter", async () => {
  const merchant = merchantIn(2)
  impatient.faults.set("never", "NotNow")
  await machine.send("messaging", "note", merchant, { key: "never", text: "a" })
  const [letter] = await eventually(async () => {
    const found = await deadLetters(merchant, "never")
    return found.length > 0 ? found : undefined
  })
  expect(letter).toMatchObject({ reason: "failed", family: "messaging", type: "note" })
  const [key] = await machine.rows("select * from parked_keys where merchant = $1", [merchant])
  expect(key).toMatchObject({ actor_key: "never", quarantined: true })
  // Healed, but quarantined: a person lets it go, not time.
  impatient.faults.delete("never")
  await machine.send("messaging", "note", merchant, { key: "never", text: "b" })
  await machine.send("messaging", "note", merchant, { key: "other", text: "x" })
  await texts(merchant, "other", ["x"])
  expect(await pageOf(machine.databaseUrl, merchant, "never")).toBeUndefined()
})

test("Resume makes a dead letter, answers whoever asked, and the key goes on", async () => {
  const merchant = merchantIn(3)
  book.faults.set("gone", "Gone")
  const replyTo = "_INBOX.admin.resume"
  const answers: Array<unknown> = []
  machine.admin.nc.subscribe(replyTo, {
    callback: (_error, message) => {
      answers.push(message.json())
    }
  })
  await machine.admin.nc.flush()
  await note(merchant, { key: "gone", text: "a" }, replyTo)
  await becomes(() => answers.length > 0)
  expect(answers).toEqual([{ refused: { code: "failed", detail: "Gone" } }])
  book.faults.delete("gone")
  await note(merchant, { key: "gone", text: "b" })
  await texts(merchant, "gone", ["b"])
  expect(await deadLetters(merchant, "gone")).toMatchObject([{ reason: "failed" }])
  expect(await machine.rows("select 1 from parked_keys where merchant = $1", [merchant])).toEqual(
    []
  )
})

test("Stop quarantines the key at once and nothing else", async () => {
  const merchant = merchantIn(4)
  book.faults.set("stopped", "Broken")
  await note(merchant, { key: "stopped", text: "a" })
  await note(merchant, { key: "stopped", text: "b" })
  await note(merchant, { key: "other", text: "x" })
  await texts(merchant, "other", ["x"])
  expect(await deadLetters(merchant, "stopped")).toMatchObject([{ reason: "failed" }])
  expect(
    await machine.rows("select quarantined from parked_keys where merchant = $1", [merchant])
  ).toEqual([{ quarantined: true }])
  // What came later waits behind the letter at fault.
  expect(
    await machine.rows("select 1 from parked_messages where merchant = $1", [merchant])
  ).toHaveLength(2)
})

test("Restart drops the cached states, loads again and decides once", async () => {
  const merchant = merchantIn(5)
  await note(merchant, { key: "cached", text: "a" })
  await texts(merchant, "cached", ["a"])
  book.faults.set("confused", "Confused")
  book.loads.length = 0
  await note(merchant, { key: "confused", text: "b" })
  await becomes(() => book.loads.length > 1)
  book.faults.delete("confused")
  await texts(merchant, "confused", ["b"])
  // Changed behind the cache: only a fresh load can know it.
  await machine.rows(
    `update notes set doc = jsonb_set(doc, '{texts}', '["A"]') where merchant = $1 and key = 'cached'`,
    [merchant]
  )
  await note(merchant, { key: "cached", text: "c" })
  await texts(merchant, "cached", ["A", "c"])
})

test("Escalate gives the partition up, and its next owner starts under a higher epoch", async () => {
  const merchant = merchantIn(6)
  await note(merchant, { key: "lost", text: "a" })
  await texts(merchant, "lost", ["a"])
  const epoch = async () =>
    Number(
      (await machine.rows(
        "select epoch_revision from cursors where family = 'fraud' and partition = 6"
      ))[0]
        .epoch_revision
    )
  const before = await epoch()
  book.faults.set("found", "Lost")
  await note(merchant, { key: "found", text: "b" })
  await eventually(async () => await epoch() > before ? true : undefined)
  expect(machine.logs.some((line) => line.includes("partition fraud.6 stopped"))).toBe(true)
  // Nothing was skipped meanwhile.
  book.faults.delete("found")
  await texts(merchant, "found", ["b"])
  expect(await deadLetters(merchant, "found")).toEqual([])
})

test(
  "G7: a key that is tried again costs the others no load, however many letters wait for it",
  async () => {
    const merchant = merchantIn(0)
    const slow = notebook({
      family: "reconciliation",
      delays: Array.from({ length: 600 }, () => 100)
    })
    const worker = machine.work([slow.actor], { name: "slow" })
    const send = (key: string, text: string) =>
      machine.send("reconciliation", "note", merchant, { key, text })
    slow.faults.set("late", "NotNow")
    for (let nth = 0; nth < 40; nth++) await send("late", `${nth}`)
    const parked = () =>
      machine.rows("select 1 from parked_messages where merchant = $1 and actor_key = 'late'", [
        merchant
      ])
    await eventually(async () => (await parked()).length === 40 || undefined)
    slow.loads.length = 0
    const keys = Array.from({ length: 120 }, (_, nth) => `other${nth}`)
    for (const [nth, key] of keys.entries()) {
      await send(key, key)
      if (nth % 10 === 0) await send("late", `more ${nth}`)
    }
    for (const key of keys) await texts(merchant, key, [key])
    const loads = slow.loads.slice()
    // It was tried meanwhile, each time with one query for all its letters, and nobody was loaded twice.
    const tries = loads.filter((key) => key === "late").length
    const [{ attempts }] = await machine.rows(
      "select attempts from parked_keys where merchant = $1 and actor_key = 'late'",
      [merchant]
    )
    expect(tries).toBeGreaterThan(0)
    expect(tries).toBeLessThanOrEqual(attempts)
    expect(loads.filter((key) => key !== "late")).toHaveLength(keys.length)
    slow.faults.delete("late")
    await texts(merchant, "late", [
      ...Array.from({ length: 40 }, (_, nth) => `${nth}`),
      ...Array.from({ length: 12 }, (_, nth) => `more ${nth * 10}`)
    ])
    await worker.stop()
  },
  60_000
)
