import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, paidWith } from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const manual = { capture: "manual" }

test("an authorization is increased, captured in part and ended by a final capture", async () => {
  const shop = await openShop(one, "increased")
  const { json: { id } } = await shop.pay(manual)
  const larger = await shop.post(`/v1/payments/${id}/increment`, { amount: 5_000 })
  expect([larger.status, larger.json.amount, larger.json.amount_authorized]).toEqual([
    201,
    15_000,
    15_000
  ])
  expect(await shop.balances()).toEqual({ "pending:BRL": [0, 15_000] })
  expect((await shop.post(`/v1/payments/${id}/capture`, { amount: 9_000 })).json.status)
    .toBe("partially_captured")
  const late = await shop.post(`/v1/payments/${id}/increment`, { amount: 1 })
  expect([late.status, late.json.code]).toEqual([409, "invalid_state"])
  const last = await shop.post(`/v1/payments/${id}/capture`, { amount: 1_000, final: true })
  expect(last.json).toMatchObject({ status: "captured", amount_captured: 10_000, fee: 299 })
  expect(await shop.balances()).toEqual({ "pending:BRL": [9_701, 0] })
  expect(await imbalances(one)).toEqual([])
})

test("an increase that the gateway refuses leaves the authorization as it was", async () => {
  const shop = await openShop(one, "too_large")
  const { json: { id } } = await shop.pay(manual)
  const refused = await shop.post(`/v1/payments/${id}/increment`, { amount: 1_000_000 })
  expect([refused.status, refused.json.code]).toEqual([422, "increment_declined"])
  const { json } = await shop.post(`/v1/payments/${id}/capture`)
  expect(json).toMatchObject({ status: "captured", amount: 10_000, amount_captured: 10_000 })
})

test("an authorization that runs out is given back at the gateway and frees the hold", async () => {
  const shop = await openShop(one, "runs_out")
  const short = { ...manual, ...paidWith("tok_approved_short") }
  const { json: untouched } = await shop.pay(short)
  const { json: begun } = await shop.pay(short)
  expect((await shop.post(`/v1/payments/${begun.id}/capture`, { amount: 4_000 })).status).toBe(201)
  await shop.until(untouched.id, "expired")
  await shop.until(begun.id, "captured")
  const kinds = (await gatewayOf(one).operations(untouched.id)).map(({ kind }) => kind)
  expect(kinds).toEqual(["charge", "void"])
  expect(await shop.balances()).toEqual({ "pending:BRL": [3_880, 0] })
  expect(await imbalances(one)).toEqual([])
})
