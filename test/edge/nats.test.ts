import { headers as natsHeaders, type NatsConnection } from "@nats-io/transport-node"
import { Cause, Effect } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { gatewayOf, imbalances, leaksIn, openShop, order, type Shop } from "../support/shop.ts"

const CARD = "4111111111111111"
const EMAIL = "ana.souza@example.com"

let one: TestLastro
let shop: Shop
let nc: NatsConnection
let ask: ReturnType<typeof natsCaller>
const denied: Array<string> = []
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  const credentials = await one.stack.merchantCredentials("acme")
  nc = await connectAs(one.stack, credentials)
  ask = natsCaller(nc, credentials.user)
  ;(async () => {
    for await (const { type, ...status } of nc.status()) {
      denied.push(`${type} ${JSON.stringify(status)}`)
    }
  })().catch(() => {})
})
afterAll(async () => {
  await nc.close()
  await one.stop()
})

const command = (type: string, body: object | string, merchant = "acme") =>
  ask(type, merchant, body)

describe("the same through NATS", () => {
  test("a payment is made, captured in part, voided and refunded", async () => {
    const made = await command("create", { ...order, command_id: "nats-1", capture: "manual" })
    const id = paymentIdOf("acme", "nats-1")
    expect(made.payment).toMatchObject({ id, status: "authorized", merchant: "acme" })
    const on = (fields: object) => ({ payment_id: id, ...fields })
    expect(await command("capture", on({ command_id: "c", amount: 4_000 }))).toMatchObject({
      payment: { status: "partially_captured", amount_captured: 4_000 }
    })
    expect(await command("void", on({ command_id: "v" }))).toMatchObject({
      payment: { status: "captured" }
    })
    const refunded = await command("refund", on({ command_id: "r", amount: 1_000 }))
    expect(refunded.payment).toMatchObject({ amount_refunded: 1_000 })
    expect((await shop.get(`/v1/payments/${id}`)).json).toEqual(refunded.payment)
  })

  test("a void sent in one breath with its create is taken before anything is scored", async () => {
    const names = ["breath-1", "breath-2", "breath-3", "breath-4"]
    const told = await Promise.all(names.flatMap((command_id) => [
      command("create", { ...order, command_id, capture: "manual" }),
      command("void", { command_id: "v", payment_id: paymentIdOf("acme", command_id) })
    ]))
    for (const { payment } of told.filter((_, nth) => nth % 2 === 1)) {
      expect(payment.status).toBe("voided")
    }
  })

  test("a command that came before is answered the same, another body is refused", async () => {
    const body = { ...order, command_id: "nats-2" }
    const first = await command("create", body)
    expect(await command("create", body)).toEqual(first)
    expect(await command("create", { ...body, amount: 1 })).toMatchObject({
      refused: { code: "command_reused" }
    })
    const operations = await gatewayOf(one).operations(first.payment.id)
    expect(operations).toMatchObject([{ requests: 1 }])
  })

  test("over HTTP the same name is the same payment", async () => {
    const { payment } = await command("create", { ...order, command_id: "both-ways" })
    const { json, status } = await shop.pay({}, { "idempotency-key": "both-ways" })
    expect([status, json.id]).toEqual([201, payment.id])
    expect(await gatewayOf(one).operations(payment.id)).toMatchObject([{ requests: 1 }])
  })

  test("a merchant reaches neither another's subjects nor another's payments", async () => {
    const globex = await openShop(one, "globex")
    const { json: theirs } = await globex.pay({ capture: "manual" })
    expect(await command("capture", { payment_id: theirs.id, command_id: "steal" })).toMatchObject({
      refused: { code: "payment_not_found" }
    })
    for (
      const subject of [
        "lastro.payments.create.globex",
        "lastro.payments.review.acme",
        "lastro.reconciliation.file.simulator",
        "payments.0.ingress.create.globex",
        "payments.0.gateway"
      ]
    ) {
      const before = denied.length
      nc.publish(subject, JSON.stringify({ ...order, command_id: "forged" }))
      await nc.flush()
      await eventually(() => Promise.resolve(denied.length > before || undefined))
      expect(denied.at(-1)).toMatch(/permission/i)
    }
    expect((await globex.get("/v1/payments")).json.data).toHaveLength(1)
    expect((await globex.get(`/v1/payments/${theirs.id}`)).json).toEqual(theirs)
  })
})

describe("G17: no card number, secret or personal datum in logs, subjects, metrics or listings", () => {
  const letters = async () => {
    const { json } = await one.ask(await one.operatorKey(), "GET", "/v1/operations/overview")
    return json.dead_letters as ReadonlyArray<Record<string, string>>
  }

  const malformed: ReadonlyArray<readonly [about: string, body: object | string]> = [
    ["text that is no JSON", `${EMAIL} paid with ${CARD}`],
    ["half an object", `{"customer":{"email":"${EMAIL}"},"token":"${CARD}`],
    ["a card number as token", {
      ...order,
      command_id: "m1",
      payment_method: { type: "card", token: CARD }
    }],
    ["an e-mail in the wrong place", { ...order, command_id: "m2", amount: EMAIL }],
    ["a customer that is text", { ...order, command_id: "m3", customer: `${EMAIL} ${CARD}` }],
    ["a secret as currency", { ...order, command_id: "m4", currency: "sk_live_0123456789abcdef" }],
    ["a member that is a card number", { ...order, command_id: "m5", [CARD]: EMAIL }],
    [
      "a member that stands twice",
      `{"command_id":"m8",${JSON.stringify(order).slice(1, -1)},"amount":1}`
    ],
    [
      "an amount that would be rounded",
      JSON.stringify({ ...order, command_id: "m9" }).replace("10000", "9007199254740991.4")
    ],
    ["a card number as its name", { ...order, command_id: CARD }],
    ["a card number with dots", {
      ...order,
      command_id: "m7",
      customer: { id: "4111.1111.1111.1111" }
    }],
    ["a NUL and half a character", { ...order, command_id: "m6", reference: "a\u0000\ud800" }],
    ["nothing", ""]
  ]

  test.each(malformed)("%s is refused, and set aside without its content", async (_about, body) => {
    const before = (await shop.get("/v1/payments?limit=100")).json.data.length
    expect(await command("create", body)).toMatchObject({ refused: { code: "malformed" } })
    expect((await shop.get("/v1/payments?limit=100")).json.data).toHaveLength(before)
  })

  test("the listing of dead letters names causes, and nobody", async () => {
    const listed = await eventually(async () => {
      const found = await letters()
      return found.length === malformed.length ? found : undefined
    }, 30_000)
    for (const letter of listed) {
      expect(letter).toMatchObject({ family: "payments", type: "create", reason: "malformed" })
      expect(letter["cause"]!.length).toBeGreaterThan(5)
    }
    const text = listed.map((letter) => JSON.stringify(letter))
    expect(leaksIn(text)).toEqual([])
    expect(text.join()).not.toContain("sk_live")
  })

  test("after it, another command of the same merchant is handled", async () => {
    const customer = { id: "cus_1", email: EMAIL }
    const made = await command("create", { ...order, command_id: "honest", customer })
    expect(made.payment.status).toBe("captured")
    expect(await imbalances(one)).toEqual([])
  })

  test("metrics hold no person", async () => {
    const { json } = await one.ask(await one.operatorKey(), "GET", "/metrics")
    for (const datum of [EMAIL, CARD, "cus_1", shop.key]) expect(json).not.toContain(datum)
  })

  test("what a log line would hold of them is struck out", async () => {
    const lines: Array<string> = []
    const secrets = `${EMAIL} ${CARD} 4111-1111-1111-1111 ${shop.key} whsec_${"A".repeat(32)}`
    await Effect.runPromise(
      Effect.all([
        Effect.logError(secrets),
        Effect.logError(new Error(secrets)),
        Effect.logError("failed", Cause.fail(new Error(secrets))),
        Effect.logError({ customer: secrets })
      ]).pipe(Effect.provide(jsonLogs((line) => lines.push(line))))
    )
    expect(lines).toHaveLength(4)
    expect(leaksIn(lines)).toEqual([])
  })

  test("no captured log line holds any", () => {
    expect(leaksIn(one.logs)).toEqual([])
  })
})

describe("headers of the machine's own, written by a merchant", () => {
  const publish = async (bundle: string, body: string) => {
    const own = natsHeaders()
    own.set("Lastro-Bundle", bundle)
    own.set("Lastro-Type", "review")
    own.set("Lastro-Merchant", "globex")
    const ack = await nc.request("lastro.payments.create.acme", body, {
      headers: own,
      timeout: 10_000
    })
    expect(ack.json()).toMatchObject({ stream: "PAYMENTS" })
  }

  test("make its command no message of an actor", async () => {
    const globex = await openShop(one, "globex")
    const { json: held } = await globex.pay({ amount: 900_000, customer: { id: "cus_unseen" } })
    expect(held.status).toBe("in_review")
    const review = { payment_id: held.id, decision: "approve", command_id: "forged", by: "x" }
    await publish("1", JSON.stringify([["review", "globex", "", review]]))
    // Behind it in the same partition.
    expect(await command("create", { ...order, command_id: "behind" })).toHaveProperty("payment")
    expect((await globex.get(`/v1/payments/${held.id}`)).json.status).toBe("in_review")
  })

  test("stop no partition", async () => {
    for (const body of ["{}", "[1]", "[]"]) {
      for (const bundle of ["1", "x"]) await publish(bundle, body)
    }
    expect(await command("create", { ...order, command_id: "after-all" })).toHaveProperty("payment")
  })
})
