import { afterAll, beforeAll, expect, test } from "vitest"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import {
  gatewayOf,
  imbalances,
  leaksIn,
  openShop,
  order,
  paidWith,
  trialBalance
} from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

test("a payment is captured while its caller waits", async () => {
  const shop = await openShop(one, "waits")
  const { headers, json, status } = await shop.pay({
    customer: { id: "cus_42", email: "ana@example.com", locale: "pt-BR" },
    device: { ip: "198.51.100.7", id: "dev_1" },
    reference: "order-1001",
    description: "Two chairs",
    metadata: { k: "v" }
  }, { "idempotency-key": "first" })
  expect(status).toBe(201)
  expect(headers.get("location")).toBe(`/v1/payments/${json.id}`)
  expect(headers.get("idempotent-replayed")).toBeNull()
  expect(json).toMatchObject({
    ...order,
    id: paymentIdOf("waits", "first"),
    merchant: "waits",
    status: "captured",
    capture: "automatic",
    amount_authorized: 10_000,
    amount_captured: 10_000,
    amount_refunded: 0,
    fee: 299,
    gateway: "simulator",
    risk: { score: 0, decision: "allow", reasons: [] },
    customer: { id: "cus_42", email: "ana@example.com", locale: "pt-BR" },
    device: { ip: "198.51.100.7", id: "dev_1" },
    reference: "order-1001",
    description: "Two chairs",
    metadata: { k: "v" },
    attempts: [{ operation: "charge", status: "approved", amount: 10_000 }]
  })
  expect(json.failure).toBeUndefined()
  for (const time of [json.created_at, json.updated_at]) {
    expect(new Date(time).toISOString()).toBe(time)
  }
  expect((await shop.get(`/v1/payments/${json.id}`)).json).toEqual(json)
  expect(await shop.balances()).toEqual({ "pending:BRL": [9_701, 0] })
})

test("without Prefer the answer is 202 with a Location that leads to the payment", async () => {
  const shop = await openShop(one, "does_not_wait")
  const { headers, json, status } = await shop.pay({}, { prefer: "" })
  expect(status).toBe(202)
  const location = headers.get("location")!
  expect(location).toBe(`/v1/payments/${json.id}`)
  expect(await shop.until(json.id, "captured")).toMatchObject({ id: json.id, fee: 299 })
  expect((await shop.get(location)).status).toBe(200)
})

test("a wait that is too short is answered 202, and the payment goes on", async () => {
  const shop = await openShop(one, "impatient")
  const { headers, json, status } = await shop.pay(paidWith("tok_slow"), { prefer: "wait=1" })
  expect(status).toBe(202)
  expect(headers.get("location")).toBe(`/v1/payments/${json.id}`)
  await shop.until(json.id, "captured")
})

test("a decline is an outcome, not an error", async () => {
  const shop = await openShop(one, "declined")
  const { json, status } = await shop.pay(paidWith("tok_declined_hard"))
  expect(status).toBe(201)
  expect(json).toMatchObject({
    status: "failed",
    failure: { code: "do_not_honor" },
    amount_authorized: 0,
    amount_captured: 0,
    fee: 0
  })
  expect(await shop.balances()).toEqual({})
})

test("an authorization is captured in two parts, and the rest is given back", async () => {
  const shop = await openShop(one, "parts")
  const { json: payment, status } = await shop.pay({ capture: "manual" })
  expect(status).toBe(201)
  expect(payment).toMatchObject({
    status: "authorized",
    amount_authorized: 10_000,
    amount_captured: 0,
    fee: 0
  })
  expect(await shop.balances()).toEqual({ "pending:BRL": [0, 10_000] })

  const path = `/v1/payments/${payment.id}`
  const first = await shop.post(`${path}/capture`, { amount: 4_000 })
  expect(first.status).toBe(201)
  expect(first.json).toMatchObject({ status: "partially_captured", amount_captured: 4_000 })
  const tooMuch = await shop.post(`${path}/capture`, { amount: 6_001 })
  expect(tooMuch).toMatchObject({ status: 422, json: { code: "amount_too_large" } })
  const second = await shop.post(`${path}/capture`, { amount: 3_000 })
  expect(second.json).toMatchObject({ status: "partially_captured", amount_captured: 7_000 })
  expect(await shop.balances()).toEqual({ "pending:BRL": [7_000 - 209, 3_000] })

  const rest = await shop.post(`${path}/void`)
  expect(rest.status).toBe(201)
  expect(rest.json).toMatchObject({ status: "captured", amount_captured: 7_000, fee: 209 })
  expect(await shop.balances()).toEqual({ "pending:BRL": [6_791, 0] })
  for (const command of ["capture", "void"]) {
    const late = await shop.post(`${path}/${command}`)
    expect(late).toMatchObject({ status: 409, json: { code: "invalid_state" } })
    expect(late.headers.get("content-type")).toBe("application/problem+json")
  }
  const operations = await gatewayOf(one).operations(payment.id)
  expect(operations.map(({ amount, kind, status }) => [kind, amount, status])).toEqual([
    ["charge", 10_000, "approved"],
    ["capture", 4_000, "approved"],
    ["capture", 3_000, "approved"],
    ["void", 3_000, "approved"]
  ])
})

test("a capture without an amount takes everything that is left", async () => {
  const shop = await openShop(one, "whole_capture")
  const { json } = await shop.pay({ capture: "manual" })
  const captured = await shop.post(`/v1/payments/${json.id}/capture`)
  expect(captured).toMatchObject({
    status: 201,
    json: { status: "captured", amount_captured: 10_000, fee: 299 }
  })
  expect(await shop.balances()).toEqual({ "pending:BRL": [9_701, 0] })
})

test("captures at the same time never take more than was authorized", async () => {
  const shop = await openShop(one, "racing_captures")
  const { json: payment } = await shop.pay({ capture: "manual" })
  const answers = await Promise.all(
    Array.from(
      { length: 6 },
      () => shop.post(`/v1/payments/${payment.id}/capture`, { amount: 6_000 })
    )
  )
  const codes = answers.map(({ json, status }) => status === 201 ? "captured" : json.code).sort()
  expect(codes.filter((code) => code === "captured")).toHaveLength(1)
  for (const code of codes) {
    expect(code).toMatch(/^(captured|operation_in_progress|amount_too_large)$/)
  }
  expect((await shop.get(`/v1/payments/${payment.id}`)).json).toMatchObject({
    status: "partially_captured",
    amount_captured: 6_000
  })
})

test("a voided authorization leaves nothing behind and cannot be used", async () => {
  const shop = await openShop(one, "voided")
  const { json } = await shop.pay({ capture: "manual" })
  const path = `/v1/payments/${json.id}`
  const voided = await shop.post(`${path}/void`)
  expect(voided).toMatchObject({ status: 201, json: { status: "voided", amount_captured: 0 } })
  expect(await shop.balances()).toEqual({ "pending:BRL": [0, 0] })
  for (const command of ["capture", "void", "refunds"]) {
    expect(await shop.post(`${path}/${command}`)).toMatchObject({
      status: 409,
      json: { code: "invalid_state", retryable: false }
    })
  }
})

test("a command for a payment nobody made is answered 404", async () => {
  const shop = await openShop(one, "lost")
  for (const id of [paymentIdOf("lost", "never"), "pay_1", "ref_x"]) {
    for (const command of ["capture", "void", "refunds"]) {
      const { json, status } = await shop.post(`/v1/payments/${id}/${command}`)
      expect([status, json.code]).toEqual([404, "payment_not_found"])
    }
    expect((await shop.get(`/v1/payments/${id}`)).status).toBe(404)
    expect((await shop.get(`/v1/payments/${id}/trace`)).status).toBe(404)
  }
})

test("every currency has its own minor units and accounts", async () => {
  const shop = await openShop(one, "currencies")
  for (const [currency, amount] of [["JPY", 999], ["KWD", 12_345], ["USD", 1]] as const) {
    expect((await shop.pay({ currency, amount })).json).toMatchObject({
      status: "captured",
      currency,
      amount_captured: amount
    })
  }
  // 2.99 % rounded half up: 29.87 → 30, 369.1 → 369, 0.03 → 0.
  expect(await shop.balances()).toEqual({
    "pending:JPY": [969, 0],
    "pending:KWD": [11_976, 0],
    "pending:USD": [1, 0]
  })
})

test("M1: debits equal credits in every currency after all of this", async () => {
  const lines = await trialBalance(one)
  expect(lines.map(({ currency }) => currency)).toEqual(["BRL", "JPY", "KWD", "USD"])
  for (const { credits, debits } of lines) expect(debits).toBe(credits)
  expect(Number(lines[0]!["debits"])).toBeGreaterThan(0)
  expect(await imbalances(one)).toEqual([])
})

test("M2: no payment was charged twice", async () => {
  const { charged_twice, charges } = await gatewayOf(one).summary()
  expect(charged_twice).toEqual([])
  expect(charges).toBeGreaterThan(5)
})

test.each(["XCG", "XAD"])(
  "%s, of the latest amendments, is a currency like any other",
  async (currency) => {
    const shop = await openShop(one, "currencies")
    const { json, status } = await shop.pay({ currency })
    expect([status, json.status, json.currency]).toEqual([201, "captured", currency])
  }
)

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
