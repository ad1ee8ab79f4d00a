import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, settle, type Shop } from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const balances = async (shop: Shop): Promise<Record<string, Record<string, string>>> => {
  const { json } = await shop.get("/v1/balances")
  return Object.fromEntries(
    json.data.map(({ currency, recipient = "merchant", ...rest }: Record<string, string>) => [
      `${recipient} ${currency}`,
      rest
    ])
  )
}

const available = (shop: Shop, name: string, amount: string) =>
  eventually(async () => {
    const seen = await balances(shop)
    if (seen[name]?.["available"] === amount) return seen
    throw new Error(JSON.stringify(seen))
  }, 40_000)

const settledShop = async (name: string, fields: object = {}) => {
  const shop = await openShop(one, name)
  const { json } = await shop.pay(fields)
  await settle(one, json.created_at)
  return { shop, id: json.id as string }
}

test("what is captured is in the balances at once, per currency and recipient, on pages of any size", async () => {
  const shop = await openShop(one, "pending")
  const other = await openShop(one, "pending_other")
  await shop.pay({ capture: "manual", currency: "USD" })
  expect((await shop.get("/v1/balances")).json.data).toEqual([])
  const splits = [{ recipient: "pending", share: "0.50" }, { recipient: "b", share: "0.20" }]
  await shop.pay({ splits })
  await shop.pay({ splits, amount: 1_000, currency: "USD" })
  await other.pay()
  const nothing = { available: "0", reserve: "0", in_transit: "0" }
  const expected = [
    { currency: "BRL", pending: "2910", ...nothing },
    { currency: "BRL", recipient: "b", pending: "1940", ...nothing },
    { currency: "BRL", recipient: "pending", pending: "4851", ...nothing },
    { currency: "USD", pending: "291", ...nothing },
    { currency: "USD", recipient: "b", pending: "194", ...nothing },
    { currency: "USD", recipient: "pending", pending: "485", ...nothing }
  ]
  for (const limit of [1, 2, 6, 100]) {
    const found: Array<unknown> = []
    for (let cursor: string | null = ""; cursor !== null;) {
      const page = `limit=${limit}${cursor === "" ? "" : `&cursor=${cursor}`}`
      const { json } = await shop.get(`/v1/balances?${page}`)
      found.push(...json.data)
      cursor = json.next_cursor
    }
    expect(found).toEqual(expected)
  }
})

test("what the gateway settled becomes available to each owner, and is paid out once", async () => {
  const { id, shop } = await settledShop("settled", {
    splits: [{ recipient: "seller_a", share: "0.70" }]
  })
  const seen = await available(shop, "seller_a BRL", "6791")
  expect(seen["merchant BRL"]).toEqual({
    pending: "0",
    available: "2910",
    reserve: "0",
    in_transit: "0"
  })
  expect((await shop.get(`/v1/payments/${id}`)).json.amount_settled).toBe(10_000)
  const wanted = { currency: "BRL", recipient: "seller_a", amount: 5_000, destination: "ba_1" }
  const first = await shop.post("/v1/payouts", wanted, { "idempotency-key": "payout-1" })
  expect([first.status, first.json.status]).toEqual([201, "paid"])
  const again = await shop.post("/v1/payouts", wanted, { "idempotency-key": "payout-1" })
  expect(again.json.id).toBe(first.json.id)
  expect(first.headers.get("location")).toBe(`/v1/payouts/${first.json.id}`)
  expect((await shop.get(`/v1/payouts/${first.json.id}`)).json).toMatchObject({
    status: "paid",
    recipient: "seller_a",
    amount: 5_000
  })
  expect((await balances(shop))["seller_a BRL"]?.["available"]).toBe("1791")
  // The file again, in a later version: nothing is cleared twice.
  await settle(one, first.json.created_at)
  const rest = await shop.post("/v1/payouts", { currency: "BRL", recipient: "seller_a" })
  expect(rest.json).toMatchObject({ status: "paid", amount: 1_791, destination: "ba_1" })
  const empty = await shop.post("/v1/payouts", { currency: "BRL", recipient: "seller_a" })
  expect([empty.status, empty.json.code]).toEqual([409, "insufficient_funds"])
  expect((await shop.get("/v1/payouts?status=paid")).json.data).toHaveLength(2)
  expect(await imbalances(one)).toEqual([])
})

test("a payout that the bank refuses returns, and one without an answer is asked about", async () => {
  const { shop } = await settledShop("refused")
  await available(shop, "merchant BRL", "9701")
  const nowhere = await shop.post("/v1/payouts", { currency: "BRL" })
  expect([nowhere.status, nowhere.json.code]).toEqual([422, "no_destination"])
  const closed = await shop.post("/v1/payouts", { currency: "BRL", destination: "ba_closed" })
  expect(closed.json).toMatchObject({ status: "failed", failure: { code: "account_closed" } })
  expect((await balances(shop))["merchant BRL"]?.["available"]).toBe("9701")
  // It is closed for the next one, too.
  const again = await shop.post("/v1/payouts", { currency: "BRL" })
  expect([again.status, again.json.code]).toEqual([422, "no_destination"])
  const silent = await shop.post("/v1/payouts", { currency: "BRL", destination: "ba_timeout" })
  expect(silent.json.status).toBe("unknown")
  await eventually(async () => {
    const { json } = await shop.get(`/v1/payouts/${silent.json.id}`)
    return json.status === "paid" ? true : undefined
  }, 40_000)
  expect((await balances(shop))["merchant BRL"]).toMatchObject({
    available: "0",
    in_transit: "0"
  })
  const paid = (await gatewayOf(one).operations("balance:BRL")).filter(({ kind, status }) =>
    kind === "payout" && status === "approved"
  )
  expect(paid.map(({ amount }) => amount)).toContain(9_701)
  expect(await imbalances(one)).toEqual([])
})

test("a payout that the bank sends back is available again", async () => {
  const { shop } = await settledShop("sent_back")
  await available(shop, "merchant BRL", "9701")
  const { json: paid } = await shop.post("/v1/payouts", { currency: "BRL", destination: "ba_1" })
  const bringBack = () =>
    one.ask(operator, "POST", `/v1/payouts/${paid.id}/return?merchant=sent_back`, {
      body: { code: "account_closed" },
      headers: { "idempotency-key": randomUUID(), prefer: "wait=30" }
    })
  const operator = await one.operatorKey()
  expect([(await bringBack()).status, (await bringBack()).status]).toEqual([201, 201])
  expect((await shop.get(`/v1/payouts/${paid.id}`)).json).toMatchObject({
    status: "returned",
    failure: { code: "account_closed" }
  })
  expect((await balances(shop))["merchant BRL"]?.["available"]).toBe("9701")
  expect(await imbalances(one)).toEqual([])
})

test("a return that was refused stays refused under its key when the payout is returned", async () => {
  const { shop } = await settledShop("told_early")
  await available(shop, "merchant BRL", "9701")
  const wanted = { currency: "BRL", destination: "ba_timeout" }
  const { json: { id } } = await shop.post("/v1/payouts", wanted)
  const operator = await one.operatorKey()
  const bringBack = (key: string, prefer: string) =>
    one.ask(operator, "POST", `/v1/payouts/${id}/return?merchant=told_early`, {
      body: { code: "account_closed" },
      headers: { "idempotency-key": key, prefer }
    })
  // Nobody waits: only the partition knows that it said no.
  expect((await bringBack("early", "respond-async")).status).toBe(202)
  await eventually(
    async () => (await shop.get(`/v1/payouts/${id}`)).json.status === "paid" ? true : undefined,
    40_000
  )
  expect((await bringBack("late", "wait=30")).status).toBe(201)
  const again = await bringBack("early", "wait=30")
  expect([again.status, again.json.code]).toEqual([409, "invalid_state"])
})

test("a refund after the payout leaves a debt that the next settlement fills", async () => {
  const { id, shop } = await settledShop("debt")
  await available(shop, "merchant BRL", "9701")
  await shop.post("/v1/payouts", { currency: "BRL", destination: "ba_1" })
  expect((await shop.post(`/v1/payments/${id}/refunds`, { amount: 5_000 })).status).toBe(201)
  await available(shop, "merchant BRL", "-4850")
  const { json } = await shop.pay()
  await settle(one, json.created_at)
  await available(shop, "merchant BRL", "4851")
  expect(await imbalances(one)).toEqual([])
})

test("a payout that was refused stays refused under its key when there is money", async () => {
  const shop = await openShop(one, "too_early")
  const wanted = { currency: "BRL", amount: 5_000, destination: "ba_1" }
  const ask = (prefer: string) =>
    shop.post("/v1/payouts", wanted, { "idempotency-key": "early", prefer })
  // Nobody waits: only the partition knows that it said no.
  expect((await ask("respond-async")).status).toBe(202)
  const { json } = await shop.pay()
  await settle(one, json.created_at)
  await available(shop, "merchant BRL", "9701")
  const again = await ask("wait=30")
  expect([again.status, again.json.code]).toEqual([409, "insufficient_funds"])
  expect((await shop.get("/v1/payouts")).json.data).toEqual([])
  expect((await shop.post("/v1/payouts", wanted)).json.status).toBe("paid")
})
