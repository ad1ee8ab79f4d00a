import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Post, post } from "../../actors/delivery/webhook.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { type Receiver, startReceiver } from "../support/receiver.ts"
import { leaksIn, openShop } from "../support/shop.ts"

let one: TestLastro
/** On this machine, where no webhook may lead. */
let inside: Receiver
beforeAll(async () => {
  inside = await startReceiver()
  one = await startTestLastro({ allowPrivateWebhooks: false })
})
afterAll(async () => {
  await one.stop()
  await inside.stop()
})

const privateHosts = [
  "127.0.0.1",
  "127.1",
  "2130706433",
  "0x7f000001",
  "0.0.0.0",
  "10.0.0.1",
  "172.16.0.1",
  "192.168.1.1",
  "100.64.0.1",
  "169.254.169.254",
  "[::1]",
  "[::]",
  "[::ffff:127.0.0.1]",
  "[fe80::1]",
  "[fd00::1]",
  "[64:ff9b::7f00:1]",
  // Each holds 127.0.0.1, 10.0.0.1 or 169.254.169.254.
  "[::127.0.0.1]",
  "[::7f00:1]",
  "[::a9fe:a9fe]",
  "[::ffff:7f00:1]",
  "[::ffff:0:127.0.0.1]",
  "[2002:7f00:1::]",
  "[2002:a00:1::1]",
  "[2001:0:7f00:1::1]",
  "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
  "[64:ff9b:1::7f00:1]",
  "[2a00:1450::5efe:127.0.0.1]",
  "[2a00:1450::200:5efe:10.0.0.1]",
  "[fec0::1]",
  "[2001:db8::1]",
  "[4000::1]"
]

describe("at registration", () => {
  test.each(privateHosts)("https://%s is refused", async (host) => {
    const shop = await openShop(one, "registers")
    const { json, status } = await shop.post("/v1/webhook-endpoints", {
      url: `https://${host}/hook`,
      events: ["*"]
    })
    expect([status, json.code]).toEqual([422, "url_refused"])
    expect(json.errors).toMatchObject([{ pointer: "/url", detail: expect.any(String) }])
    expect((await shop.get("/v1/webhook-endpoints")).json.data).toEqual([])
  })

  test("plain http is refused, a public https address is taken", async () => {
    const shop = await openShop(one, "registers_public")
    const events = ["payment.voided"]
    const plain = await shop.post("/v1/webhook-endpoints", { url: "http://example.com/", events })
    expect([plain.status, plain.json.code]).toEqual([422, "url_refused"])
    for (
      const url of [
        "https://example.com/ho\r\nok",
        "https://exam\tple.com/",
        " https://example.com/",
        "https://example.com/\n",
        "https:\\\\example.com/",
        "https://example.com/a b"
      ]
    ) {
      const { json, status } = await shop.post("/v1/webhook-endpoints", { url, events })
      expect([url, status, json.errors?.[0]?.pointer]).toEqual([url, 422, "/url"])
    }
    const public6 = await shop.post("/v1/webhook-endpoints", {
      url: "https://[2606:4700::6810:84e5]/",
      events
    })
    expect(public6.status).toBe(201)
    const url = "https://example.com/hook"
    expect((await shop.post("/v1/webhook-endpoints", { url, events })).status).toBe(201)
  })
})

describe("at the connection", () => {
  const one: Omit<Post, "url"> = {
    id: "evt_1",
    payload: "{}",
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    seconds: 1,
    allowPrivate: false,
    traceparent: undefined
  }
  const tried = (url: string, more: Partial<Post> = {}) =>
    Effect.runPromise(post({ ...one, url, ...more }))

  test.each(privateHosts)("the literal %s is not called", async (host) => {
    const result = await tried(`http://${host}:${inside.port}/literal`)
    expect(result).toMatchObject({ _tag: "Refused", error: expect.stringContaining("private") })
  })

  test("a name that leads to a private address is not called", async () => {
    for (const url of [`http://localhost:${inside.port}/name`, `https://localhost/name`]) {
      const result = await tried(url)
      expect(result).toMatchObject({ _tag: "Refused", error: expect.stringContaining("private") })
    }
  })

  test("nothing of all this reached the server, which does answer where it is allowed", async () => {
    expect(inside.received).toEqual([])
    for (const host of ["127.0.0.1", "localhost"]) {
      const result = await tried(`http://${host}:${inside.port}/allowed`, { allowPrivate: true })
      expect(result).toEqual({ _tag: "Accepted", status: 200 })
    }
    expect(inside.received).toHaveLength(2)
  })
})

test("a name registered in good faith is refused when it is called, and not tried again", async () => {
  const shop = await openShop(one, "good_faith")
  const before = inside.received.length
  const { json } = await shop.post("/v1/webhook-endpoints", {
    url: `https://localhost:${inside.port}/hook`,
    events: ["payment.captured"]
  })
  expect((await shop.pay()).json.status).toBe("captured")
  const delivery = await eventually(async () => {
    const { json: page } = await shop.get(`/v1/webhook-endpoints/${json.id}/deliveries`)
    return page.data[0]?.status === "exhausted" ? page.data[0] : undefined
  }, 40_000)
  expect(delivery).toMatchObject({
    attempts: 1,
    next_try_at: null,
    last_error: expect.stringContaining("private")
  })
  expect(inside.received.length).toBe(before)
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
