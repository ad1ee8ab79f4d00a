import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { edgeRoutes } from "../../src/house/edge.ts"
import { STREAMS_PER_KEY_MAX } from "../../src/edge/eventStreams.ts"
import { accessKeys, revokeAccessKey } from "../../src/store/accessKeys.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { leaksIn, openShop, paidWith, type Shop } from "../support/shop.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

interface Named {
  readonly id: string
}

const idsOf = (page: { data: ReadonlyArray<Named> }) => page.data.map(({ id }) => id)

/** Follows next_cursor to the end. */
const pages = async (shop: Shop, path: string) => {
  const found: Array<ReadonlyArray<string>> = []
  let cursor = ""
  do {
    const { json, status } = await shop.get(path + cursor)
    expect(status).toBe(200)
    found.push(idsOf(json))
    expect(json.has_more).toBe(json.next_cursor !== null)
    cursor = json.next_cursor === null ? "" : `&cursor=${encodeURIComponent(json.next_cursor)}`
  } while (cursor !== "")
  return found
}

describe("listing payments", () => {
  test("pages come newest first, hold each payment once, and filter by status", async () => {
    const shop = await openShop(one, "lists")
    const made: Array<string> = []
    const failed: Array<string> = []
    for (let index = 0; index < 8; index++) {
      const fields = index % 3 === 0 ? paidWith("tok_declined_hard") : {}
      const { json } = await shop.pay(fields)
      made.unshift(json.id)
      if (index % 3 === 0) failed.unshift(json.id)
    }
    expect(await pages(shop, "/v1/payments?limit=3")).toEqual([
      made.slice(0, 3),
      made.slice(3, 6),
      made.slice(6)
    ])
    expect(await pages(shop, "/v1/payments?limit=8")).toEqual([made])
    expect(await pages(shop, "/v1/payments?limit=2&status=failed")).toEqual([
      failed.slice(0, 2),
      failed.slice(2)
    ])
    expect(await pages(shop, "/v1/payments?limit=2&status=voided")).toEqual([[]])
    expect(idsOf((await shop.get("/v1/payments")).json)).toEqual(made)
  })

  test("a payment made between two pages moves nothing", async () => {
    const shop = await openShop(one, "between")
    const first = (await shop.pay()).json.id
    const second = (await shop.pay()).json.id
    const { json: page } = await shop.get("/v1/payments?limit=1")
    expect(idsOf(page)).toEqual([second])
    await shop.pay()
    const { json: next } = await shop.get(`/v1/payments?limit=1&cursor=${page.next_cursor}`)
    expect(idsOf(next)).toEqual([first])
    expect(next).toMatchObject({ has_more: false, next_cursor: null })
  })
})

describe("accounts", () => {
  test("a merchant sees its own accounts, their balances and postings", async () => {
    const shop = await openShop(one, "accounts")
    const { json: payment } = await shop.pay({ splits: [{ recipient: "seller", share: "0.5" }] })
    const { json } = await shop.get("/v1/accounts")
    const [mine, sellers] = [
      "liabilities:merchant:accounts:pending:BRL",
      "liabilities:merchant:accounts:recipient:seller:pending:BRL"
    ]
    expect(idsOf(json)).toEqual([mine, sellers])
    expect(await pages(shop, "/v1/accounts?limit=1")).toEqual([[mine], [sellers]])
    expect((await shop.get(`/v1/accounts/${sellers}`)).json).toMatchObject({
      id: sellers,
      currency: "BRL",
      posted_debits: "0",
      posted_credits: "4851",
      pending_debits: "0",
      pending_credits: "0"
    })
    await shop.post(`/v1/payments/${payment.id}/refunds`)
    const { json: postings } = await shop.get(`/v1/accounts/${sellers}/postings`)
    expect(postings.data).toMatchObject([
      { kind: "refund", payment_id: payment.id, amount: "4851", debit_account: sellers },
      { kind: "capture", payment_id: payment.id, amount: "4851", credit_account: sellers }
    ])
    const { json: newest } = await shop.get(`/v1/accounts/${sellers}/postings?limit=1`)
    expect(newest.data).toEqual(postings.data.slice(0, 1))
    const rest = `/v1/accounts/${sellers}/postings?limit=1&cursor=${newest.next_cursor}`
    expect((await shop.get(rest)).json).toMatchObject({
      data: postings.data.slice(1),
      has_more: false,
      next_cursor: null
    })
  })

  test("the platform's own accounts are nobody's to read", async () => {
    const shop = await openShop(one, "accounts")
    for (const id of ["revenue:fees:p00:BRL", "liabilities:merchant:lists:pending:BRL", "x"]) {
      for (const path of [`/v1/accounts/${id}`, `/v1/accounts/${id}/postings`]) {
        const { json, status } = await shop.get(path)
        expect([path, status, json.code]).toEqual([path, 404, "account_not_found"])
      }
    }
  })
})

describe("events", () => {
  const typesOf = (data: ReadonlyArray<{ type: string }>) => data.map(({ type }) => type)

  const settled = (shop: Shop, count: number) =>
    eventually(async () => {
      const { json } = await shop.get("/v1/events")
      return json.data.length >= count ? json.data : undefined
    }, 40_000)

  test("every event is on one page, in order, and the cursor goes on after it", async () => {
    const shop = await openShop(one, "events")
    const { json: payment } = await shop.pay({ capture: "manual" })
    const path = `/v1/payments/${payment.id}`
    await shop.post(`${path}/capture`, { amount: 4_000 })
    await shop.post(`${path}/void`)
    await shop.post(`${path}/refunds`)
    const all = await settled(shop, 4)
    expect(typesOf(all)).toEqual([
      "payment.authorized",
      "payment.partially_captured",
      "payment.voided",
      "payment.refunded"
    ])
    expect(new Set(idsOf({ data: all })).size).toBe(4)
    for (const event of all) {
      expect(event.id).toMatch(/^evt_/)
      expect(event).toMatchObject({ about: payment.id, data: { payment: { id: payment.id } } })
    }
    expect(all[1].data.capture.amount).toBe(4_000)

    const seen: Array<string> = []
    for (let after = "0.0", more = true; more;) {
      const { json } = await shop.get(`/v1/events?limit=1&after=${after}`)
      seen.push(...idsOf(json))
      after = json.next_cursor
      more = json.has_more
    }
    expect(seen).toEqual(idsOf({ data: all }))

    const end = (await shop.get("/v1/events")).json.next_cursor
    expect((await shop.get(`/v1/events?after=${end}`)).json).toEqual({
      data: [],
      has_more: false,
      next_cursor: end
    })
    await shop.pay()
    await settled(shop, 5)
    const { json: fresh } = await shop.get(`/v1/events?after=${end}`)
    expect(typesOf(fresh.data)).toEqual(["payment.captured"])
  })

  test("a live stream tells each event once, also after a reconnection", async () => {
    const shop = await openShop(one, "streams")
    const listen = async (headers: Record<string, string>, count: number) => {
      const abort = new AbortController()
      const answer = await fetch(`${one.url}/v1/events`, {
        signal: abort.signal,
        headers: {
          authorization: `Bearer ${shop.key}`,
          accept: "text/event-stream",
          ...headers
        }
      })
      expect(answer.headers.get("content-type")).toBe("text/event-stream")
      const utf8 = new TextDecoder()
      let text = ""
      for await (const chunk of answer.body!) {
        text += utf8.decode(chunk, { stream: true })
        if (text.split("\ndata: ").length > count) break
      }
      abort.abort()
      return text.split("\n\n").filter((block) => block.startsWith("id: ")).map((block) => {
        const [id, event, data] = block.split("\n")
        return {
          cursor: id!.slice("id: ".length),
          type: event!.slice("event: ".length),
          event: JSON.parse(data!.slice("data: ".length))
        }
      })
    }
    const { json: first } = await shop.pay()
    const listening = listen({}, 2)
    const { json: second } = await shop.pay()
    const told = await listening
    expect(told.map(({ event, type }) => [type, event.about])).toEqual([
      ["payment.captured", first.id],
      ["payment.captured", second.id]
    ])
    const { json: third } = await shop.pay()
    const again = await listen({ "last-event-id": told[0]!.cursor }, 2)
    expect(again.map(({ event }) => event.about)).toEqual([second.id, third.id])
  })

  test("live streams of one key are limited, and end with it", async () => {
    const key = await createApiKey(one.db, {
      name: "ends",
      merchant: "ends",
      scopes: merchantScopes
    })
    const open = () =>
      fetch(`${one.url}/v1/events`, {
        headers: { authorization: `Bearer ${key}`, accept: "text/event-stream" }
      })
    const streams = await Promise.all(Array.from({ length: STREAMS_PER_KEY_MAX }, open))
    expect(new Set(streams.map(({ status }) => status))).toEqual(new Set([200]))
    const more = await open()
    expect([more.status, (await more.json()).code]).toEqual([429, "too_many_streams"])
    expect(more.headers.get("retry-after")).toBe("15")
    const id = (await accessKeys(one.db, { merchant: "ends" }))[0]!.id
    await revokeAccessKey(one.db, { id }, { action: "act_1", who: "ana", why: "a test" })
    const before = performance.now()
    // Reading to the end is what ends with the key.
    await Promise.all(streams.map((stream) => stream.text()))
    expect(performance.now() - before).toBeLessThan(10_000)
  })
})

test("the trace tells everything about a payment in the order it happened", async () => {
  const shop = await openShop(one, "traces")
  // Nobody listens there: the delivery is told all the same.
  await shop.post("/v1/webhook-endpoints", {
    url: "http://127.0.0.1:9/",
    events: ["payment.captured"]
  })
  const customer = { id: "cus_1", email: "ana@example.com", locale: "en" }
  const { json: payment } = await shop.pay({ customer, reference: "order-7" }, {
    "idempotency-key": "make-it"
  })
  await shop.post(`/v1/payments/${payment.id}/refunds`, { amount: 2_500 })
  const items = await eventually(async () => {
    const { json } = await shop.get(`/v1/payments/${payment.id}/trace`)
    const kinds = json.data.map(({ kind }: { kind: string }) => kind)
    return kinds.includes("delivery") && kinds.filter((kind: string) => kind === "notification")
          .length === 2
      ? json.data as ReadonlyArray<{ at: string; kind: string; title: string; detail: string }>
      : undefined
  }, 40_000)
  const told = items.filter(({ kind }) => kind !== "delivery" && kind !== "notification")
    .map(({ kind, title }) => `${kind}: ${title}`)
  expect(told).toEqual([
    "command: create",
    "score: score 0: allow",
    "route: routed to simulator",
    "attempt: charge sent",
    "attempt: charge approved",
    "posting: capture (posted) 2.99 BRL",
    "posting: capture (posted) 97.01 BRL",
    "event: payment.captured",
    "command: refund",
    "attempt: refund sent",
    "posting: refund (posted) 0.75 BRL",
    "posting: refund (posted) 24.25 BRL",
    "attempt: refund approved",
    "posting: refund_confirmed (posted) 25.00 BRL",
    "event: payment.refunded"
  ])
  expect(items[0]!.detail).toBe("make-it")
  const times = items.map(({ at }) => Date.parse(at))
  expect(times).toEqual([...times].sort((left, right) => left - right))
  const written = items.filter(({ kind }) => kind === "notification")
  expect(written.map(({ title }) => title)).toEqual(["receipt (email, en)", "refund (email, en)"])
  expect(written[0]!.detail).toContain("100.00")
  expect(written[1]!.detail).toContain("25.00")
})

test("probes, description and reference answer without a key", async () => {
  const get = (path: string) => one.ask(undefined, "GET", path)
  expect(await get("/healthz")).toMatchObject({ status: 200, json: { status: "alive" } })
  const { json: ready, status } = await get("/readyz")
  const wrong = ready.signals.filter(({ state }: { state: string }) => state === "bad")
  expect([status, ready.status, wrong]).toEqual([200, "ready", []])
  const { json: description } = await get("/openapi.json")
  expect(description.openapi).toBe("3.1.0")
  const { headers, json: page } = await get("/docs")
  expect(headers.get("content-type")).toContain("text/html")
  for (const { method, path } of edgeRoutes({ allowPrivateWebhooks: true })) {
    expect(Object.keys(description.paths[path])).toContain(method.toLowerCase())
    expect(page).toContain(`${method} ${path}`)
  }
  const nowhere = await get("/v1/nothing")
  expect(nowhere).toMatchObject({ status: 404, json: { code: "route_not_found" } })
})

test("the operator page and the metrics answer operators", async () => {
  const operator = await one.operatorKey()
  const page = await one.ask(operator, "GET", "/")
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
  expect(page.headers.get("content-security-policy")).not.toContain("unsafe")
  const metrics = await one.ask(operator, "GET", "/metrics")
  expect(metrics.json).toContain("# TYPE")
  const { json } = await one.ask(operator, "GET", "/v1/operations/overview")
  expect(json.families.map(({ family }: { family: string }) => family)).toContain("payments")
})

test("the operator page's files are kept for good under addresses of their version", async () => {
  const { json: page } = await one.ask(await one.operatorKey(), "GET", "/")
  const addresses = [...(page as string).matchAll(/"(\/page\/[^"]+)"/g)].map(([, path]) => path!)
  expect(addresses).toHaveLength(2)
  for (const path of addresses) {
    const { status, headers } = await one.ask(undefined, "GET", path)
    expect(status).toBe(200)
    expect(headers.get("content-type")).toMatch(/^text\/(css|javascript)/)
    expect(headers.get("cache-control")).toContain("immutable")
    const older = path.replace(/page\/\w+/, "page/000000000000")
    expect((await one.ask(undefined, "GET", older)).status).toBe(404)
  }
  const outside = addresses[0]!.replace(/[^/]+$/, "..%2Fapp.ts")
  expect((await one.ask(undefined, "GET", outside)).status).toBe(404)
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
