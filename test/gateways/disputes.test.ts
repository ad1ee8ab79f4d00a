import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, paidWith, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
beforeAll(async () => {
  one = await startTestLastro({ finalityMillis: 2_000 })
  shop = await openShop(one, "acme")
})
afterAll(() => one.stop())

// deno-lint-ignore no-explicit-any
type Told = any
const post = async (url: string, body: object = {}): Promise<Told> =>
  (await fetch(url, { method: "POST", body: JSON.stringify(body) })).json()
const untilDispute = (id: string, status: string) =>
  shop.until(id, ({ disputes = [] }) => disputes[0]?.status === status)

test("a gateway tells of a dispute, is sent the evidence, and gives the money back", async () => {
  const { json: { id } } = await shop.pay(paidWith("tok_disputed"))
  const open = await untilDispute(id, "needs_response")
  expect(open).toMatchObject({ status: "captured", amount_disputed: 10_000 })
  const [{ evidence_due_by, fee, id: dispute, reason }] = open.disputes
  expect([fee, reason]).toEqual([1_500, "fraudulent"])
  expect(Date.parse(evidence_due_by)).toBeGreaterThan(Date.now())

  const evidence = { text: "winning_evidence", documents: ["receipt:file_1"] }
  const path = `/v1/payments/${id}/disputes/${dispute}/evidence`
  const { json, status } = await shop.post(path, evidence)
  expect([status, json.disputes[0].status]).toEqual([201, "under_review"])
  const book = await (await fetch(`${gatewayOf(one).url}/disputes/${dispute}`)).json()
  expect(JSON.parse(book.evidence)).toEqual(evidence)
  expect(await untilDispute(id, "won")).toMatchObject({ amount_disputed: 0 })
  const sent = (await gatewayOf(one).operations(id)).filter(({ kind }) => kind === "evidence")
  expect(sent).toMatchObject([{ requests: 1, status: "approved" }])
})

test("a part that is disputed and lost is gone, whatever is told once more", async () => {
  const { json: { charge_id, id } } = await shop.pay()
  const base = gatewayOf(one).url
  const made = await post(`${base}/charges/${charge_id}/disputes`, { amount: 4_000, fee: 0 })
  await untilDispute(id, "needs_response")
  for (const status of ["lost", "under_review", "lost"]) {
    await post(`${base}/disputes/${made.id}`, { status })
    if (status === "lost") await untilDispute(id, "lost")
  }
  const left = await shop.post(`/v1/payments/${id}/refunds`)
  expect(left.json).toMatchObject({ amount_refunded: 6_000, amount_disputed: 4_000 })
})

test("evidence that comes too late is refused by the gateway, and the answer says so", async () => {
  const { json: { charge_id, id } } = await shop.pay()
  const base = gatewayOf(one).url
  const made = await post(`${base}/charges/${charge_id}/disputes`)
  await untilDispute(id, "needs_response")
  // It ends there without a word to us.
  const secret = one.lastro.simulator.webhookSecret
  await gatewayOf(one).control({ webhooks: { url: "http://127.0.0.1:9", secret } })
  await post(`${base}/disputes/${made.id}`, { status: "lost" })
  const path = `/v1/payments/${id}/disputes/${made.id}/evidence`
  const { json, status } = await shop.post(path, { text: "it was delivered" })
  expect([status, json.code]).toEqual([422, "evidence_declined"])
  const { json: payment } = await shop.get(`/v1/payments/${id}`)
  expect(payment.disputes[0].status).toBe("needs_response")
})

test("a bank that takes a Pix back by the special mechanism is a dispute, and a refund is not", async () => {
  const { json: { id } } = await shop.pay({ payment_method: { type: "pix" } })
  const bank = one.lastro.banks.get("pix")!.url
  await post(`${bank}/payer/${id.slice("pay_".length)}01`)
  const { charge_id } = await shop.until(id, "captured")
  await shop.post(`/v1/payments/${id}/refunds`, { amount: 1_000 })
  await post(`${bank}/med/${charge_id}`, { valor: "90.00" })
  const open = await untilDispute(id, "under_review")
  expect(open.disputes).toMatchObject([{ amount: 9_000, reason: "MED_FRAUDE", fee: 0 }])
  await post(`${bank}/med/${charge_id}`, { status: "DEVOLVIDO" })
  const lost = await untilDispute(id, "lost")
  expect(lost).toMatchObject({ amount_refunded: 1_000, amount_disputed: 9_000 })
  expect(lost.refunds).toHaveLength(1)
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
