import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, leaksIn, openShop, paidWith, type Shop } from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const refund = (shop: Shop, id: string, body: object = {}) =>
  shop.post(`/v1/payments/${id}/refunds`, body)

const shares = {
  splits: [{ recipient: "seller_a", share: "0.70" }, { recipient: "seller_b", share: "0.30" }]
}

test("a split by share pays the fee first, then each recipient its part", async () => {
  const shop = await openShop(one, "by_share")
  const { json, status } = await shop.pay(shares)
  expect(status).toBe(201)
  expect(json).toMatchObject({ status: "captured", fee: 299, ...shares })
  expect(await shop.balances()).toEqual({
    "recipient:seller_a:pending:BRL": [6_791, 0],
    "recipient:seller_b:pending:BRL": [2_910, 0]
  })
  const { json: trace } = await shop.get(`/v1/payments/${json.id}/trace`)
  const postings = trace.data.filter(({ kind }: { kind: string }) => kind === "posting")
  expect(postings.map(({ title }: { title: string }) => title)).toEqual([
    "capture (posted) 2.99 BRL",
    "capture (posted) 67.91 BRL",
    "capture (posted) 29.10 BRL"
  ])
  expect(await imbalances(one)).toEqual([])
})

test("a split by amount leaves the rest to the merchant", async () => {
  const shop = await openShop(one, "by_amount")
  const splits = [{ recipient: "seller_a", amount: 5_000 }, {
    recipient: "seller_b",
    amount: 3_000
  }]
  const { json } = await shop.pay({ splits })
  expect(json).toMatchObject({ status: "captured", fee: 299, splits })
  expect(await shop.balances()).toEqual({
    "pending:BRL": [1_701, 0],
    "recipient:seller_a:pending:BRL": [5_000, 0],
    "recipient:seller_b:pending:BRL": [3_000, 0]
  })
})

test("captures in parts end with the legs that one capture would have made", async () => {
  const shop = await openShop(one, "split_parts")
  const { json } = await shop.pay({ ...shares, capture: "manual" })
  for (const amount of [1, 3_333, 6_665, 1]) {
    expect((await shop.post(`/v1/payments/${json.id}/capture`, { amount })).status).toBe(201)
  }
  expect(await shop.balances()).toMatchObject({
    "recipient:seller_a:pending:BRL": [6_791, 0],
    "recipient:seller_b:pending:BRL": [2_910, 0]
  })
  expect((await shop.get(`/v1/payments/${json.id}`)).json).toMatchObject({
    status: "captured",
    fee: 299
  })
})

test("splits that cannot be paid are refused, and nothing is charged", async () => {
  const shop = await openShop(one, "bad_splits")
  const before = (await gatewayOf(one).summary()).operations
  for (
    const splits of [
      [{ recipient: "a", share: "0.7" }, { recipient: "b", share: "0.4" }],
      [{ recipient: "a", share: "0.7" }, { recipient: "a", share: "0.1" }],
      [{ recipient: "a", share: "0.7" }, { recipient: "b", amount: 1 }],
      [{ recipient: "a", share: "0.7", amount: 1 }],
      [{ recipient: "a" }],
      [{ recipient: "a", amount: 9_702 }]
    ]
  ) {
    const { json, status } = await shop.pay({ splits })
    expect([status, json.code, splits]).toEqual([422, "invalid_splits", splits])
  }
  expect((await shop.get("/v1/payments")).json.data).toEqual([])
  expect(await shop.balances()).toEqual({})
  expect((await gatewayOf(one).summary()).operations).toBe(before)
})

test("a full refund gives every leg back, the fee included", async () => {
  const shop = await openShop(one, "full_refund")
  const { json } = await shop.pay(shares)
  const refunded = await refund(shop, json.id, { reason: "The chair was broken" })
  expect(refunded.status).toBe(201)
  expect(refunded.json).toMatchObject({
    status: "captured",
    amount_captured: 10_000,
    amount_refunded: 10_000,
    refunds: [{ amount: 10_000, status: "succeeded", reason: "The chair was broken" }]
  })
  expect(refunded.json.refunds[0].id).toMatch(/^ref_/)
  expect(await shop.balances()).toEqual({
    "recipient:seller_a:pending:BRL": [0, 0],
    "recipient:seller_b:pending:BRL": [0, 0]
  })
  expect(await refund(shop, json.id)).toMatchObject({
    status: 422,
    json: { code: "nothing_to_refund" }
  })
})

test("refunds in many parts sum exactly and stop at what was captured", async () => {
  const shop = await openShop(one, "many_refunds")
  const { json } = await shop.pay(shares)
  const parts = [1, 333, 7, 1_000, 2_500, 1, 3_158]
  for (const amount of parts) {
    expect((await refund(shop, json.id, { amount })).status).toBe(201)
  }
  expect(await refund(shop, json.id, { amount: 3_001 })).toMatchObject({
    status: 422,
    json: { code: "amount_too_large" }
  })
  const halfway = await shop.balances()
  const left = Object.values(halfway).reduce((sum, [posted]) => sum + posted, 0)
  // 3,000 are left, 2.99 % of them with the fee's account.
  expect(Math.abs(left - (3_000 - 90))).toBeLessThanOrEqual(1)
  expect((await refund(shop, json.id)).json).toMatchObject({ amount_refunded: 10_000 })
  expect(await refund(shop, json.id, { amount: 1 })).toMatchObject({
    status: 422,
    json: { code: "nothing_to_refund" }
  })
  expect(await shop.balances()).toEqual({
    "recipient:seller_a:pending:BRL": [0, 0],
    "recipient:seller_b:pending:BRL": [0, 0]
  })
  const operations = await gatewayOf(one).operations(json.id)
  const made = operations.filter(({ kind }) => kind === "refund").map(({ amount }) => amount)
  expect([...made].sort()).toEqual([...parts, 3_000].sort())
})

test("refunds at the same time never give back more than was captured", async () => {
  const shop = await openShop(one, "racing_refunds")
  const { json } = await shop.pay()
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => refund(shop, json.id, { amount: 3_000 }))
  )
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(3)
  for (const { json } of answers.filter(({ status }) => status !== 201)) {
    expect(json.code).toBe("amount_too_large")
  }
  expect((await shop.get(`/v1/payments/${json.id}`)).json).toMatchObject({
    amount_refunded: 9_000
  })
  const operations = await gatewayOf(one).operations(json.id)
  expect(operations.filter(({ kind }) => kind === "refund")).toHaveLength(3)
})

test("what was only partly captured is refunded up to that part", async () => {
  const shop = await openShop(one, "part_refund")
  const { json } = await shop.pay({ capture: "manual" })
  await shop.post(`/v1/payments/${json.id}/capture`, { amount: 4_000 })
  expect(await refund(shop, json.id, { amount: 4_001 })).toMatchObject({ status: 422 })
  expect(await refund(shop, json.id, { amount: 4_000 })).toMatchObject({
    status: 201,
    json: { status: "partially_captured", amount_refunded: 4_000 }
  })
  expect(await shop.balances()).toEqual({ "pending:BRL": [0, 6_000] })
})

test("what was never captured cannot be refunded", async () => {
  const shop = await openShop(one, "no_refund")
  for (const fields of [{ capture: "manual" }, paidWith("tok_declined_soft")]) {
    const { json } = await shop.pay(fields)
    expect(await refund(shop, json.id)).toMatchObject({
      status: 409,
      json: { code: "invalid_state" }
    })
  }
})

test("M1: the gateway and the ledger agree on all of this to the cent", async () => {
  expect(await imbalances(one)).toEqual([])
  const { charged_twice, totals: [total] } = await gatewayOf(one).summary()
  expect(charged_twice).toEqual([])
  const { json } = await one.ask(await one.operatorKey(), "GET", "/v1/reports/trial-balance")
  const { captured, refunded } = total!
  // Each captured cent is one debit; each refunded one passes through transit, two more.
  expect(json.data).toMatchObject([{ debits: String(captured + 2 * refunded) }])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
