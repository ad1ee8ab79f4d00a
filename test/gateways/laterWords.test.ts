import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { type Receiver, startReceiver } from "../support/receiver.ts"
import { gatewayOf, imbalances, openShop, paidWith, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
  one = await startTestLastro({ finalityMillis: 2_000 })
  shop = await openShop(one, "acme")
  await shop.post("/v1/webhook-endpoints", { url: `${receiver.url}/hook`, events: ["payment.*"] })
})
afterAll(async () => {
  await one.stop()
  await receiver.stop()
})

/** Somebody acts at the gateway itself. */
const atGateway = async (what: string, body: object) => {
  const answer = await fetch(`${gatewayOf(one).url}/dashboard/${what}`, {
    method: "POST",
    body: JSON.stringify(body)
  })
  const told = await answer.json()
  expect([answer.status, told]).toEqual([200, told])
  return told
}
const keyOf = (payment: { attempts: ReadonlyArray<{ key: string; operation: string }> }) =>
  payment.attempts.findLast(({ operation }) => operation !== "charge")!.key
const hooksOf = (id: string, type: string) =>
  receiver.received.map(({ body }) => JSON.parse(body)).filter((told) =>
    told.type === type && told.data.payment.id === id
  )
const hooked = (id: string, type: string, count = 1) =>
  eventually(() => {
    const found = hooksOf(id, type)
    return Promise.resolve(found.length >= count ? found : undefined)
  })
const breaksOf = async (id: string) => {
  const { json } = await shop.get("/v1/reconciliation/breaks?limit=200")
  return json.data.filter(({ payment_id }: { payment_id: string }) => payment_id === id)
}
/** What the gateway owes for a payment by its own book, and by the ledger. */
const owed = async (id: string) => {
  const there = await (await fetch(`${gatewayOf(one).url}/owed`)).json() as ReadonlyArray<
    { payment_id: string; amount: number }
  >
  const { json } = await shop.get(`/v1/payments/${id}/trace`)
  return [there.find(({ payment_id }) => payment_id === id)?.amount ?? 0, json] as const
}

describe("a refund that the gateway first made", () => {
  test("and then reports as failed is the merchant's again, is told, and can be made again", async () => {
    const before = await shop.balances()
    const { json: { id } } = await shop.pay()
    const { json: refunded } = await shop.post(`/v1/payments/${id}/refunds`, { amount: 4_000 })
    expect(refunded).toMatchObject({ amount_refunded: 4_000, refunds: [{ status: "succeeded" }] })
    await atGateway("operations", { key: keyOf(refunded), status: "declined" })
    const failed = await shop.until(id, ({ amount_refunded }) => amount_refunded === 0)
    expect(failed.refunds).toMatchObject([{ amount: 4_000, status: "failed" }])
    const [told] = await hooked(id, "payment.refund_failed")
    expect(told.data).toMatchObject({
      payment: { amount_refunded: 0 },
      refund: { id: failed.refunds[0].id, amount: 4_000 },
      failure: { code: "taken_back" }
    })
    const again = await shop.post(`/v1/payments/${id}/refunds`)
    expect(again).toMatchObject({ status: 201, json: { amount_refunded: 10_000 } })
    // Nothing is left of the payment.
    const { "pending:BRL": [had] = [0] } = before
    expect((await shop.balances())["pending:BRL"]![0]).toBe(had)
    expect((await owed(id))[0]).toBe(0)
  })

  test("ends as the gateway says last, whether it is told or asked", async () => {
    const { json: { id } } = await shop.pay()
    const { json: refunded } = await shop.post(`/v1/payments/${id}/refunds`, { amount: 4_000 })
    const key = keyOf(refunded)
    for (const status of ["declined", "approved", "declined", "approved"]) {
      await atGateway("operations", { key, status })
      const amount = status === "approved" ? 4_000 : 0
      await shop.until(id, ({ amount_refunded }) => amount_refunded === amount)
    }
    // Nobody tells: a rumour of anything makes the payment ask.
    await atGateway("operations", { key, status: "declined", quietly: true })
    for (let times = 0; times < 3; times++) await rumour(id, key, "declined")
    await shop.until(id, ({ amount_refunded }) => amount_refunded === 0)
    expect(hooksOf(id, "payment.refunded").length).toBeGreaterThanOrEqual(1)
  })
})

const rumour = async (payment_id: string, key: string, status: string) => {
  const body = JSON.stringify({ key, payment_id, status })
  const at = new Date()
  const webhook = new Webhook(one.lastro.simulator.webhookSecret)
  const { status: answered } = await fetch(`${one.url}/v1/gateways/simulator/webhooks`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
      "webhook-signature": webhook.sign("msg_1", at, body)
    },
    body
  })
  expect(answered).toBe(200)
}

test("a refund that was refused and is made after all is booked and told", async () => {
  const { json: { id, charge_id } } = await shop.pay()
  // Somebody else's refund leaves no room for ours at the gateway.
  await atGateway("refunds", { charge_id, amount: 10_000, quietly: true })
  const refused = await shop.post(`/v1/payments/${id}/refunds`, { amount: 3_000 })
  expect([refused.status, refused.json.code]).toEqual([422, "refund_declined"])
  const { json: before } = await shop.get(`/v1/payments/${id}`)
  await atGateway("operations", { key: keyOf(before), status: "approved" })
  const made = await shop.until(id, ({ amount_refunded }) => amount_refunded === 3_000)
  expect(made.refunds).toMatchObject([{ amount: 3_000, status: "succeeded" }])
  await hooked(id, "payment.refunded")
})

test("a refund made at the gateway's own dashboard is booked, told, and a break", async () => {
  const { json: { id, charge_id } } = await shop.pay()
  await atGateway("refunds", { charge_id, amount: 2_500 })
  const refunded = await shop.until(id, ({ amount_refunded }) => amount_refunded === 2_500)
  expect(refunded.refunds).toMatchObject([
    { amount: 2_500, status: "succeeded", made_at_gateway: true }
  ])
  await hooked(id, "payment.refunded")
  const [first] = await eventually(async () => {
    const found = await breaksOf(id)
    return found.length > 0 ? found : undefined
  })
  expect(first).toMatchObject({ kind: "unexpected", operation: "refund", charge_id })
  expect((await owed(id))[0]).toBe(7_500)
  const rest = await shop.post(`/v1/payments/${id}/refunds`)
  expect(rest.json).toMatchObject({ amount_refunded: 10_000 })
})

test("a charge that nobody asked for is a break, and no merchant's", async () => {
  const made = { merchant: "acme", amount: 4_200, currency: "BRL" }
  const { charge_id } = await atGateway("charges", made)
  const operator = await one.operatorKey()
  const found = await eventually(async () => {
    const { json } = await one.ask(operator, "GET", "/v1/reconciliation/breaks?limit=200")
    const those = json.data.filter((each: { charge_id: string }) => each.charge_id === charge_id)
    return those.length > 0 ? those : undefined
  })
  expect(found).toMatchObject([{
    kind: "unexpected",
    merchant: "",
    source: "simulator",
    operation: "charge",
    payment_id: null,
    actual_amount: "4200",
    currency: "BRL"
  }])
})

test("a charge that the gateway takes back stands in suspense, is told, and is a break", async () => {
  const { json: paid } = await shop.pay()
  await atGateway("operations", { key: `${paid.id}.charge.1`, status: "declined" })
  await hooked(paid.id, "payment.charge_contradicted")
  await eventually(async () => (await breaksOf(paid.id)).length > 0 || undefined)
  expect((await shop.get(`/v1/payments/${paid.id}`)).json.status).toBe("captured")
})

test("an authorization that the gateway takes back is given up", async () => {
  const { json: held } = await shop.pay({ ...paidWith("tok_approved"), capture: "manual" })
  await atGateway("operations", { key: `${held.id}.charge.1`, status: "declined" })
  await shop.until(held.id, "voided")
  await hooked(held.id, "payment.voided")
})

test("a Pix that the receiver gives back at its bank is booked, and so is the bank's later word", async () => {
  const { json: { id } } = await shop.pay({ payment_method: { type: "pix" } })
  const bank = one.lastro.banks.get("pix")!.url
  const post = async (path: string, body: object = {}) => {
    const answer = await fetch(bank + path, { method: "POST", body: JSON.stringify(body) })
    expect(answer.status).toBe(200)
    await answer.body?.cancel()
  }
  await post(`/payer/${id.slice("pay_".length)}01`)
  const { charge_id } = await shop.until(id, "captured")
  await post(`/returns/${charge_id}`, { valor: "25.00" })
  const given = await shop.until(id, ({ amount_refunded }) => amount_refunded === 2_500)
  expect(given.refunds).toMatchObject([{ amount: 2_500, made_at_gateway: true }])
  // One of ours that the bank had made comes back.
  const { json: ours } = await shop.post(`/v1/payments/${id}/refunds`, { amount: 1_000 })
  expect(ours.amount_refunded).toBe(3_500)
  const returned = ours.refunds[1].id.slice("ref_".length)
  await post(`/returns/${charge_id}`, { id: returned, status: "NAO_REALIZADO" })
  await shop.until(id, ({ amount_refunded }) => amount_refunded === 2_500)
  await hooked(id, "payment.refund_failed")
  await eventually(async () => (await breaksOf(id)).length === 1 || undefined)
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
