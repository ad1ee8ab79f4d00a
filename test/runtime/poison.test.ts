import { afterAll, beforeAll, expect, test } from "vitest"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { eventually } from "../support/lastro.ts"
import { becomes, type Machine, merchantIn, sendAll, startMachine } from "../support/machine.ts"
import {
  makeNotebookTables,
  type Notebook,
  notebook,
  pageOf,
  UNKEYABLE
} from "../support/notebook.ts"

/** The server takes no more in one message. */
const HEADERS_BYTES_MAX = 64 * 1024

let machine: Machine
let book: Notebook
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  book = notebook()
  machine.work([book.actor])
})
afterAll(() => machine.stop())

const note = (merchant: string, body: Record<string, unknown>) =>
  machine.send("fraud", "note", merchant, body)

const textsOf = async (merchant: string, key: string) =>
  (await pageOf(machine.databaseUrl, merchant, key))?.texts ?? []

/** The partition still takes what is good. */
const goesOn = async (merchant: string) => {
  await note(merchant, { key: "good", text: "good" })
  await eventually(async () => (await textsOf(merchant, "good")).length > 0 ? true : undefined)
}

const deadLetters = (merchant: string) =>
  machine.rows(
    `select id, actor_key, reason, cause, status, encode(body, 'hex') as body
      from dead_letters where merchant = $1 order by seq`,
    [merchant]
  )

/** Everything sent while `send` runs is in one batch, unless a test looks otherwise. */
const together = async (merchant: string, send: () => Promise<unknown>) => {
  let release = () => {}
  const { begun, loads: { length: before } } = book
  book.hold = new Promise((resolve) => (release = resolve))
  await note(merchant, { key: "held", text: "held" })
  await becomes(() => book.begun > begun)
  await send()
  release()
  book.hold = Promise.resolve()
  await becomes(() => book.loads.length > before)
}

test("G6: a defect quarantines its own key only and becomes a dead letter", async () => {
  const merchant = merchantIn(0)
  await note(merchant, { key: "bad", text: "before" })
  await note(merchant, { key: "bad", text: "poison", defect: true })
  await note(merchant, { key: "bad", text: "after" })
  await goesOn(merchant)
  expect(await textsOf(merchant, "bad")).toEqual(["before"])
  expect(await deadLetters(merchant)).toMatchObject([
    { actor_key: "bad", reason: "defect", cause: "cannot write poison", status: "open" }
  ])
  const published = await machine.stored("DEAD_LETTERS", "dead.fraud-00.defect")
  expect(JSON.parse(published[0]!.text)).toMatchObject({ family: "fraud", reason: "defect" })
})

test("data that PostgreSQL refuses is bisected to the letters at fault", async () => {
  const merchant = merchantIn(1)
  const amounts = Array.from({ length: 40 }, (_, index) => index === 7 || index === 23 ? -1 : 1)
  await together(merchant, () =>
    sendAll(
      machine,
      "fraud",
      amounts.map((amount, index) => ({
        type: "note",
        merchant,
        body: { key: `k${index}`, text: `t${index}`, amount, emit: 1 }
      }))
    ))
  await goesOn(merchant)
  const lines = await machine.rows("select text from lines where merchant = $1 order by seq", [
    merchant
  ])
  const good = amounts.flatMap((amount, index) => amount > 0 ? [`t${index}`] : [])
  expect(lines.map(({ text }) => text)).toEqual(good)
  expect(await deadLetters(merchant)).toMatchObject([
    { actor_key: "k7", reason: "defect" },
    { actor_key: "k23", reason: "defect" }
  ])
  // What the good halves emitted arrived once and in order.
  const emitted = await eventually(async () => {
    const found = await machine.stored("PAYMENTS", "payments.1.fraud-01")
    return found.length >= good.length ? found : undefined
  })
  expect(emitted.map(({ text }) => JSON.parse(text).text)).toEqual(good.map((text) => `${text} 0`))
})

test("a woken letter that PostgreSQL refuses is found among those that waited with it", async () => {
  const merchant = merchantIn(2)
  book.faults.set("waiting", "NotNow")
  for (const [index, amount] of [1, 1, -1, 1].entries()) {
    await note(merchant, { key: "waiting", text: `t${index}`, amount })
  }
  await eventually(async () =>
    (await machine.rows("select 1 from parked_messages where merchant = $1", [merchant])).length ===
        4
      ? true
      : undefined
  )
  book.faults.delete("waiting")
  const dead = await eventually(async () => {
    const found = await deadLetters(merchant)
    return found.length > 0 ? found : undefined
  })
  expect(dead).toMatchObject([{ actor_key: "waiting", reason: "defect" }])
  await goesOn(merchant)
  expect(await textsOf(merchant, "waiting")).toEqual(["t0", "t1"])
  expect(
    (await machine.rows("select seq from parked_messages where merchant = $1", [merchant])).length
  ).toBe(2)
})

test("a message whose key cannot be found is a dead letter", async () => {
  const merchant = merchantIn(3)
  await note(merchant, { key: UNKEYABLE, text: "a" })
  await goesOn(merchant)
  expect(await deadLetters(merchant)).toMatchObject([{ actor_key: null }])
})

interface Hostile {
  readonly what: string
  readonly body: string | Uint8Array
  readonly header?: string
}

const hostile: ReadonlyArray<Hostile> = [
  { what: "text that is not JSON", body: "{" },
  { what: "text that is not UTF-8", body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) },
  { what: "JSON as deep as the stack", body: "[".repeat(100_000) },
  { what: "JSON that is null", body: "null" },
  { what: "an empty body", body: "" },
  { what: "a wrong type", body: '{"key":1,"text":[]}' },
  { what: "an unknown member", body: '{"key":"a","text":"b","surprise":1}' },
  {
    what: "an unknown member as long as a body",
    body: `{"key":"a","text":"b","${"s".repeat(400_000)}":1}`
  },
  { what: "a NUL in what the refusal repeats", body: '{"command_id":"a\\u0000b","key":7}' },
  {
    what: "half a character in what the refusal repeats",
    body: '{"command_id":"\\ud800","key":7}'
  },
  { what: "a NUL in a key", body: '{"key":"a\\u0000b","text":"x"}' },
  { what: "half a character in a text", body: '{"key":"half","text":"\\ud800"}' },
  { what: "a header with an escape as text", body: "{", header: "\\u0000" },
  { what: "a header with a NUL", body: "{", header: "a\u0000b" },
  {
    what: "a header that grows in JSON, with a body that grows",
    body: `{${" ".repeat(450_000)}`,
    header: "\u0001".repeat(65_000)
  }
]

test.each(hostile)("$what stops nobody, and is kept as a dead letter", async (one) => {
  const merchant = merchantIn(4, 1 + hostile.indexOf(one))
  await machine.send("fraud", "note", merchant, one.body, {
    ...one.header !== undefined && { headers: { "X-Hostile": one.header } }
  })
  const letter = await eventually(async () => (await deadLetters(merchant))[0])
  expect(letter.body).toBe(Buffer.from(one.body).toString("hex"))
  await goesOn(merchant)
  // Published, too, and the relay went on after it.
  await eventually(async () =>
    (await machine.stored("DEAD_LETTERS", "dead.fraud-04.>")).find(({ text }) =>
      JSON.parse(text).id === letter.id
    )
  )
}, 30_000)

test("G17: what is told of a malformed command does not repeat it", async () => {
  const merchant = merchantIn(4)
  const card = "4111 1111 1111 1111"
  const bodies = [
    `{"card": "${card}"`,
    card,
    `{"token": ${card.replaceAll(" ", "")}}}`,
    `{"key": "a", "text": "b", "${card}": 1}`
  ]
  for (const body of bodies) await machine.send("fraud", "note", merchant, body)
  const dead = await eventually(async () => {
    const found = await deadLetters(merchant)
    return found.length === bodies.length ? found : undefined
  })
  const told = await machine.rows("select body from events where merchant = $1", [merchant])
  expect(told).toHaveLength(bodies.length)
  const text = JSON.stringify([dead.map(({ cause }) => cause), told])
  expect(text).not.toMatch(/4111|1111/)
})

test("a command in the name of no possible merchant is a dead letter", async () => {
  for (const name of ['a"b', "UPPER", "a\\b"]) {
    await machine.send("fraud", "note", name, { key: "a", text: "b", event: true })
    const [letter] = await eventually(async () => {
      const found = await deadLetters(name)
      return found.length > 0 ? found : undefined
    })
    expect(letter.reason).toBe("malformed")
  }
})

test("a header that is no traceparent does not travel on", async () => {
  const merchant = merchantIn(5)
  const trace = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
  const send = (traceparent: string, text: string) =>
    machine.send("fraud", "note", merchant, { key: "a", text, emit: 1 }, {
      headers: { traceparent }
    })
  // With the machine's own headers it would be too much, and the relay would wait for ever.
  await send("x".repeat(HEADERS_BYTES_MAX - 100), "long")
  await send(trace, "true")
  const emitted = await eventually(async () => {
    const found = await machine.stored("PAYMENTS", "payments.5.fraud-05")
    return found.length === 2 ? found : undefined
  })
  expect(emitted.map(({ header }) => header("traceparent"))).toEqual([undefined, trace])
})

test("an emission that does not fit its mailbox is its cause's defect, before the commit", async () => {
  const merchant = merchantIn(6)
  const sizes = [MESSAGE_BYTES_MAX + 1, MESSAGE_BYTES_MAX - 60]
  for (const [index, bytes] of sizes.entries()) {
    await note(merchant, { key: `large${index}`, text: "a", bytes })
  }
  await note(merchant, { key: "nowhere", text: "a", emit: 1, to: "nobody" })
  await goesOn(merchant)
  expect(await deadLetters(merchant)).toMatchObject([
    { actor_key: "large0", reason: "defect" },
    { actor_key: "large1", reason: "defect" },
    { actor_key: "nowhere", reason: "defect", cause: "no mailbox nobody" }
  ])
  // Nothing of such a decision is kept.
  expect(await textsOf(merchant, "large1")).toEqual([])
  await note(merchant, { key: "after", text: "a", emit: 1 })
  await eventually(async () =>
    (await machine.stored("PAYMENTS", "payments.6.fraud-06")).length === 1 ? true : undefined
  )
})

test("a reply goes to an inbox and nowhere else", async () => {
  const merchant = merchantIn(7)
  const forged = "payments.3.ingress.create.acme"
  for (const replyTo of [forged, "_INBOX.>", "_INBOX.a.*", "events.fraud-07.x", "_INBOX"]) {
    await machine.send("fraud", "note", merchant, { key: "a", text: "b", refuse: true }, {
      replyTo
    })
  }
  const heard: Array<unknown> = []
  machine.admin.nc.subscribe("_INBOX.admin.told", {
    callback: (_error, message) => {
      heard.push(message.json())
    }
  })
  await machine.admin.nc.flush()
  await machine.send("fraud", "note", merchant, { key: "a", text: "c", refuse: true }, {
    replyTo: "_INBOX.admin.told"
  })
  await becomes(() => heard.length > 0)
  expect(heard).toEqual([{ refused: { code: "told_to", detail: "c" } }])
  expect(await machine.stored("PAYMENTS", forged)).toEqual([])
})

test("a message from an actor may have members its reader does not know; a command may not", async () => {
  const merchant = merchantIn(7, 1)
  await machine.append("fraud.7.somebody-07", {
    "Lastro-Type": "note",
    "Lastro-Merchant": merchant
  }, { key: "grown", text: "a", later: true })
  await eventually(async () => (await textsOf(merchant, "grown")).length > 0 ? true : undefined)
})
