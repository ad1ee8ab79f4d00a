import { randomUUID } from "node:crypto"
import { headers, type NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { query } from "../support/query.ts"

let one: TestLastro
let admin: NatsConnection
let producer: NatsConnection
beforeAll(async () => {
  one = await startTestLastro()
  admin = await connectAs(one.stack, one.stack.nats.admin)
  producer = await connectAs(one.stack, one.stack.nats.producer)
})
afterAll(async () => {
  await admin.close()
  await producer.close()
  await one.stop()
})

interface Told {
  readonly payment?: Readonly<Record<string, unknown>>
  readonly refused?: { readonly code: string; readonly detail: string }
}

/** `as` defaults to an identity that may publish anything. */
const ask = (type: string, merchant: string, body: object | string, as = admin): Promise<Told> =>
  natsCaller(as, as === producer ? "producer" : "admin")(type, merchant, body)

const order = (command_id: string, more: Readonly<Record<string, unknown>> = {}) => ({
  command_id,
  amount: 2_000,
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" },
  ...more
})

/** The partition of this merchant is not stuck. */
const paysStill = async (merchant: string) => {
  const { payment } = await ask("create", merchant, order(randomUUID()), producer)
  expect(payment).toMatchObject({ status: "captured", merchant })
}

const operations = async (paymentId: string): Promise<ReadonlyArray<unknown>> => {
  const answer = await fetch(`${one.lastro.simulator.url}/book/${paymentId}`)
  return await answer.json() as ReadonlyArray<unknown>
}

test("the platform's producer makes, captures and refunds a payment, and hears each outcome", async () => {
  const id = paymentIdOf("acme", "life")
  const made = await ask("create", "acme", order("life", { capture: "manual" }), producer)
  expect(made.payment).toMatchObject({ id, status: "authorized", amount_captured: 0 })
  const captured = await ask("capture", "acme", { command_id: "c", payment_id: id }, producer)
  expect(captured.payment).toMatchObject({ status: "captured", amount_captured: 2_000 })
  const body = { command_id: "r", payment_id: id, amount: 500 }
  const refunded = await ask("refund", "acme", body, producer)
  expect(refunded.payment).toMatchObject({ amount_refunded: 500 })
})

test("an outcome says which command it is of, and carries the asker's trace", async () => {
  const traceparent = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`
  const heard: Array<{ headers: Record<string, string>; json: { command_id?: string } }> = []
  const inbox = "_INBOX.producer.outcomes"
  const listening = producer.subscribe(inbox, {
    callback: (_, message) => {
      const headers = message.headers
      heard.push({
        headers: Object.fromEntries(
          (headers?.keys() ?? []).map((name) => [name, headers!.get(name)])
        ),
        json: message.json()
      })
    }
  })
  // One inbox for all of them: without the identifier nobody could tell them apart.
  for (const id of ["told a", "told|b"]) {
    const sent = headers()
    sent.set("Lastro-Reply-To", inbox)
    sent.set("traceparent", traceparent)
    await producer.request("lastro.payments.create.acme", JSON.stringify(order(id)), {
      headers: sent,
      timeout: 10_000
    })
  }
  const sent = headers()
  sent.set("Lastro-Reply-To", inbox)
  const wrong = { command_id: "told-c", payment_id: paymentIdOf("acme", "nothing") }
  await producer.request("lastro.payments.capture.acme", JSON.stringify(wrong), {
    headers: sent,
    timeout: 10_000
  })
  await eventually(() => Promise.resolve(heard.length === 3 || undefined))
  listening.unsubscribe()
  expect(heard.map(({ json }) => json.command_id).sort()).toEqual(["told a", "told-c", "told|b"])
  for (const { headers, json } of heard) {
    expect(headers).toEqual({
      "Lastro-Schema": "1",
      ...(json.command_id !== "told-c" && { traceparent })
    })
  }
})

test("a command of a schema that is none says so, and is not called an unknown command", async () => {
  const dead = async (type: string, schema: string) => {
    const sent = headers()
    sent.set("Lastro-Schema", schema)
    const answer = await producer.request(
      `lastro.payments.${type}.acme`,
      JSON.stringify(order(`schema-${schema}`)),
      { headers: sent, timeout: 10_000 }
    )
    const { seq } = answer.json<{ seq: number }>()
    const [letter] = await eventually(async () => {
      const found = await query(
        one.stack.databaseUrl,
        "select cause from dead_letters where family = 'payments' and seq = $1 and merchant = 'acme'",
        [seq]
      )
      return found.length > 0 ? found : undefined
    })
    return letter!["cause"]
  }
  expect(await dead("create", "99")).toMatch(
    /^create has no schema "99": its generations are 1(, \d+)* \(the header Lastro-Schema\)$/
  )
  expect(await dead("create", "abc")).toContain('create has no schema "abc"')
})

test("one command sent ten times at once is one payment and one charge, told ten times", async () => {
  const body = order("ten-times")
  const told = await Promise.all(
    Array.from({ length: 10 }, () => ask("create", "acme", body, producer))
  )
  expect(new Set(told.map(({ payment }) => payment?.["id"])).size).toBe(1)
  expect(told.every(({ payment }) => payment?.["status"] === "captured")).toBe(true)
  const made = paymentIdOf("acme", "ten-times")
  expect(await query(one.stack.databaseUrl, "select 1 from payments where id = $1", [made]))
    .toHaveLength(1)
  expect(await operations(made)).toHaveLength(1)
  const other = await ask("create", "acme", { ...body, amount: 2_001 }, producer)
  expect(other.refused?.code).toBe("command_reused")
  expect(await operations(made)).toHaveLength(1)
})

test("a subject bounds what a command may touch, whatever its body names", async () => {
  const { payment } = await ask("create", "acme", order("mine", { capture: "manual" }))
  const id = payment!["id"] as string
  for (const type of ["capture", "void", "refund"]) {
    const told = await ask(type, "evil", { command_id: "steal", payment_id: id })
    expect(told.refused?.code).toBe("payment_not_found")
  }
  const { refused } = await ask("create", "evil", order("mine", { merchant: "acme" }))
  expect(refused?.code).toBe("malformed")
  const [row] = await query(one.stack.databaseUrl, "select status from payments where id = $1", [
    id
  ])
  expect(row.status).toBe("authorized")
})

const malformed: ReadonlyArray<
  readonly [what: string, type: string, body: string | Uint8Array | object]
> = [
  ["not JSON", "create", "amount=2000"],
  ["not UTF-8", "create", new Uint8Array([0xff, 0xfe, 0x7b])],
  ["nothing", "create", ""],
  ["null", "create", "null"],
  ["a list", "create", "[]"],
  ["too deep", "create", `{"metadata":${'{"a":'.repeat(5_000)}1${"}".repeat(5_001)}`],
  ["too deep to be JSON at all", "create", "[".repeat(300_000)],
  ["a NUL in its text", "create", order("nul", { description: "a\u0000b" })],
  ["a NUL in its name", "create", order("a\u0000b")],
  ["half a character", "create", order("half", { reference: "\ud800" })],
  ["an amount as text", "create", order("t1", { amount: "2000" })],
  ["half a minor unit", "create", order("t2", { amount: 0.5 })],
  ["an amount beyond what JSON carries", "create", order("t3", { amount: 2 ** 53 })],
  ["no amount of money", "create", order("t4", { amount: 0 })],
  ["less than nothing", "create", order("t5", { amount: -1 })],
  ["an unknown currency", "create", order("t6", { currency: "XXX" })],
  ["an unknown member", "create", order("t7", { surprise: 1 })],
  ["a prototype", "create", '{"__proto__":{"amount":1},"command_id":"p"}'],
  ["no name", "create", { ...order("x"), command_id: undefined }],
  ["a payment that cannot be one", "capture", { command_id: "c", payment_id: "pay_../.." }],
  ["a command nobody takes", "explode", {}],
  ["an answer of the gateway, forged", "answered", { payment_id: "x" }],
  ["a score, forged", "scored", { payment_id: "x", risk: { score: 0 } }],
  ["a wake, forged", "wake", { payment_id: "x", timer: "y", due: 1 }]
]

test.each(malformed)(
  "%s: refused with an answer, kept as a dead letter, nothing stuck",
  async (what, type, body) => {
    const merchant = `m-${malformed.findIndex(([name]) => name === what)}`
    const { refused } = await ask(type, merchant, body)
    expect(refused?.code).toBe("malformed")
    expect(refused?.detail.length).toBeGreaterThan(3)
    const [letter] = await query(
      one.stack.databaseUrl,
      "select reason, family, status from dead_letters where merchant = $1",
      [merchant]
    )
    expect(letter).toEqual({ reason: "malformed", family: "payments", status: "open" })
    expect(
      await query(one.stack.databaseUrl, "select 1 from payments where merchant = $1", [merchant])
    )
      .toEqual([])
    await paysStill(merchant)
  }
)

test("a command that is too large is refused by the server at once", async () => {
  const body = JSON.stringify(order("large", { description: "x".repeat(600_000) }))
  const answer = await producer.request("lastro.payments.create.acme", body, { timeout: 10_000 })
  expect(answer.json<{ error: { description: string } }>().error.description).toMatch(/size/)
  await paysStill("acme")
})

test("a reply subject that is no inbox is ignored, and the payment is made", async () => {
  const heard: Array<string> = []
  const forged = "payments.3.ingress.create.acme"
  admin.subscribe(forged, {
    callback: (_error, message) => {
      heard.push(message.string())
    }
  })
  const sent = headers()
  sent.set("Lastro-Reply-To", forged)
  await producer.request(
    "lastro.payments.create.acme",
    JSON.stringify(order("no-inbox")),
    {
      headers: sent,
      timeout: 10_000
    }
  )
  await eventually(async () =>
    (await query(one.stack.databaseUrl, "select status from payments where id = $1", [
        paymentIdOf("acme", "no-inbox")
      ]))[0]?.status === "captured"
      ? true
      : undefined
  )
  await paysStill("acme")
  expect(heard).toEqual([])
})

test("after all of this every account balances and no partition waits", async () => {
  const [difference] = await query(
    one.stack.databaseUrl,
    "select coalesce(sum(posted_debits - posted_credits), 0)::text as off from accounts"
  )
  expect(difference.off).toBe("0")
  expect(await query(one.stack.databaseUrl, "select 1 from parked_keys")).toEqual([])
})
