import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { leaksIn, openShop, order, type Shop } from "../support/shop.ts"

const CARD = "4111111111111111"

let one: TestLastro
let shop: Shop
let held: string
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  held = (await shop.pay({ capture: "manual" })).json.id
})
afterAll(() => one.stop())

/** Everything that could have been left behind, counted where it would lie. */
const stored = async () => {
  const [counts] = await query(
    one.stack.databaseUrl,
    `select (select count(*) from payments) as payments,
      (select count(*) from idempotency_keys) as keys,
      (select count(*) from events) as events`
  )
  return counts
}

const with_ = (fields: object) => ({ ...order, ...fields })

const pointersOf = (json: { errors?: ReadonlyArray<{ pointer: string }> }) =>
  (json.errors ?? []).map(({ pointer }) => pointer)

const wherever: ReadonlyArray<readonly [about: string, pointer: string, body: object]> = [
  ...["4111.1111.1111.1111", "4111/1111/1111/1111", "4111  1111  1111  1111"].map((reference) =>
    [`a card number as ${reference}`, "/reference", with_({ reference })] as const
  ),
  [
    "a card number with no-break spaces",
    "/reference",
    with_({
      reference: "4111\u00a01111\u00a01111\u00a01111"
    })
  ],
  ["a card number as customer", "/customer/id", with_({ customer: { id: CARD } })],
  [
    "a card number in an e-mail",
    "/customer/email",
    with_({
      customer: { id: "c", email: `${CARD}@example.com` }
    })
  ],
  ["a card number as device", "/device/id", with_({ device: { id: CARD } })],
  ["a card number as a device's address", "/device/ip", with_({ device: { ip: CARD } })],
  [
    "a card number as recipient",
    "/splits/0/recipient",
    with_({
      splits: [{ recipient: CARD, share: "0.5" }]
    })
  ],
  [
    "a card number as a payer's name",
    "/payment_method/payer/name",
    with_({
      payment_method: { type: "pix", payer: { name: CARD, tax_id: "52998224725" } }
    })
  ]
]

describe("a payment takes no card number", () => {
  test.each(wherever)("%s", async (_about, pointer, body) => {
    const before = await stored()
    const { json, status } = await shop.post("/v1/payments", body)
    expect([status, json.code]).toEqual([422, "invalid"])
    expect(pointersOf(json)).toContain(pointer)
    expect(await stored()).toEqual(before)
  })
})

describe("no other member and no name takes a card number", () => {
  test.each([
    ["a transfer's recipient", "/v1/transfers", "/to/recipient", {
      currency: "BRL",
      amount: 1,
      to: { recipient: CARD }
    }],
    ["a payout's destination", "/v1/payouts", "/destination", {
      currency: "BRL",
      destination: CARD
    }],
    ["a webhook's address", "/v1/webhook-endpoints", "/url", {
      url: `https://example.com/${CARD}`,
      events: ["payment.*"]
    }]
  ])("%s", async (_about, path, pointer, body) => {
    const { json, status } = await shop.post(path, body)
    expect([status, json.code]).toEqual([422, "invalid"])
    expect(pointersOf(json)).toEqual([pointer])
  })

  test("an Idempotency-Key, which is stored and shown", async () => {
    const before = await stored()
    for (const key of [CARD, "order-4111.1111.1111.1111"]) {
      const { json, status } = await shop.post("/v1/payments", order, {
        "idempotency-key": key
      })
      expect([status, json.code]).toEqual([400, "idempotency_key_invalid"])
      expect(JSON.stringify(json)).not.toContain("1111")
    }
    expect(await stored()).toEqual(before)
  })

  test("evidence and its documents", async () => {
    for (
      const [pointer, body] of [
        ["/text", { text: `paid with ${CARD}` }],
        ["/documents/0", { text: "paid", documents: [CARD] }]
      ] as const
    ) {
      const path = `/v1/payments/${held}/disputes/d1/evidence`
      const { json, status } = await shop.post(path, body)
      expect([status, pointersOf(json)]).toEqual([422, [pointer]])
    }
  })

  test("a dispute's name in the path", async () => {
    const before = await stored()
    const path = `/v1/payments/${held}/disputes/${CARD}/evidence`
    const { json, status } = await shop.post(path, { text: "paid" })
    expect([status, json.code]).toEqual([404, "dispute_not_found"])
    expect(await stored()).toEqual(before)
  })
})

test("what only looks like one to Luhn is taken", async () => {
  const everyday = {
    reference: "order-1796061707149",
    description: "23793.38128 60007.827136 95000.063305 9 84660000012345",
    metadata: { imei: "490154203237518", at: "1796061707149" }
  }
  const { json } = await shop.pay(everyday, { "idempotency-key": "pedido-1796061707149" })
  expect(json).toMatchObject({ status: "captured", ...everyday })
})

test("of 60 payments with a reference of epoch milliseconds none is refused", async () => {
  const start = 1_796_061_707_149
  const answers = await Promise.all(
    Array.from(
      { length: 60 },
      (_, index) =>
        shop.post("/v1/payments", with_({ reference: `pedido-${start + index * 977}` }), {
          prefer: "",
          "idempotency-key": randomUUID()
        })
    )
  )
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
