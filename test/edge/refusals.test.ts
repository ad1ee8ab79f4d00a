import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

test("a capture that came before there was anything to capture is made under its own key, once there is", async () => {
  const key = await one.key("acme")
  const ask = (path: string, id: string, body: unknown, wait: boolean) =>
    one.ask(key, "POST", path, {
      headers: { "idempotency-key": id, ...(wait && { prefer: "wait=5" }) },
      body
    })
  const { json: held } = await ask("/v1/payments", "large", {
    amount: 900_000,
    currency: "BRL",
    capture: "manual",
    payment_method: { type: "card", token: "tok_approved" },
    customer: { id: "cus_new" }
  }, true)
  expect(held.status).toBe("in_review")
  const capture = `/v1/payments/${held.id}/capture`
  expect((await ask(capture, "hasty", {}, false)).status).toBe(202)
  const operator = await one.operatorKey()
  await one.ask(operator, "POST", `/v1/fraud/reviews/${held.id}`, {
    headers: { "idempotency-key": "yes", prefer: "wait=5" },
    body: { decision: "approve" }
  })
  const again = await ask(capture, "hasty", {}, true)
  expect([again.status, again.json.status]).toEqual([201, "captured"])
  const { json: now } = await one.ask(key, "GET", `/v1/payments/${held.id}`)
  expect(now).toMatchObject({ status: "captured", amount_captured: 900_000 })
})
