import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, leaksIn, openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let operator: string
beforeAll(async () => {
  one = await startTestLastro()
  operator = await one.operatorKey()
})
afterAll(() => one.stop())

interface Review {
  readonly payment_id: string
  readonly merchant: string
}

const queue = async (merchant: string): Promise<ReadonlyArray<Review>> =>
  (await one.ask(operator, "GET", "/v1/fraud/reviews")).json.data
    .filter((review: Review) => review.merchant === merchant)

const decide = (id: string, decision: string, key: string = randomUUID(), query = "") =>
  one.ask(operator, "POST", `/v1/fraud/reviews/${id}${query}`, {
    body: { decision },
    headers: { "idempotency-key": key, prefer: "wait=30" }
  })

let customers = 0
const held = async (shop: Shop) => {
  const customer = { id: `cus_new_${++customers}`, email: "new@example.com" }
  const { json, status } = await shop.pay({ amount: 500_001, customer })
  expect([status, json.status]).toEqual([201, "in_review"])
  return json
}

test("a large first payment waits in the queue with its reasons", async () => {
  const shop = await openShop(one, "queue")
  const payment = await held(shop)
  expect(payment.risk).toMatchObject({
    decision: "review",
    reasons: [{ code: "large_first_payment", detail: expect.stringContaining("5000.00") }]
  })
  expect(payment.risk.score).toBeGreaterThan(0)
  expect(payment.attempts).toEqual([])
  expect(await queue("queue")).toMatchObject([{
    payment_id: payment.id,
    amount: 500_001,
    currency: "BRL",
    score: payment.risk.score,
    reasons: payment.risk.reasons
  }])
  expect(await gatewayOf(one).operations(payment.id)).toEqual([])
})

test("exactly 5,000.00, or a customer known from before, is let through", async () => {
  const shop = await openShop(one, "let_through")
  expect((await shop.pay({ amount: 500_000 })).json.status).toBe("captured")
  const customer = { id: "cus_regular" }
  expect((await shop.pay({ customer })).json.status).toBe("captured")
  expect((await shop.pay({ amount: 500_001, customer })).json).toMatchObject({
    status: "captured",
    risk: { decision: "allow" }
  })
})

test("an approved payment is charged and leaves the queue", async () => {
  const shop = await openShop(one, "approved")
  const { id } = await held(shop)
  const approved = await decide(id, "approve")
  expect(approved).toMatchObject({ status: 201, json: { id, status: "captured" } })
  expect(await queue("approved")).toEqual([])
  expect((await shop.get(`/v1/payments/${id}`)).json).toEqual(approved.json)
  const { json: trace } = await shop.get(`/v1/payments/${id}/trace`)
  const review = trace.data.find(({ title }: { title: string }) => title === "review")
  expect(review.detail).toContain("by operator")
  expect(await gatewayOf(one).operations(id)).toMatchObject([{ kind: "charge", amount: 500_001 }])
})

test("a rejected payment is never charged", async () => {
  const shop = await openShop(one, "rejected")
  const { id } = await held(shop)
  expect(await decide(id, "reject")).toMatchObject({
    status: 201,
    json: { status: "rejected", failure: { code: "review_rejected" }, attempts: [] }
  })
  expect(await queue("rejected")).toEqual([])
  expect(await gatewayOf(one).operations(id)).toEqual([])
  expect(await decide(id, "approve")).toMatchObject({
    status: 409,
    json: { code: "not_in_review" }
  })
})

test("two reviewers who disagree at once make one decision", async () => {
  const shop = await openShop(one, "disagree")
  const { id } = await held(shop)
  const answers = await Promise.all([decide(id, "approve"), decide(id, "reject")])
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409])
  const { json } = await shop.get(`/v1/payments/${id}`)
  expect(json.status).toBe(answers[0]!.status === 201 ? "captured" : "rejected")
})

test("G13: the same decision again is answered the same, another one is refused", async () => {
  const shop = await openShop(one, "decided_again")
  const { id } = await held(shop)
  const key = randomUUID()
  const first = await decide(id, "approve", key)
  const again = await decide(id, "approve", key)
  expect(again).toMatchObject({ status: 201, json: first.json })
  expect(again.headers.get("idempotent-replayed")).toBe("true")
  expect(await decide(id, "reject", key)).toMatchObject({
    status: 422,
    json: { code: "idempotency_key_reused" }
  })
})

test("an operator may name the merchant; the wrong one has no such payment", async () => {
  const shop = await openShop(one, "named")
  const { id } = await held(shop)
  expect(await decide(id, "approve", randomUUID(), "?merchant=queue")).toMatchObject({
    status: 404,
    json: { code: "payment_not_found" }
  })
  expect(await queue("named")).toHaveLength(1)
  expect(await decide(id, "approve", randomUUID(), "?merchant=named")).toMatchObject({
    status: 201,
    json: { status: "captured" }
  })
})

test("a payment nobody made, or one that is not held, cannot be decided", async () => {
  const shop = await openShop(one, "not_held")
  const { json } = await shop.pay()
  expect(await decide(json.id, "reject")).toMatchObject({
    status: 409,
    json: { code: "not_in_review" }
  })
  expect((await decide("pay_00000000000000000000000000", "approve")).status).toBe(404)
  expect((await shop.get(`/v1/payments/${json.id}`)).json.status).toBe("captured")
})

test("a merchant cannot decide about its own payment", async () => {
  const shop = await openShop(one, "own")
  const { id } = await held(shop)
  const { json, status } = await shop.post(`/v1/fraud/reviews/${id}`, { decision: "approve" })
  expect([status, json.code]).toEqual([403, "not_allowed"])
  // Capturing is no way around a reviewer.
  for (const command of ["capture", "refunds"]) {
    expect((await shop.post(`/v1/payments/${id}/${command}`)).status).toBe(409)
  }
  expect((await shop.get(`/v1/payments/${id}`)).json.status).toBe("in_review")
})

test("a payment that its merchant gives up leaves the queue, and no approval charges it", async () => {
  const shop = await openShop(one, "given_up")
  const { id } = await held(shop)
  const { json, status } = await shop.post(`/v1/payments/${id}/void`)
  expect([status, json.status]).toEqual([201, "voided"])
  expect(await queue("given_up")).toEqual([])
  expect(await decide(id, "approve")).toMatchObject({
    status: 409,
    json: { code: "not_in_review", detail: "the payment is voided" }
  })
  expect((await shop.get(`/v1/payments/${id}`)).json).toMatchObject({
    status: "voided",
    attempts: []
  })
  expect(await gatewayOf(one).operations(id)).toEqual([])
  const told = await shop.get("/v1/events?limit=100")
  const types = told.json.data.filter((event: { about?: string }) => event.about === id)
    .map(({ type }: { type: string }) => type)
  expect(types).toContain("payment.voided")
})

test("a device on the deny list is rejected at once", async () => {
  const shop = await openShop(one, "denied")
  const { json, status } = await shop.pay({ device: { ip: "203.0.113.66" } })
  expect(status).toBe(201)
  expect(json).toMatchObject({
    status: "rejected",
    failure: { code: "risk_denied" },
    risk: { score: 1_000, decision: "deny", reasons: [{ code: "ip_denied" }] },
    attempts: []
  })
  expect(await gatewayOf(one).operations(json.id)).toEqual([])
  expect(await shop.balances()).toEqual({})
  expect((await shop.pay({ device: { ip: "203.0.113.67" } })).json.status).toBe("captured")
})

test("after all of this the books balance and nothing was charged twice", async () => {
  expect(await imbalances(one)).toEqual([])
  expect((await gatewayOf(one).summary()).charged_twice).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
