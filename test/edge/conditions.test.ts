import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
})
afterAll(() => one.stop())

test("an unchanged payment is answered 304, a changed one anew", async () => {
  const shop = await openShop(one, "etags")
  const { json } = await shop.pay()
  const path = `/v1/payments/${json.id}`
  const etag = (await shop.get(path)).headers.get("etag")!
  expect(etag).toMatch(/^"v\d+"$/)
  const unchanged = await shop.get(path, { "if-none-match": etag })
  expect([unchanged.status, unchanged.json, unchanged.headers.get("etag")]).toEqual([304, "", etag])
  await shop.post(`${path}/refunds`, { amount: 1 })
  const changed = await shop.get(path, { "if-none-match": etag })
  expect([changed.status, changed.json.amount_refunded]).toEqual([200, 1])
  expect(changed.headers.get("etag")).not.toBe(etag)
  expect(changed.json.version).toBeGreaterThan(json.version)
})

describe("If-None-Match (RFC 9110 §13.1.2)", () => {
  test("a weak tag, a list and * answer 304 as the tag itself does, anything else 200", async () => {
    const { json: { id } } = await shop.pay()
    const path = `/v1/payments/${id}`
    const etag = (await shop.get(path)).headers.get("etag")!
    const answers = async (condition: string) =>
      (await shop.get(path, { "if-none-match": condition })).status
    for (const same of [`W/${etag}`, `"x", ${etag}`, `"x",W/${etag} , "y"`, "*", ` ${etag} `]) {
      expect([same, await answers(same)]).toEqual([same, 304])
    }
    for (const other of ['"v0"', 'W/"x"', '"x", "y"', etag.slice(1, -1), "", '"', "**"]) {
      expect([other, await answers(other)]).toEqual([other, 200])
    }
  })
})

describe("If-Match (RFC 9110 §13.1.1)", () => {
  const held = async () => {
    const { json: { id } } = await shop.pay({ capture: "manual" })
    const path = `/v1/payments/${id}`
    return { path, etag: (await shop.get(path)).headers.get("etag")! }
  }

  test("a command meant for another state does nothing, and its key is free", async () => {
    const { etag, path } = await held()
    const key = randomUUID()
    for (const condition of ['"v0"', `W/${etag}`, '"x", "y"', "v1", ""]) {
      const { json, status } = await shop.post(`${path}/capture`, {}, {
        "if-match": condition,
        "idempotency-key": key
      })
      expect([condition, status, json.code]).toEqual([condition, 412, "precondition_failed"])
    }
    expect((await shop.get(path)).headers.get("etag")).toBe(etag)
    const taken = await shop.post(`${path}/capture`, {}, {
      "if-match": `"x", ${etag}`,
      "idempotency-key": key
    })
    expect([taken.status, taken.json.status]).toEqual([201, "captured"])
  })

  test("the same command again is answered as before, though it moved the state itself", async () => {
    const { etag, path } = await held()
    const headers = { "if-match": etag, "idempotency-key": randomUUID() }
    const first = await shop.post(`${path}/capture`, {}, headers)
    const again = await shop.post(`${path}/capture`, {}, headers)
    expect([first.status, again.status, again.json]).toEqual([201, 201, first.json])
    const late = await shop.post(`${path}/refunds`, {}, { "if-match": etag })
    expect(late.status).toBe(412)
    const any = await shop.post(`${path}/refunds`, {}, { "if-match": "*" })
    expect([any.status, any.json.amount_refunded]).toEqual([201, 10_000])
  })

  test("nothing is made on the condition that it is there, and a read says the same", async () => {
    const made = await shop.pay({}, { "if-match": "*" })
    expect([made.status, made.json.code]).toEqual([412, "precondition_failed"])
    const { etag, path } = await held()
    expect((await shop.get(path, { "if-match": '"v0"' })).status).toBe(412)
    expect((await shop.get(path, { "if-match": etag })).status).toBe(200)
  })
})
