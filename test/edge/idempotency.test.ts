import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, leaksIn, openShop, order, paidWith } from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

describe("G13: same idempotency key and body: same answer; other body: refused", () => {
  test("a payment made twice is one payment, and the second answer says so", async () => {
    const shop = await openShop(one, "same")
    const headers = { "idempotency-key": "order-1" }
    const first = await shop.pay({}, headers)
    expect(first.headers.get("idempotent-replayed")).toBeNull()
    const again = await shop.pay({}, headers)
    expect(again.status).toBe(first.status)
    expect(again.json).toEqual(first.json)
    expect(again.headers.get("idempotent-replayed")).toBe("true")
    expect(again.headers.get("location")).toBe(first.headers.get("location"))
    expect((await shop.get("/v1/payments")).json.data).toHaveLength(1)
    expect(await gatewayOf(one).operations(first.json.id)).toMatchObject([{ requests: 1 }])
  })

  test("members in another order are the same body", async () => {
    const shop = await openShop(one, "reordered")
    const send = (raw: string) =>
      one.ask(shop.key, "POST", "/v1/payments", {
        raw,
        headers: {
          "idempotency-key": "k",
          "content-type": "application/json",
          prefer: "wait=30"
        }
      })
    const members = Object.entries(order)
    const first = await send(JSON.stringify(Object.fromEntries(members)))
    const again = await send(JSON.stringify(Object.fromEntries(members.reverse()), null, 2))
    expect(again).toMatchObject({ status: 201, json: first.json })
    expect(again.headers.get("idempotent-replayed")).toBe("true")
  })

  test("the resource is told as it is now, not as it was", async () => {
    const shop = await openShop(one, "as_it_is_now")
    const headers = { "idempotency-key": "order-1" }
    const { json } = await shop.pay({}, headers)
    await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 500 })
    const again = await shop.pay({}, headers)
    expect(again.json).toMatchObject({ id: json.id, amount_refunded: 500 })
  })

  test("without waiting the repeat finds the same payment", async () => {
    const shop = await openShop(one, "no_wait")
    const headers = { "idempotency-key": "order-1", prefer: "" }
    const first = await shop.pay({}, headers)
    const again = await shop.pay({}, headers)
    expect([first.status, again.json.id]).toEqual([202, first.json.id])
    expect(again.headers.get("idempotent-replayed")).toBe("true")
    await shop.until(first.json.id, "captured")
  })

  test("another body under the same key is refused and does nothing", async () => {
    const shop = await openShop(one, "other_body")
    const headers = { "idempotency-key": "order-1" }
    const { json } = await shop.pay({}, headers)
    for (const fields of [{ amount: 10_001 }, { currency: "USD" }, { reference: "x" }]) {
      const other = await shop.pay(fields, headers)
      expect([other.status, other.json.code]).toEqual([422, "idempotency_key_reused"])
      expect(other.headers.get("content-type")).toBe("application/problem+json")
    }
    expect((await shop.get("/v1/payments")).json.data).toEqual([
      (await shop.get(`/v1/payments/${json.id}`)).json
    ])
  })

  test("a decline is repeated as the same decline, not tried again", async () => {
    const shop = await openShop(one, "declined_again")
    const headers = { "idempotency-key": "order-1" }
    const first = await shop.pay(paidWith("tok_declined_soft"), headers)
    const again = await shop.pay(paidWith("tok_declined_soft"), headers)
    expect(again).toMatchObject({ status: 201, json: first.json })
    expect(await gatewayOf(one).operations(first.json.id)).toMatchObject([{ requests: 1 }])
  })

  test.each(["capture", "void", "refunds"])("a repeated %s takes effect once", async (command) => {
    const shop = await openShop(one, `again_${command}`)
    const capture = command === "refunds" ? "automatic" : "manual"
    const { json } = await shop.pay({ capture })
    const path = `/v1/payments/${json.id}/${command}`
    const body = command === "void" ? {} : { amount: 3_000 }
    const headers = { "idempotency-key": "again" }
    const first = await shop.post(path, body, headers)
    expect(first.status).toBe(201)
    const again = await shop.post(path, body, headers)
    expect([again.status, again.json]).toEqual([201, first.json])
    expect(again.headers.get("idempotent-replayed")).toBe("true")
    expect(await gatewayOf(one).operations(json.id)).toHaveLength(2)
    if (command !== "void") {
      const other = await shop.post(path, { amount: 3_001 }, headers)
      expect([other.status, other.json.code]).toEqual([422, "idempotency_key_reused"])
    }
  })

  test("a refusal is repeated as the same refusal", async () => {
    const shop = await openShop(one, "refused_again")
    const { json } = await shop.pay()
    const headers = { "idempotency-key": "too-much" }
    const path = `/v1/payments/${json.id}/refunds`
    const first = await shop.post(path, { amount: 10_001 }, headers)
    const again = await shop.post(path, { amount: 10_001 }, headers)
    expect(first).toMatchObject({ status: 422, json: { code: "amount_too_large" } })
    expect([again.status, again.json.code, again.json.detail]).toEqual([
      first.status,
      first.json.code,
      first.json.detail
    ])
    expect(again.headers.get("idempotent-replayed")).toBe("true")
  })

  test("twenty requests at the same time with one key make one payment", async () => {
    const shop = await openShop(one, "concurrent")
    const headers = { "idempotency-key": "rush" }
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.pay({}, headers)))
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1)
    for (const { json, status } of answers) {
      expect([status, json.status]).toEqual([201, "captured"])
    }
    const fresh = answers.filter(({ headers }) => headers.get("idempotent-replayed") === null)
    expect(fresh).toHaveLength(1)
    expect((await shop.get("/v1/payments")).json.data).toHaveLength(1)
    expect(await gatewayOf(one).operations(answers[0]!.json.id)).toMatchObject([{ requests: 1 }])
  })

  test("of different bodies at the same time under one key, one wins", async () => {
    const shop = await openShop(one, "rivals")
    const headers = { "idempotency-key": "rush" }
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => shop.pay({ amount: 1_000 + index % 3 }, headers))
    )
    const won = answers.filter(({ status }) => status === 201)
    expect(won).toHaveLength(4)
    expect(new Set(won.map(({ json }) => json.amount)).size).toBe(1)
    for (const { json } of answers.filter(({ status }) => status !== 201)) {
      expect(json.code).toBe("idempotency_key_reused")
    }
  })
})

test("a key belongs to one merchant and one operation", async () => {
  const left = await openShop(one, "left")
  const right = await openShop(one, "right")
  const headers = { "idempotency-key": "shared" }
  const [first, second] = [await left.pay({}, headers), await right.pay({ amount: 5 }, headers)]
  expect([first.status, second.status]).toEqual([201, 201])
  expect(first.json.id).not.toBe(second.json.id)
  const refund = await left.post(`/v1/payments/${first.json.id}/refunds`, {}, headers)
  expect(refund).toMatchObject({ status: 201, json: { amount_refunded: 10_000 } })
})

test("every POST that moves money needs a key that can be kept", async () => {
  const shop = await openShop(one, "without_key")
  const { json: paid } = await shop.pay()
  const operator = await one.operatorKey()
  const routes: ReadonlyArray<readonly [string, string, object]> = [
    [shop.key, "/v1/payments", order],
    [shop.key, `/v1/payments/${paid.id}/capture`, {}],
    [shop.key, `/v1/payments/${paid.id}/void`, {}],
    [shop.key, `/v1/payments/${paid.id}/refunds`, {}],
    [operator, `/v1/fraud/reviews/${paid.id}`, { decision: "approve" }]
  ]
  for (const [key, path, body] of routes) {
    const missing = await one.ask(key, "POST", path, { body })
    expect([path, missing.status, missing.json.code]).toEqual([
      path,
      400,
      "idempotency_key_missing"
    ])
    for (const bad of ["has space", "x".repeat(256), "caf\u00e9"]) {
      const { json, status } = await one.ask(key, "POST", path, {
        body,
        headers: { "idempotency-key": bad }
      })
      expect([path, status, json.code]).toEqual([path, 400, "idempotency_key_invalid"])
    }
  }
  expect((await shop.get("/v1/payments")).json.data).toHaveLength(1)
  expect((await shop.get(`/v1/payments/${paid.id}`)).json).toEqual(paid)
})

test("a publish that was never confirmed is made up by the repeat", async () => {
  const shop = await openShop(one, "unconfirmed")
  const key = randomUUID()
  const { json } = await shop.pay({}, { "idempotency-key": key })
  // As after a crash between the claim and its mark: the command may or may not have gone out.
  await query(
    one.stack.databaseUrl,
    "update idempotency_keys set state = 'claimed' where key = $1",
    [key]
  )
  const again = await shop.pay({}, { "idempotency-key": key })
  expect(again).toMatchObject({ status: 201, json })
  expect(await gatewayOf(one).operations(json.id)).toMatchObject([{ requests: 1 }])
})

test("after all of this the books balance and nothing was charged twice", async () => {
  expect(await imbalances(one)).toEqual([])
  expect((await gatewayOf(one).summary()).charged_twice).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
