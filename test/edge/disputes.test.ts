import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { imbalances, leaksIn, openShop } from "../support/shop.ts"

let one: TestLastro
let operator: string
beforeAll(async () => {
  one = await startTestLastro()
  operator = await one.operatorKey()
})
afterAll(() => one.stop())

const asOperator = (path: string, body: object, key: string = randomUUID()) =>
  one.ask(operator, "POST", path, {
    body,
    headers: { "idempotency-key": key, prefer: "wait=30" }
  })

test("a dispute holds each leg, takes evidence, and is lost leg by leg", async () => {
  const shop = await openShop(one, "lost")
  const { json: { id } } = await shop.pay({ splits: [{ recipient: "seller_a", share: "0.70" }] })
  const path = `/v1/payments/${id}/disputes`
  const dispute = { dispute_id: "dp_1", amount: 10_000, fee: 1_500, reason: "fraudulent" }
  const opened = await asOperator(path, dispute, "notice-1")
  expect(opened.status).toBe(201)
  expect(opened.json).toMatchObject({ status: "captured", amount_disputed: 10_000 })
  expect(await shop.balances()).toEqual({
    "pending:BRL": [2_910 - 1_500, -2_910],
    "recipient:seller_a:pending:BRL": [6_791, -6_791]
  })
  const refund = await shop.post(`/v1/payments/${id}/refunds`, { amount: 1 })
  expect([refund.status, refund.json.code]).toEqual([422, "nothing_to_refund"])
  const evidence = { text: "delivered and signed for", documents: ["doc_17"] }
  const defended = await shop.post(`${path}/dp_1/evidence`, evidence)
  expect(defended.json.disputes[0]).toMatchObject({ status: "under_review", evidence })
  expect((await asOperator(`${path}/dp_1/outcome`, { outcome: "lost" })).status).toBe(201)
  // The gateway says it again, in a notice of its own.
  expect((await asOperator(`${path}/dp_1/outcome`, { outcome: "lost" })).status).toBe(201)
  expect((await asOperator(`${path}/dp_1/outcome`, { outcome: "won" })).status).toBe(409)
  expect(await shop.balances()).toEqual({
    "pending:BRL": [-1_500, 0],
    "recipient:seller_a:pending:BRL": [0, 0]
  })
  const { json: list } = await shop.get("/v1/disputes?status=lost")
  expect(list.data).toMatchObject([{ payment_id: id, id: "dp_1", currency: "BRL", evidence }])
  expect((await shop.get("/v1/disputes?status=won")).json.data).toEqual([])
  await eventually(async () => {
    const { json } = await shop.get("/v1/events?limit=100")
    const types = json.data.map(({ type }: { type: string }) => type)
    const told = ["opened", "evidence_submitted", "lost"].map((what) => `payment.dispute_${what}`)
    return told.every((type) => types.includes(type)) ? true : undefined
  })
  expect(await imbalances(one)).toEqual([])
})

test("a dispute that is won gives everything back, and what it held can be refunded", async () => {
  const shop = await openShop(one, "won")
  const { json: { id } } = await shop.pay()
  const path = `/v1/payments/${id}/disputes`
  await asOperator(path, { dispute_id: "dp_1", amount: 10_000 })
  await asOperator(`${path}/dp_1/outcome`, { outcome: "won" })
  expect(await shop.balances()).toEqual({ "pending:BRL": [9_701, 0] })
  const { json } = await shop.post(`/v1/payments/${id}/refunds`)
  expect(json).toMatchObject({ amount_refunded: 10_000, amount_disputed: 0 })
  expect(await imbalances(one)).toEqual([])
})

test("what concerns no dispute is refused with the reason", async () => {
  const shop = await openShop(one, "refused")
  const { json: { id } } = await shop.pay()
  const path = `/v1/payments/${id}/disputes`
  const codeOf = async (answer: Promise<{ status: number; json: { code: string } }>) => {
    const { json, status } = await answer
    return [status, json.code]
  }
  expect(await codeOf(asOperator(path, { dispute_id: "dp_1", amount: 10_001 })))
    .toEqual([422, "amount_too_large"])
  expect(await codeOf(shop.post(`${path}/dp_9/accept`))).toEqual([404, "dispute_not_found"])
  expect(await codeOf(shop.post(`${path}/${"x".repeat(65)}/accept`)))
    .toEqual([404, "dispute_not_found"])
  expect(await codeOf(shop.post(path, { dispute_id: "dp_1", amount: 1 }))).toEqual([
    403,
    "not_allowed"
  ])
  expect(leaksIn(one.logs)).toEqual([])
})
