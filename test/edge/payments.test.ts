import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

test("a payment is captured while its caller waits", async () => {
  const key = await one.key("acme")
  const { json, status } = await one.ask(key, "POST", "/v1/payments", {
    headers: { "idempotency-key": "first", prefer: "wait=5" },
    body: {
      amount: 10_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    }
  })
  expect(status).toBe(201)
  expect(json).toMatchObject({ status: "captured", amount_captured: 10_000, fee: 299 })
})
