import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, paidWith, type Shop } from "../support/shop.ts"

/** Time-outs, inquiries and timers of one payment, on a busy machine. */
const SETTLED_MILLIS = 50_000

let one: TestLastro
let shop: Shop
beforeAll(async () => {
  one = await startTestLastro({ finalityMillis: 2_000 })
  shop = await openShop(one, "acme")
})
afterAll(() => one.stop())

const notify = async (
  payment_id: string,
  status: string,
  { gateway = "simulator", key = `${payment_id}.charge.1`, secret = "" } = {}
) => {
  const body = JSON.stringify({ key, payment_id, status })
  const at = new Date()
  const webhook = new Webhook(secret || one.lastro.simulator.webhookSecret)
  const answer = await fetch(`${one.url}/v1/gateways/${gateway}/webhooks`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": "msg_1",
      "webhook-timestamp": String(Math.floor(at.getTime() / 1_000)),
      "webhook-signature": webhook.sign("msg_1", at, body)
    },
    body
  })
  return [answer.status, await answer.json()]
}
const begin = async (token: string, fields = {}) =>
  (await shop.pay({ ...paidWith(token), ...fields }, { prefer: "wait=30" })).json.id as string
const versionOf = async (id: string) => (await shop.get(`/v1/payments/${id}`)).json.version
/** Asks for something that is behind every message before it in the payment's mailbox. */
const settled = (id: string) => shop.post(`/v1/payments/${id}/capture`)

describe("a gateway's webhook", () => {
  test("is taken by its signature only, and only where a gateway sends them", async () => {
    const id = await begin("tok_approved")
    expect(await notify(id, "approved")).toEqual([200, { taken: 1 }])
    const stranger = `whsec_${Buffer.from("x".repeat(24)).toString("base64")}`
    const [status, problem] = await notify(id, "approved", { secret: stranger })
    expect([status, problem.code]).toEqual([401, "signature_refused"])
    expect((await notify(id, "approved", { gateway: "nobody" }))[0]).toBe(404)
  })

  test("about a payment that is not ours is taken and forgotten", async () => {
    expect(await notify(`pay_${"0".repeat(26)}`, "approved")).toEqual([200, { taken: 0 }])
    expect(await notify("../../etc", "approved")).toEqual([200, { taken: 0 }])
  })

  test("decides nothing: one that contradicts the gateway's book changes nothing", async () => {
    const paid = await begin("tok_approved")
    const declined = await begin("tok_declined_hard")
    await settled(paid)
    await settled(declined)
    const before = [await versionOf(paid), await versionOf(declined)]
    for (const status of ["declined", "approved", "requires_action", "declined"]) {
      expect((await notify(paid, status))[0]).toBe(200)
      expect((await notify(declined, status))[0]).toBe(200)
    }
    expect((await shop.get(`/v1/payments/${paid}`)).json.status).toBe("captured")
    expect((await shop.get(`/v1/payments/${declined}`)).json.status).toBe("failed")
    expect((await shop.get(`/v1/payments/${declined}`)).json.amount_captured).toBe(0)
    expect(before.every((version) => version > 0)).toBe(true)
  })

  test("makes a payment that waits for its payer ask at once, and a repeat books once", async () => {
    const { json } = await shop.pay(paidWith("tok_requires_action"))
    await fetch(json.next_action.url, {
      method: "POST",
      body: JSON.stringify({ decision: "approve" })
    })
    for (let times = 0; times < 3; times++) await notify(json.id, "approved")
    const paid = await shop.until(json.id, "captured")
    expect(paid.amount_captured).toBe(10_000)
  })
})

describe("a void that was asked for while the charge was unknown", () => {
  test("gives captured money back when the success arrives late", async () => {
    const id = await begin("tok_timeout_approved")
    const { json, status } = await shop.post(`/v1/payments/${id}/void`)
    expect(status).toBe(201)
    expect(json.void_requested).toBe(true)
    const undone = await shop.until(id, (one) => one.amount_refunded === 10_000, SETTLED_MILLIS)
    expect(undone).toMatchObject({ status: "captured", amount_captured: 10_000 })
    expect(undone.refunds).toHaveLength(1)
    const made = await gatewayOf(one).operations(id)
    expect(made.map(({ kind }) => kind).sort()).toEqual(["charge", "refund"])
  })

  test("voids an authorization that turns out to have been made", async () => {
    const id = await begin("tok_timeout_approved", { capture: "manual" })
    await shop.post(`/v1/payments/${id}/void`)
    await shop.until(id, "voided", SETTLED_MILLIS)
  })

  test("has nothing to do where the charge was declined", async () => {
    const id = await begin("tok_timeout_declined")
    await shop.post(`/v1/payments/${id}/void`)
    const failed = await shop.until(id, "failed", SETTLED_MILLIS)
    expect(failed.refunds).toEqual([])
  })
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
