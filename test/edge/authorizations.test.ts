import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, order, paidWith } from "../support/shop.ts"

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

test("a void right behind the 202 ends the payment, however far its charge has come", async () => {
  const shop = await openShop(one, "hasty")
  const ids = await Promise.all(Array.from({ length: 8 }, async () => {
    const made = await shop.post("/v1/payments", { ...order, ...manual }, { prefer: "" })
    expect(made.status).toBe(202)
    const given = await shop.post(`/v1/payments/${made.json.id}/void`)
    expect(given).toMatchObject({ status: 201, json: { status: "voided" } })
    return made.json.id as string
  }))
  for (const id of ids) expect((await shop.until(id, "voided")).amount_captured).toBe(0)
  // An account is there where an authorization had been made before its void.
  for (const [, pending] of Object.values(await shop.balances())) expect(pending).toBe(0)
})

test("a void behind a capture that has no answer yet gives back what that leaves", async () => {
  const shop = await openShop(one, "behind")
  const { json: { id } } = await shop.pay(manual)
  const [captured, given] = await Promise.all([
    shop.post(`/v1/payments/${id}/capture`, { amount: 4_000 }),
    shop.post(`/v1/payments/${id}/void`)
  ])
  expect(given.status).toBe(201)
  const { json } = await shop.get(`/v1/payments/${id}`)
  // Whichever of the two came first.
  expect([json.status, json.amount_captured]).toEqual(
    captured.status === 201 ? ["captured", 4_000] : ["voided", 0]
  )
  const [, pending] = (await shop.balances())["pending:BRL"]!
  expect(pending).toBe(0)
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
