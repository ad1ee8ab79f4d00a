import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, leaksIn, openShop, paidWith, type Shop } from "../support/shop.ts"

/** Short enough that the lost charge is settled within the suite. */
const FINALITY_MILLIS = 2_000
/** The call's deadline of 4 s and the window after it, less a timer's inaccuracy. */
const SILENT_AND_FINAL_MILLIS = 4_000 + FINALITY_MILLIS - 100
/** Time-outs, inquiries and timers of one payment, on a busy machine. */
const SETTLED_MILLIS = 50_000

let one: TestLastro
let shop: Shop
let gateway: ReturnType<typeof gatewayOf>
beforeAll(async () => {
  one = await startTestLastro({ finalityMillis: FINALITY_MILLIS })
  shop = await openShop(one, "acme")
  gateway = gatewayOf(one)
})
afterAll(() => one.stop())

const charges = async (id: string) =>
  (await gateway.operations(id)).filter(({ kind }) => kind === "charge")

const decideAt = async (url: string, decision: string) => {
  const answer = await fetch(url, { method: "POST", body: JSON.stringify({ decision }) })
  expect(answer.status).toBe(200)
}

describe("answers at once", () => {
  test.each([
    ["tok_approved", { status: "captured", amount_captured: 10_000 }, "approved"],
    ["tok_approved_visa", { status: "captured", amount_captured: 10_000 }, "approved"],
    ["tok_slow", { status: "captured", amount_captured: 10_000 }, "approved"],
    ["tok_duplicate_answer", { status: "captured", amount_captured: 10_000 }, "approved"],
    ["tok_declined_hard", { status: "failed", failure: { code: "do_not_honor" } }, "declined"],
    [
      "tok_declined_soft",
      { status: "failed", failure: { code: "insufficient_funds" } },
      "declined"
    ],
    ["tok_error", { status: "failed", failure: { code: "gateway_error" } }, "not_processed"],
    ["tok_of_nobody", { status: "failed", failure: { code: "invalid_token" } }, "declined"]
  ])("%s is told as the outcome", async (token, outcome, attempt) => {
    const { json, status } = await shop.pay(paidWith(token))
    expect(status).toBe(201)
    expect(json).toMatchObject(outcome)
    expect(json.attempts.map((one: { status: string }) => one.status)).toEqual([attempt])
    const made = await charges(json.id)
    expect(made.length).toBe(token === "tok_error" ? 0 : 1)
    expect(made.every(({ amount, requests }) => amount === 10_000 && requests === 1)).toBe(true)
  })

  test("an answer told twice books once", async () => {
    const twice = await openShop(one, "told_twice")
    const { json } = await twice.pay(paidWith("tok_duplicate_answer"))
    // The second answer is behind the first in the same mailbox: a later command is behind both.
    await twice.post(`/v1/payments/${json.id}/refunds`, { amount: 1_000 })
    const { json: events } = await twice.get("/v1/events")
    expect((await twice.get(`/v1/payments/${json.id}`)).json.amount_captured).toBe(10_000)
    const captures = events.data.filter(({ type }: { type: string }) => type === "payment.captured")
    expect(captures.length).toBeLessThanOrEqual(1)
    // 2.99 % of the 9,000 that are left: 269 or 270 of it is the fee's.
    const [posted] = (await twice.balances())["pending:BRL"]!
    expect(Math.abs(posted - 8_731)).toBeLessThanOrEqual(1)
  })
})

describe("tok_requires_action", () => {
  test("the payer approves, and the payment is captured", async () => {
    const { json, status } = await shop.pay(paidWith("tok_requires_action"))
    expect(status).toBe(201)
    expect(json).toMatchObject({ status: "requires_action", amount_captured: 0 })
    const { expires_at, url } = json.next_action
    const minutes = (Date.parse(expires_at) - Date.parse(json.created_at)) / 60_000
    expect(Math.round(minutes)).toBe(15)
    const page = await fetch(url)
    expect(page.headers.get("content-type")).toBe("text/html")
    expect(await page.text()).toContain("acme")

    await decideAt(url, "approve")
    const paid = await shop.until(json.id, "captured")
    expect(paid).toMatchObject({ amount_captured: 10_000, fee: 299 })
    expect(paid.next_action).toBeUndefined()
    expect(await charges(json.id)).toHaveLength(1)
    // A second thought comes too late.
    await decideAt(url, "reject")
    expect((await shop.get(`/v1/payments/${json.id}`)).json.status).toBe("captured")
  })

  test("the payer rejects, and the payment fails", async () => {
    const { json } = await shop.pay(paidWith("tok_requires_action"))
    await decideAt(json.next_action.url, "reject")
    const failed = await shop.until(json.id, "failed")
    expect(failed.failure.code).toBe("authentication_failed")
    expect(failed.next_action).toBeUndefined()
    expect(failed.amount_captured).toBe(0)
  })

  test("the merchant gives it up, and the payer can do nothing any more", async () => {
    const { json } = await shop.pay(paidWith("tok_requires_action"))
    const { json: ended } = await shop.post(`/v1/payments/${json.id}/void`)
    expect([ended.status, ended.next_action]).toEqual(["voided", undefined])
    await decideAt(json.next_action.url, "approve")
    const made = await gatewayOf(one).operations(json.id)
    expect(made.map(({ kind, status }) => [kind, status]).sort()).toEqual([
      ["charge", "declined"],
      ["void", "approved"]
    ])
    expect((await shop.get(`/v1/payments/${json.id}`)).json.status).toBe("voided")
  })

  test("with manual capture the approval only authorizes", async () => {
    const { json } = await shop.pay({ ...paidWith("tok_requires_action"), capture: "manual" })
    expect(json.status).toBe("requires_action")
    await decideAt(json.next_action.url, "approve")
    await shop.until(json.id, "authorized")
    expect((await shop.post(`/v1/payments/${json.id}/capture`)).json).toMatchObject({
      status: "captured"
    })
  })
})

describe("time-outs", () => {
  const begin = async (token: string, fields: object = {}) => {
    const { json, status } = await shop.pay({ ...paidWith(token), ...fields })
    expect([status, json.status]).toEqual([201, "unknown"])
    expect(json.attempts).toMatchObject([{ status: "unknown" }])
    expect(json).toMatchObject({ amount_captured: 0, fee: 0 })
    return json.id as string
  }

  test.concurrent("tok_timeout_approved is captured once an inquiry tells", async () => {
    const id = await begin("tok_timeout_approved")
    const paid = await shop.until(id, "captured", SETTLED_MILLIS)
    expect(paid).toMatchObject({ amount_captured: 10_000, attempts: [{ status: "approved" }] })
    expect(await charges(id)).toMatchObject([{ requests: 1 }])
  })

  test.concurrent("tok_timeout_approved with manual capture is authorized", async () => {
    const id = await begin("tok_timeout_approved", { capture: "manual" })
    await shop.until(id, "authorized", SETTLED_MILLIS)
  })

  test.concurrent("tok_timeout_declined fails once an inquiry tells", async () => {
    const id = await begin("tok_timeout_declined")
    const failed = await shop.until(id, "failed", SETTLED_MILLIS)
    expect(failed).toMatchObject({
      failure: { code: "do_not_honor" },
      attempts: [{ status: "declined" }]
    })
  })

  test.concurrent("tok_timeout_lost fails after the finality window and is never sent again", async () => {
    const id = await begin("tok_timeout_lost")
    const failed = await shop.until(id, "failed", SETTLED_MILLIS)
    expect(failed).toMatchObject({
      failure: { code: "gateway_lost" },
      attempts: [{ operation: "charge", status: "lost" }]
    })
    // Not a moment before the gateway's window is over: until then the charge may still appear.
    const [{ answered_at, sent_at }] = failed.attempts
    expect(Date.parse(answered_at) - Date.parse(sent_at)).toBeGreaterThan(SILENT_AND_FINAL_MILLIS)
    expect(await gateway.operations(id)).toEqual([])
    const { json: trace } = await shop.get(`/v1/payments/${id}/trace`)
    const sent = trace.data.filter(({ title }: { title: string }) => title === "charge sent")
    expect(sent).toHaveLength(1)
  })

  test.concurrent("commands on a payment whose charge is unknown are refused", async () => {
    const id = await begin("tok_timeout_lost")
    for (const command of ["capture", "refunds"]) {
      expect(await shop.post(`/v1/payments/${id}/${command}`)).toMatchObject({
        status: 409,
        json: { code: "operation_in_progress", retryable: true }
      })
    }
  })
})

test("an answer later than the deadline is found by inquiry, and the charge stays one", async () => {
  await gateway.control({ delay_millis: 6_000 })
  const { json } = await shop.pay()
  await gateway.control({ delay_millis: 0 })
  expect(json.status).toBe("unknown")
  await shop.until(json.id, "captured", SETTLED_MILLIS)
  expect(await charges(json.id)).toMatchObject([{ status: "approved", requests: 1 }])
})

test("while the gateway is away a payment waits, and it is captured afterwards", async () => {
  await gateway.control({ outage: true })
  const waiting = await Promise.all([1, 2, 3].map(() => shop.pay({}, { prefer: "" })))
  for (const { json, status } of waiting) {
    expect(status).toBe(202)
    await shop.until(json.id, (payment) => payment.attempts[0]?.status === "deferred")
  }
  // A payer who waits meanwhile is told that it was taken, not that it failed.
  const { status } = await shop.pay({}, { prefer: "wait=1" })
  expect(status).toBe(202)
  expect((await shop.get(`/v1/payments/${waiting[0]!.json.id}`)).json).toMatchObject({
    status: "processing",
    amount_captured: 0
  })
  await gateway.control({ outage: false })
  for (const { json } of waiting) {
    const paid = await shop.until(json.id, "captured", SETTLED_MILLIS)
    expect(paid.attempts).toMatchObject([{ operation: "charge", status: "approved" }])
    expect(await charges(json.id)).toMatchObject([{ status: "approved" }])
  }
})

test("a refund asked for during an outage is made after it, once", async () => {
  const { json } = await shop.pay()
  await gateway.control({ outage: true })
  const asked = await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 4_000 }, {
    prefer: ""
  })
  expect(asked.status).toBe(202)
  const pending = await shop.until(json.id, (payment) => payment.refunds.length === 1)
  expect(pending).toMatchObject({ amount_refunded: 0, refunds: [{ status: "pending" }] })
  // What is on its way back cannot be given back again.
  expect(await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 6_001 })).toMatchObject({
    status: 422,
    json: { code: "amount_too_large" }
  })
  await gateway.control({ outage: false })
  await shop.until(json.id, (payment) => payment.amount_refunded === 4_000, SETTLED_MILLIS)
  const refunds = (await gateway.operations(json.id)).filter(({ kind }) => kind === "refund")
  expect(refunds).toMatchObject([{ amount: 4_000, status: "approved" }])
})

test("M2: the gateway's own book shows no payment charged twice", async () => {
  const paid = await eventually(async () => {
    const { json } = await shop.get("/v1/payments?limit=100")
    const open = json.data.filter(({ status }: { status: string }) =>
      ["screening", "processing", "unknown", "requires_action"].includes(status)
    )
    return open.length === 0 ? json.data : undefined
  }, SETTLED_MILLIS)
  const { charged_twice, charges: approved } = await gateway.summary()
  expect(charged_twice).toEqual([])
  const charged = paid.filter(({ amount_authorized }: { amount_authorized: number }) =>
    amount_authorized > 0
  )
  // One more merchant paid once, in the test of the answer told twice.
  expect(approved).toBe(charged.length + 1)
  for (const { id } of paid) expect((await charges(id)).length).toBeLessThanOrEqual(1)
  expect(await imbalances(one)).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
