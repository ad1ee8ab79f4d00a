import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { commandLine } from "../support/commandLine.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"

let one: TestLastro
let environment: Record<string, string>
beforeAll(async () => {
  one = await startTestLastro()
  environment = { LASTRO_URL: one.url, LASTRO_OPERATOR_KEY: await one.operatorKey() }
})
afterAll(() => one.stop())
const lastro = commandLine(() => environment)

const malformed = async (count: number) => {
  const nc = await connectAs(one.stack, one.stack.nats.producer)
  for (let nth = 0; nth < count; nth++) await nc.request("lastro.payments.create.acme", "{")
  await nc.close()
  await eventually(async () => {
    const { json } = await lastro("dead-letters", "list", "--json")
    return json()[0].length >= count || undefined
  })
}

const well = () =>
  eventually(async () => {
    const { code, text } = await lastro("status")
    return code === 0 ? text : undefined
  }, 30_000)

test("status tells owners, epochs and lag, and whether somebody is needed", async () => {
  // What was just done is acknowledged a moment later, and until then counts as behind.
  const first = /payments: 8 partitions\n +0 +worker-\S+ +epoch \d+, lag 0 messages/
  await eventually(async () => first.test(await well()) || undefined)
  expect((await lastro("status", "--json")).json()[0].families).toHaveLength(6)
})

test("whatever asks another Lastro asks it by its URL and key", async () => {
  const out = join(one.lastro.dataDir, "audit.jsonl")
  // A journal without entries is a header alone.
  expect((await lastro("audit", "export", "--out", out)).code).toBe(0)
  expect(fs.readFileSync(out, "utf8")).toMatch(/^\{"type":"header",/)
  const examined = await lastro("doctor", "--json")
  expect(examined.json()[0].findings.map(({ area }: { area: string }) => area)).toContain("ledger")

  const right = environment
  environment = { ...right, LASTRO_OPERATOR_KEY: "sk_wrong" }
  try {
    const asking = [["status"], ["keys", "payments"], ["dead-letters", "list"], ["doctor"], [
      "audit",
      "export"
    ]]
    for (const command of asking) {
      const { code, text } = await lastro(...command)
      // What anybody may hear, whether it is ready, status has told before.
      expect([command[0], code, text.split("\n").at(-1)]).toEqual([
        command[0],
        1,
        `lastro: ${one.url} answered 401: this is no key: it is mistyped or cut off.`
      ])
    }
  } finally {
    environment = right
  }
})

test("a family is paused and resumed, which status tells", async () => {
  const paused = await lastro("pause", "delivery", "--why", "a test", "--json")
  expect(paused).toMatchObject({ code: 0 })
  expect(paused.json()).toMatchObject([{ outcome: "paused", who: "operator", why: "a test" }])
  const told = await eventually(async () => {
    const found = await lastro("status")
    return found.code === 2 ? found : undefined
  })
  expect(told.text).toMatch(/PAUSED since \S+ by operator: a test/)
  expect(await lastro("resume", "delivery", "--why", "done")).toMatchObject({
    code: 0,
    text: "delivery: running"
  })
  await well()
})

test("a key is paused, listed and resumed", async () => {
  const key = `acme/${paymentIdOf("acme", "held")}`
  expect(await lastro("keys", "payments")).toMatchObject({
    code: 0,
    text: "no key of payments is set aside"
  })
  const pause = ["pause", "payments", "--key", key, "--why", "looks odd"]
  expect(await lastro(...pause)).toMatchObject({ code: 0, text: `${key}: paused` })
  const listed = await lastro("keys", "payments")
  expect(listed.code).toBe(2)
  expect(listed.text).toContain(`paused      ${key}`)
  expect((await lastro("keys", "payments", "--json")).json()[0]).toMatchObject([
    { state: "paused", reason: "looks odd" }
  ])
  expect(await lastro("resume", "payments", "--key", key, "--why", "fine")).toMatchObject({
    code: 0,
    text: `${key}: its key goes on`
  })
})

test("dead letters are listed, shown, replayed and discarded, by name or by filter", async () => {
  await malformed(3)
  const listed = await lastro("dead-letters", "list", "--reason", "malformed")
  expect(listed.code).toBe(2)
  expect(listed.text).toMatch(/dl_\S+ {2}\S+ {2}malformed payments create {2}acme/)
  const [letters] = (await lastro("dead-letters", "list", "--json")).json()
  const shown = await lastro("dead-letters", "show", letters[0].id)
  expect(JSON.parse(shown.text)).toMatchObject({ body: "{", actions: [{ action: "show" }] })
  // They are malformed again: each becomes a new one.
  const replayed = await lastro(
    "dead-letters",
    "replay",
    "--merchant",
    "acme",
    "--why",
    "to see",
    "--rate",
    "100"
  )
  expect(replayed.code).toBe(2)
  expect(replayed.text.split("\n")).toHaveLength(3)
  expect(replayed.text).toMatch(/^1\/3 dl_\S+: malformed/)
  const twice = await lastro("dead-letters", "replay", letters[0].id, "--why", "again")
  expect(twice.code).toBe(1)
  expect(twice.text).toContain("409: this dead letter was replayed already")
  const discarded = await lastro("dead-letters", "discard", "--all", "--why", "no use", "--json")
  expect(discarded.code).toBe(0)
  expect(discarded.json()).toHaveLength(3)
  expect(await lastro("dead-letters", "list")).toMatchObject({ code: 0, text: "no dead letters" })
  const all = await lastro("dead-letters", "list", "--status", "all", "--json")
  expect(all.code).toBe(0)
  expect(all.json()[0]).toHaveLength(6)
})

test("so many letters a second, and no more", async () => {
  await malformed(3)
  const begun = Date.now()
  await lastro("dead-letters", "discard", "--all", "--why", "no use", "--rate", "4")
  expect(Date.now() - begun).toBeGreaterThanOrEqual(500)
})

test("what is asked wrongly is told in a sentence", async () => {
  for (
    const args of [
      ["pause", "payments"],
      ["pause", "--why", "x"],
      ["resume"],
      ["keys"],
      ["status", "--jsno"],
      ["dead-letters"],
      ["dead-letters", "replay", "--why", "x"],
      ["dead-letters", "replay", "dl_x"],
      ["dead-letters", "replay", "dl_x", "--all", "--why", "x"],
      ["dead-letters", "discard", "--all", "--why", "x", "--rate", "0"],
      ["no-such-command"]
    ]
  ) {
    const { code, text } = await lastro(...args)
    expect([args, code]).toEqual([args, 64])
    expect(text).toMatch(/^lastro .+\S$/)
  }
  const { code, text } = await lastro("pause", "nobody", "--why", "x")
  expect([code, text]).toEqual([
    1,
    `lastro: ${one.url} answered 404: there is no such family: payments, fraud, gateway, messaging, ` +
    "delivery, reconciliation."
  ])
})

test("each command explains itself", async () => {
  for (const name of ["status", "keys", "pause", "resume", "dead-letters"]) {
    const { code, text } = await lastro(name, "--help")
    expect(code).toBe(0)
    expect(text).toMatch(new RegExp(`Usage: deno task lastro ${name}`))
    expect(text).toMatch(/Exits with 0/)
  }
})

test("without a Lastro to ask, a sentence says what to do", async () => {
  const { LASTRO_URL, ...rest } = environment
  environment = { ...rest, LASTRO_URL: "http://127.0.0.1:1" }
  const { code, text } = await lastro("status")
  environment = { ...rest, LASTRO_URL: LASTRO_URL! }
  expect(code).toBe(1)
  expect(text).toMatch(/^lastro: nothing answers at http:\/\/127.0.0.1:1/)
})
