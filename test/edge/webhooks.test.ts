import { randomBytes } from "node:crypto"
import { Webhook } from "standardwebhooks"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { type Received, type Receiver, startReceiver } from "../support/receiver.ts"
import { leaksIn, openShop, type Shop } from "../support/shop.ts"

/** The schedule's first retry is 5 s after the failure; this is room for a busy machine. */
const RETRIED_MILLIS = 50_000

let one: TestLastro
let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver(({ path }, index) => {
    if (path === "/fails-once") return index === 0 ? 500 : 204
    if (path === "/gone") return 410
    if (path === "/drips") return { status: 200, drips: true }
    if (path === "/moved") return { status: 307, headers: { location: `${receiver.url}/trap` } }
    return 200
  })
  one = await startTestLastro()
})
afterAll(async () => {
  await one.stop()
  await receiver.stop()
})

const at = (path: string) => receiver.received.filter((one) => one.path === path)

const arrived = (path: string, count = 1, millis = 30_000) =>
  eventually(() => Promise.resolve(at(path).length >= count ? at(path) : undefined), millis)

const register = async (shop: Shop, path: string, events: ReadonlyArray<string>) => {
  const { json, status } = await shop.post("/v1/webhook-endpoints", {
    url: receiver.url + path,
    events
  })
  expect(status).toBe(201)
  return json as { id: string; secret: string }
}

const verify = (secret: string, { body, headers }: Received) =>
  new Webhook(secret).verify(body, headers as Record<string, string>) as {
    type: string
    timestamp: string
    data: { payment: Record<string, unknown> }
  }

interface Shown {
  readonly event_type: string
  readonly status: string
  readonly attempts: number
  readonly updated_at: string
  readonly next_try_at: string | null
}

const deliveries = async (shop: Shop, endpoint: string): Promise<ReadonlyArray<Shown>> =>
  (await shop.get(`/v1/webhook-endpoints/${endpoint}/deliveries`)).json.data

const delivery = (shop: Shop, endpoint: string, status: string) =>
  eventually(async () => {
    const found = await deliveries(shop, endpoint)
    if (found[0]?.status === status) return found[0]
    throw new Error(JSON.stringify(found))
  }, RETRIED_MILLIS)

test("an event arrives signed by Standard Webhooks, with the payment as it was then", async () => {
  const shop = await openShop(one, "signed")
  const { id, secret } = await register(shop, "/signed", ["payment.*"])
  const { json: payment } = await shop.pay()
  const [first] = await arrived("/signed")
  expect(first!.method).toBe("POST")
  expect(first!.headers["content-type"]).toBe("application/json")
  const told = verify(secret, first!)
  expect(told).toMatchObject({ type: "payment.captured", data: { payment } })
  expect(new Date(told.timestamp).toISOString()).toBe(told.timestamp)

  const { json: events } = await eventually(async () => {
    const page = await shop.get("/v1/events")
    return page.json.data.length > 0 ? page : undefined
  })
  expect(first!.headers["webhook-id"]).toBe(events.data[0].id)
  expect(await delivery(shop, id, "delivered")).toMatchObject({
    event_id: events.data[0].id,
    event_type: "payment.captured",
    attempts: 1,
    last_status: 200,
    next_try_at: null
  })
  expect(at("/signed")).toHaveLength(1)
})

test("a body that drips after status 200 keeps nobody: the event is delivered", async () => {
  const shop = await openShop(one, "drips")
  const { id } = await register(shop, "/drips", ["payment.captured"])
  await shop.pay()
  expect(await delivery(shop, id, "delivered")).toMatchObject({ attempts: 1, last_status: 200 })
  const [first] = await deliveries(shop, id)
  const took = Date.parse(first!.updated_at) - at("/drips")[0]!.atMillis
  expect(took).toBeLessThan(3_000)
})

test("another secret, body, identifier or time does not verify", async () => {
  const shop = await openShop(one, "forged")
  const { secret } = await register(shop, "/forged", ["payment.captured"])
  await shop.pay()
  const [real] = await arrived("/forged")
  const other = `whsec_${randomBytes(24).toString("base64")}`
  expect(() => verify(other, real!)).toThrow()
  expect(() => verify(secret, { ...real!, body: real!.body.replace("10000", "1") })).toThrow()
  for (
    const changed of [
      { "webhook-id": "evt_other" },
      { "webhook-timestamp": String(Number(real!.headers["webhook-timestamp"]) - 1) }
    ]
  ) {
    expect(() => verify(secret, { ...real!, headers: { ...real!.headers, ...changed } })).toThrow()
  }
  expect(() => verify(secret, real!)).not.toThrow()
})

test("an endpoint hears only what it asked for, and only its own merchant's", async () => {
  const shop = await openShop(one, "chosen")
  const stranger = await openShop(one, "stranger")
  const endpoints = {
    "/only-refunds": await register(shop, "/only-refunds", ["payment.refunded"]),
    "/group": await register(shop, "/group", ["payment.*"]),
    "/all": await register(shop, "/all", ["*"])
  }
  await register(stranger, "/stranger", ["*"])
  const { json } = await shop.pay()
  await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 100 })
  await arrived("/group", 2)
  await arrived("/all", 2)
  await arrived("/only-refunds")
  for (const [path, { secret }] of Object.entries(endpoints)) {
    const told = at(path).map((one) => verify(secret, one).type).sort()
    expect(told).toEqual(
      path === "/only-refunds" ? ["payment.refunded"] : ["payment.captured", "payment.refunded"]
    )
  }
  expect(at("/stranger")).toEqual([])
})

test("after a 500 the same event is tried again, first after five seconds", async () => {
  const shop = await openShop(one, "fails_once")
  const { id, secret } = await register(shop, "/fails-once", ["payment.captured"])
  await shop.pay()
  const waiting = await delivery(shop, id, "retrying")
  expect(waiting).toMatchObject({ attempts: 1, last_status: 500 })
  expect(Date.parse(waiting.next_try_at!) - Date.parse(waiting.updated_at)).toBe(5_000)

  const [first, second] = await arrived("/fails-once", 2, RETRIED_MILLIS)
  // Never earlier than the schedule says; how much later is the machine's affair.
  expect(second!.atMillis - first!.atMillis).toBeGreaterThanOrEqual(5_000)
  expect(second!.headers["webhook-id"]).toBe(first!.headers["webhook-id"])
  expect(second!.body).toBe(first!.body)
  expect(Number(second!.headers["webhook-timestamp"])).toBeGreaterThan(
    Number(first!.headers["webhook-timestamp"])
  )
  verify(secret, second!)
  expect(await delivery(shop, id, "delivered")).toMatchObject({
    attempts: 2,
    last_status: 204,
    next_try_at: null
  })
  expect(at("/fails-once")).toHaveLength(2)
})

test("an endpoint that says it is gone is told nothing more", async () => {
  const shop = await openShop(one, "gone")
  const { id } = await register(shop, "/gone", ["payment.captured"])
  const other = await register(shop, "/still-here", ["payment.captured"])
  await shop.pay()
  expect(await delivery(shop, id, "exhausted")).toMatchObject({
    attempts: 1,
    last_status: 410,
    next_try_at: null
  })
  const { json } = await shop.get("/v1/webhook-endpoints")
  const status = new Map(
    json.data.map((one: { id: string; status: string }) => [one.id, one.status])
  )
  expect([status.get(id), status.get(other.id)]).toEqual(["disabled", "enabled"])
  await shop.pay()
  await arrived("/still-here", 2)
  expect(await deliveries(shop, id)).toHaveLength(1)
  expect(at("/gone")).toHaveLength(1)
})

test("a redirection is a failure and is not followed", async () => {
  const shop = await openShop(one, "moved")
  const { id } = await register(shop, "/moved", ["payment.captured"])
  await shop.pay()
  expect(await delivery(shop, id, "retrying")).toMatchObject({ attempts: 1, last_status: 307 })
  expect(at("/trap")).toEqual([])
})

test("an endpoint nobody serves is tried again, and payments do not wait for it", async () => {
  const shop = await openShop(one, "nobody")
  const closed = await startReceiver()
  await closed.stop()
  const { json } = await shop.post("/v1/webhook-endpoints", {
    url: closed.url,
    events: ["payment.captured"]
  })
  expect((await shop.pay()).json.status).toBe("captured")
  const failed = await delivery(shop, json.id, "retrying")
  expect(failed).toMatchObject({ attempts: 1, last_error: expect.any(String) })
})

test("the secret is shown once, and the endpoint is there once", async () => {
  const shop = await openShop(one, "secret")
  const body = { url: `${receiver.url}/secret`, events: ["payment.captured"] }
  const headers = { "idempotency-key": "hook" }
  const first = await shop.post("/v1/webhook-endpoints", body, headers)
  expect(first.json.secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/)
  const again = await shop.post("/v1/webhook-endpoints", body, headers)
  expect(again).toMatchObject({ status: 201, json: { id: first.json.id } })
  expect(again.json.secret).toBeUndefined()
  expect(again.headers.get("idempotent-replayed")).toBe("true")
  for (const other of [{ url: `${receiver.url}/other` }, { events: ["payment.refunded"] }]) {
    const refused = await shop.post("/v1/webhook-endpoints", { ...body, ...other }, headers)
    expect([refused.status, refused.json.code]).toEqual([422, "command_reused"])
  }
  const { json } = await shop.get("/v1/webhook-endpoints")
  expect(json.data).toMatchObject([{ id: first.json.id, ...body, status: "enabled" }])
  expect(JSON.stringify(json)).not.toContain("whsec_")
  await shop.pay()
  verify(first.json.secret, (await arrived("/secret"))[0]!)
})

test("a subscription to what is never told is refused, with what was probably meant", async () => {
  const shop = await openShop(one, "misspelt")
  const url = `${receiver.url}/misspelt`
  const { json, status } = await shop.post("/v1/webhook-endpoints", {
    url,
    events: ["payment.captured", "payments.captured", "payment.nonsense"]
  })
  expect([status, json.code]).toEqual([422, "unknown_event"])
  expect(json.errors.map(({ pointer }: { pointer: string }) => pointer))
    .toEqual(["/events/1", "/events/2"])
  expect(json.errors[0].detail).toContain("did you mean payment.captured?")
  expect((await shop.get("/v1/webhook-endpoints")).json.data).toEqual([])
})

test("a refused command and a charge of unknown outcome are told, too", async () => {
  const shop = await openShop(one, "seldom")
  const { id, secret } = await register(shop, "/seldom", ["payments.*", "payment.unknown"])
  const { json: payment } = await shop.pay({
    payment_method: { type: "card", token: "tok_timeout_declined" }
  })
  await arrived("/seldom")
  const refused = await shop.post(`/v1/payments/${payment.id}/capture`)
  expect(refused.status).toBeGreaterThanOrEqual(409)
  const told = (await arrived("/seldom", 2)).map((one) => verify(secret, one))
  expect(told.map(({ type }) => type)).toEqual(["payment.unknown", "payments.command_refused"])
  expect(told[1]!.data).toMatchObject({ command: "capture", code: refused.json.code })
  expect((await deliveries(shop, id)).length).toBe(2)
})

test("a merchant has at most twenty endpoints", async () => {
  const shop = await openShop(one, "many")
  for (let index = 0; index < 20; index++) {
    await register(shop, `/many-${index}`, ["payment.voided"])
  }
  const { json, status } = await shop.post("/v1/webhook-endpoints", {
    url: `${receiver.url}/one-more`,
    events: ["*"]
  })
  expect([status, json.code]).toEqual([422, "too_many_endpoints"])
})

test("what is no endpoint is refused with a pointer", async () => {
  const shop = await openShop(one, "wrong")
  const url = `${receiver.url}/wrong`
  const events = ["*"]
  const wrong: ReadonlyArray<readonly [string, object]> = [
    ["/url", { events }],
    ["/url", { url: "ftp://example.com/", events }],
    ["/url", { url: "javascript:alert(1)", events }],
    ["/url", { url: "/relative", events }],
    ["/url", { url: "http://user:secret@example.com/", events }],
    ["/url", { url: `${url}\u0000`, events }],
    ["/url", { url: `${url}/${"x".repeat(1_001)}`, events }],
    ["/url", { url: 5, events }],
    ["/events", { url }],
    ["/events", { url, events: [] }],
    ["/events", { url, events: "*" }],
    ["/events", { url, events: Array.from({ length: 51 }, () => "*") }],
    ["/events/1", { url, events: ["*", "payment"] }],
    ["/events/0", { url, events: ["payment.captured\n"] }],
    ["/secret", { url, events, secret: "whsec_mine" }]
  ]
  for (const [pointer, body] of wrong) {
    const { json, status } = await shop.post("/v1/webhook-endpoints", body)
    expect([status, json.code, json.errors?.[0]?.pointer, body]).toEqual([
      422,
      "invalid",
      pointer,
      body
    ])
  }
  const spaced = await shop.post("/v1/webhook-endpoints", { url, events }, {
    "idempotency-key": "has space"
  })
  expect([spaced.status, spaced.json.code]).toEqual([400, "idempotency_key_invalid"])
  expect((await shop.get("/v1/webhook-endpoints")).json.data).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
