import { randomUUID } from "node:crypto"
import { gzipSync } from "node:zlib"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, leaksIn, openShop, order, type Shop } from "../support/shop.ts"

/** Numbers of test cards: they pass the Luhn check. */
const CARD = "4111111111111111"
const OTHER_CARD = "5555 5555 5555 4444"

let one: TestLastro
let shop: Shop
/** Held by a manual capture: what is asked of it must not move it. */
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
      (select count(*) from events) as events,
      (select count(*) from journal_entries) as entries,
      (select count(*) from dead_letters) as letters,
      (select count(*) from parked_messages) as parked`
  )
  return { ...counts, operations: (await gatewayOf(one).summary()).operations }
}

const send = async (
  body: BodyInit,
  headers: Record<string, string> = {},
  path = "/v1/payments"
) => {
  const answer = await fetch(one.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${shop.key}`,
      "content-type": "application/json",
      "idempotency-key": randomUUID(),
      prefer: "wait=10",
      ...headers
    },
    body,
    ...(body instanceof ReadableStream && { duplex: "half" })
  })
  const json = await answer.json()
  expect(answer.headers.get("content-type")).toBe("application/problem+json")
  expect(json).toMatchObject({
    status: answer.status,
    title: expect.any(String),
    type: expect.any(String),
    detail: expect.any(String),
    code: expect.any(String),
    retryable: false,
    instance: answer.headers.get("request-id")
  })
  return { status: answer.status, json }
}

const pointersOf = (json: { errors?: ReadonlyArray<{ pointer: string }> }) =>
  (json.errors ?? []).map(({ pointer }) => pointer)

const with_ = (fields: object) => ({ ...order, ...fields })
const token = (token: unknown) => with_({ payment_method: { type: "card", token } })

const invalid: ReadonlyArray<readonly [about: string, pointer: string, body: object]> = [
  ["an amount as text", "/amount", with_({ amount: "10000" })],
  ["a negative amount", "/amount", with_({ amount: -1 })],
  ["nothing", "/amount", with_({ amount: 0 })],
  ["a fraction of a cent", "/amount", with_({ amount: 100.5 })],
  ["a huge amount", "/amount", with_({ amount: 1e300 })],
  ["an amount beyond exact integers", "/amount", with_({ amount: 2 ** 53 })],
  ["null for an amount", "/amount", with_({ amount: null })],
  ["a list for an amount", "/amount", with_({ amount: [1] })],
  ["no amount", "/amount", { currency: "BRL", payment_method: order.payment_method }],
  ["an unknown currency", "/currency", with_({ currency: "XXX" })],
  ["a currency that was withdrawn", "/currency", with_({ currency: "ANG" })],
  ["a metal", "/currency", with_({ currency: "XAU" })],
  ["a currency in lower case", "/currency", with_({ currency: "brl" })],
  ["a numeric currency", "/currency", with_({ currency: 986 })],
  ["a member of every object", "/currency", with_({ currency: "constructor" })],
  ["an unknown capture", "/capture", with_({ capture: "later" })],
  ["no payment method", "/payment_method", { amount: 1, currency: "BRL" }],
  ["text for a payment method", "/payment_method", with_({ payment_method: "card" })],
  ["cash", "/payment_method/type", with_({ payment_method: { type: "cash", token: "t" } })],
  ["no token", "/payment_method/token", with_({ payment_method: { type: "card" } })],
  ["an empty token", "/payment_method/token", token("")],
  ["a number for a token", "/payment_method/token", token(5)],
  ["a long token", "/payment_method/token", token("t".repeat(256))],
  ["a card number as token", "/payment_method/token", token(CARD)],
  ["a card number in a token", "/payment_method/token", token(`tok_${OTHER_CARD}`)],
  ["a card number as reference", "/reference", with_({ reference: `card ${OTHER_CARD}` })],
  ["a card number with dashes", "/reference", with_({ reference: "4111-1111-1111-1111" })],
  ["a card number as description", "/description", with_({ description: `paid by ${CARD}` })],
  ["a card number as metadata", "/metadata/card", with_({ metadata: { card: CARD } })],
  ["a card number as a metadata key", `/metadata/${CARD}`, with_({ metadata: { [CARD]: "x" } })],
  ["a NUL", "/reference", with_({ reference: "a\u0000b" })],
  ["a terminal's escape", "/description", with_({ description: "\u001b[31mred" })],
  ["a delete character", "/metadata/k", with_({ metadata: { k: "\u007f" } })],
  ["a lone surrogate", "/reference", with_({ reference: "\ud800" })],
  ["a reversed pair", "/metadata/k", with_({ metadata: { k: "\udc00\ud800" } })],
  ["a token no header could carry", "/payment_method/token", token("tok_\u2713")],
  ["a token with a space", "/payment_method/token", token("tok_a b")],
  ["a lone surrogate as token", "/payment_method/token", token("tok_\ud83d")],
  ["metadata that is no text", "/metadata/k", with_({ metadata: { k: 1 } })],
  ["nested metadata", "/metadata/k", with_({ metadata: { k: { k: "v" } } })],
  ["metadata as a list", "/metadata", with_({ metadata: ["v"] })],
  [
    "too much metadata",
    "/metadata",
    with_({
      metadata: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`k${index}`, "v"]))
    })
  ],
  ["a metadata key with a slash", "/metadata/a~1b", with_({ metadata: { "a/b": "v" } })],
  ["a customer without id", "/customer/id", with_({ customer: { email: "a@example.com" } })],
  ["a customer id with a space", "/customer/id", with_({ customer: { id: "a b" } })],
  [
    "a forged mail header",
    "/customer/email",
    with_({
      customer: { id: "c", email: "a@example.com\r\nBcc: b@example.com" }
    })
  ],
  ["an unknown locale", "/customer/locale", with_({ customer: { id: "c", locale: "fr" } })],
  ["a device that is text", "/device", with_({ device: "dev_1" })],
  ["a number for an address", "/device/ip", with_({ device: { ip: 1 } })],
  ["splits that are no list", "/splits", with_({ splits: { recipient: "a", share: "1" } })],
  [
    "too many splits",
    "/splits",
    with_({
      splits: Array.from({ length: 21 }, (_, index) => ({ recipient: `r${index}`, amount: 1 }))
    })
  ],
  ["a share above one", "/splits/0/share", with_({ splits: [{ recipient: "a", share: "1.1" }] })],
  ["a share of nothing", "/splits/0/share", with_({ splits: [{ recipient: "a", share: "0.0" }] })],
  [
    "a numeric share",
    "/splits/1/share",
    with_({
      splits: [{ recipient: "a", share: "0.1" }, { recipient: "b", share: 0.1 }]
    })
  ],
  ["a negative split", "/splits/0/amount", with_({ splits: [{ recipient: "a", amount: -5 }] })],
  [
    "a recipient that is a path",
    "/splits/0/recipient",
    with_({
      splits: [{ recipient: "a:pending:BRL", share: "0.5" }]
    })
  ],
  ["an unknown member", "/amont", with_({ amont: 1 })],
  ["a member of the payment", "/status", with_({ status: "captured" })],
  ["a command's name", "/command_id", with_({ command_id: "mine" })],
  [
    "a card number beside the token",
    "/payment_method/number",
    with_({
      payment_method: { ...order.payment_method, number: CARD }
    })
  ],
  ["a constructor", "/constructor", with_({ constructor: { prototype: { admin: true } } })]
]

describe("a payment that is not valid is refused with a pointer, and leaves nothing behind", () => {
  test.each(invalid)("%s", async (_about, pointer, body) => {
    const before = await stored()
    const { json, status } = await send(JSON.stringify(body))
    expect([status, json.code]).toEqual([422, "invalid"])
    expect(pointersOf(json)).toContain(pointer)
    for (const error of json.errors) expect(error.detail.length).toBeGreaterThan(5)
    expect(await stored()).toEqual(before)
  })

  test("several faults are told together", async () => {
    const { json } = await send(JSON.stringify({ amount: -1, currency: "XXX", capture: 1 }))
    expect(pointersOf(json).sort()).toEqual(["/amount", "/capture", "/currency", "/payment_method"])
  })

  test.each([
    [
      "an amount that would be rounded",
      JSON.stringify(order).replace("10000", "9007199254740991.4"),
      "/amount"
    ],
    [
      "an amount with too many digits",
      JSON.stringify(order).replace("10000", "10000.00000000000000001"),
      "/amount"
    ],
    ["an amount twice", JSON.stringify(order).replace("{", '{"amount":100,'), "/amount"],
    [
      "an amount twice, written differently",
      JSON.stringify(order).replace("{", '{"\\u0061mount":100,'),
      "/amount"
    ],
    [
      "a token twice",
      JSON.stringify(order).replace('"token"', '"token":"tok_other","token"'),
      "/payment_method/token"
    ]
  ])("%s is not JSON that everybody reads alike", async (_about, raw, pointer) => {
    const before = await stored()
    const { json, status } = await send(raw)
    expect([status, json.code, pointersOf(json)]).toEqual([422, "invalid", [pointer]])
    expect(await stored()).toEqual(before)
  })

  test.each([
    ["at the top", '{"__proto__":{"capture":"manual"},"amount":1,"currency":"BRL"}', "/__proto__"],
    [
      "in metadata",
      JSON.stringify(order).replace("{", '{"metadata":{"__proto__":"x"},'),
      "/metadata/__proto__"
    ],
    [
      "in the customer",
      JSON.stringify(order).replace("{", '{"customer":{"id":"c","__proto__":{"a":1}},'),
      "/customer/__proto__"
    ]
  ])("__proto__ %s is a member like any other: unknown", async (_about, raw, pointer) => {
    const before = await stored()
    const { json, status } = await send(raw)
    expect([status, pointersOf(json).includes(pointer)]).toEqual([422, true])
    expect(({} as Record<string, unknown>)["capture"]).toBeUndefined()
    expect(await stored()).toEqual(before)
  })
})

const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth)

const unreadable: ReadonlyArray<
  readonly [about: string, status: number, code: string, body: BodyInit]
> = [
  ["half an object", 400, "not_json", '{"amount":'],
  ["text", 400, "not_json", "amount=10000&currency=BRL"],
  ["XML", 400, "not_json", "<payment><amount>1</amount></payment>"],
  ["not a number", 400, "not_json", '{"amount":NaN}'],
  ["two objects", 400, "not_json", "{}{}"],
  ["nothing", 422, "invalid", ""],
  ["null", 422, "invalid", "null"],
  ["a list", 422, "invalid", JSON.stringify([order])],
  ["a string", 422, "invalid", '"payment"'],
  ["an endless number", 422, "invalid", JSON.stringify(order).replace("10000", "1e999")],
  ["nested beyond reason", 400, "too_deep", `{"metadata":${nested(33)}}`],
  ["nested far beyond reason", 400, "too_deep", nested(60_000)],
  ["bytes that are no UTF-8", 400, "unreadable_body", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])],
  ["half a character", 400, "unreadable_body", new Uint8Array([0x22, 0xe2, 0x82, 0x22])],
  ["an encoded surrogate", 400, "unreadable_body", new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ["something compressed", 400, "unreadable_body", gzipSync(JSON.stringify(order))],
  ["too much", 413, "too_large", JSON.stringify(with_({ description: "x".repeat(200_000) }))],
  ["far too much", 413, "too_large", new Uint8Array(5_000_000)]
]

describe("a body that cannot be read is refused, and leaves nothing behind", () => {
  test.each(unreadable)("%s", async (_about, status, code, body) => {
    const before = await stored()
    const answer = await send(body)
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(await stored()).toEqual(before)
  })

  test("too much that does not say how long it is", async () => {
    const before = await stored()
    let sent = 0
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        sent += 16_384
        if (sent > 1_000_000) return controller.close()
        controller.enqueue(new Uint8Array(16_384).fill(32))
      }
    })
    const answer = await send(endless)
    expect([answer.status, answer.json.code]).toEqual([413, "too_large"])
    expect(await stored()).toEqual(before)
  })

  test("a body that says it is something else is refused, whatever it is", async () => {
    const others = ["text/csv", "text/plain;charset=UTF-8", "multipart/form-data; boundary=x"]
    for (const type of [...others, "application/x-www-form-urlencoded", "application/xml"]) {
      const answer = await send(JSON.stringify(order), { "content-type": type })
      expect([answer.status, answer.json.code]).toEqual([415, "unsupported_media_type"])
    }
    const encoded = await send(JSON.stringify(order), { "content-encoding": "gzip" })
    expect([encoded.status, encoded.json.code]).toEqual([415, "unsupported_media_type"])
  })
})

describe("commands on a payment are read as strictly", () => {
  const cases: ReadonlyArray<readonly [string, string, unknown, string]> = [
    ["capture", "/amount", { amount: 0 }, "invalid"],
    ["capture", "/amount", { amount: "1" }, "invalid"],
    ["capture", "/amont", { amont: 1 }, "invalid"],
    ["capture", "/payment_id", { payment_id: "pay_other" }, "invalid"],
    ["void", "/amount", { amount: 1 }, "invalid"],
    ["void", "", [1], "invalid"],
    ["void", "", "now", "invalid"],
    ["void", "", 1, "invalid"],
    ["refunds", "/amount", { amount: -5 }, "invalid"],
    ["refunds", "/reason", { reason: "a\u0000b" }, "invalid"],
    ["refunds", "/reason", { reason: `card ${CARD}` }, "invalid"],
    ["refunds", "/reason", { reason: 5 }, "invalid"]
  ]
  test.each(cases)("%s with a wrong %s: %j", async (command, pointer, body, code) => {
    const before = await stored()
    const { json, status } = await send(
      JSON.stringify(body),
      {},
      `/v1/payments/${held}/${command}`
    )
    expect([status, json.code]).toEqual([422, code])
    expect(pointersOf(json)).toContain(pointer)
    expect(await stored()).toEqual(before)
  })

  test("a decision that is none", async () => {
    for (const body of [{}, { decision: "maybe" }, { decision: "approve", by: "me" }]) {
      const { json, status } = await one.ask(
        await one.operatorKey(),
        "POST",
        `/v1/fraud/reviews/${held}`,
        { body, headers: { "idempotency-key": randomUUID() } }
      )
      expect([status, json.code]).toEqual([422, "invalid"])
    }
  })
})

test("after all of this nothing is stuck: an honest payment goes through at once", async () => {
  const capture = await shop.post(`/v1/payments/${held}/capture`)
  expect(capture.json.status).toBe("captured")
  const { json } = await shop.pay({
    reference: "Pedido nº 7 — ação 🚀",
    metadata: { "a.b-c_D9": "\u00e9\n\t\u{1f600}", constructor: "x" }
  })
  expect(json).toMatchObject({
    status: "captured",
    reference: "Pedido nº 7 — ação 🚀",
    metadata: { "a.b-c_D9": "\u00e9\n\t\u{1f600}", constructor: "x" }
  })
  expect((await shop.get("/v1/payments")).json.data).toHaveLength(2)
  const { json: overview } = await one.ask(
    await one.operatorKey(),
    "GET",
    "/v1/operations/overview"
  )
  expect(overview.dead_letters).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number, nor was anything our fault", () => {
  expect(leaksIn(one.logs)).toEqual([])
  expect(one.logs.filter((line) => line.includes("a request failed"))).toEqual([])
})
