import { randomUUID } from "node:crypto"
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { edgeRoutes } from "../../src/house/edge.ts"
import { registry } from "../../src/telemetry/metrics.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { leaksIn, openShop, order, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let account: string
let manager: string
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  const name = "manager"
  manager = await createApiKey(one.db, { name, merchant: "acme", scopes: ["access:manage"] })
  await shop.pay()
  account = "liabilities:merchant:acme:pending:BRL"
})
afterAll(() => one.stop())

const addressed = edgeRoutes({ allowPrivateWebhooks: true })
  .filter(({ path }) => path.includes("{"))
  .map((route) => ({ name: `${route.method} ${route.path}`, ...route }))

/** Bodies that are right, so that the identifier alone is at fault. */
const bodies: ReadonlyArray<readonly [of: RegExp, body: object]> = [
  [/reviews/, { decision: "approve" }],
  [/dead-letters|families|access/, { why: "a test" }],
  [/evidence$/, { text: "delivered" }],
  [/outcome$/, { outcome: "won" }],
  [/disputes$/, { dispute_id: "dp_1", amount: 1_000 }],
  [/increment$/, { amount: 1 }],
  [/return$/, { code: "account_closed" }],
  [/reverse$/, { rate: "current" }]
]
const bodyOf = (name: string) => bodies.find(([of]) => of.test(name))?.[1] ?? {}

const identifiers = [
  "%00",
  "pay_%00000000000000000000000000",
  "%F0%9F%92%A9",
  "%ED%A0%80",
  "%FF%FE",
  "%",
  "..%2f..%2fetc%2fpasswd",
  "'%20or%201=1--",
  "%24%7Bjndi:ldap%7D",
  "__proto__",
  "constructor",
  "-1",
  "x".repeat(4_000)
]

describe("an identifier that is none is not found, and nobody's fault", () => {
  test.each(addressed)("$name", async ({ audience, method, name, path, scope }) => {
    const operator = await one.operatorKey()
    for (const id of identifiers) {
      const key = scope === "access:manage"
        ? manager
        : audience === "operator"
        ? operator
        : shop.key
      const { headers, json, status } = await one.ask(key, method, path.replace(/\{\w+\}/, id), {
        ...(method === "POST" && { body: bodyOf(name) }),
        headers: { "idempotency-key": randomUUID() }
      })
      expect([id, status]).toEqual([id, 404])
      expect(headers.get("content-type")).toBe("application/problem+json")
      expect(json.code).toMatch(/_not_found$/)
    }
  })
})

const queries: ReadonlyArray<readonly [path: string, status: number, code: string]> = [
  ["/v1/payments?limit=0", 422, "invalid"],
  ["/v1/payments?limit=101", 422, "invalid"],
  ["/v1/payments?limit=-1", 422, "invalid"],
  ["/v1/payments?limit=1.5", 422, "invalid"],
  ["/v1/payments?limit=ten", 422, "invalid"],
  ["/v1/payments?limit=", 422, "invalid"],
  ["/v1/payments?status=paid", 422, "invalid"],
  ["/v1/payments?status=captured%00", 422, "invalid"],
  ["/v1/payments?cursor=x", 400, "invalid_cursor"],
  ["/v1/payments?cursor=%00", 400, "invalid_cursor"],
  ["/v1/payments?cursor=999999999999999.pay_' or 1=1", 400, "invalid_cursor"],
  ["/v1/payments?page=2", 400, "unknown_parameter"],
  ["/v1/payments?__proto__=x", 400, "unknown_parameter"],
  ["/v1/payments?constructor=x", 400, "unknown_parameter"],
  ["/v1/events?after=x", 400, "invalid_cursor"],
  ["/v1/events?after=1", 400, "invalid_cursor"],
  ["/v1/events?after=-1.0", 400, "invalid_cursor"],
  ["/v1/events?after=1.9999999999999999999", 400, "invalid_cursor"],
  ["/v1/events?after=9999999999999999999.1", 200, ""],
  ["/v1/events?after=99999999999999999999.1", 400, "invalid_cursor"],
  ["/v1/events?limit=201", 422, "invalid"],
  ["/v1/accounts?cursor=%00", 400, "invalid_cursor"],
  ["/v1/accounts?cursor=%F0%9F%92%A9", 200, ""],
  ["/v1/reconciliation/breaks?cursor=x", 400, "invalid_cursor"],
  ["/v1/reconciliation/breaks?cursor=2020-01-01.brk_%00", 400, "invalid_cursor"],
  ["/v1/reconciliation/summary?limit=5", 400, "unknown_parameter"]
]

describe("a query that is not valid is refused", () => {
  test.each(queries)("%s", async (path, status, code) => {
    const answer = await shop.get(path)
    expect([answer.status, answer.json.code ?? ""]).toEqual([status, code])
  })

  test("and so is a place among postings beyond all places", async () => {
    for (const cursor of ["9223372036854775808", "9999999999999999999", "x", "-1", "%00"]) {
      const { json, status } = await shop.get(`/v1/accounts/${account}/postings?cursor=${cursor}`)
      expect([cursor, status, json.code]).toEqual([cursor, 400, "invalid_cursor"])
    }
    const last = `/v1/accounts/${account}/postings?cursor=9223372036854775807`
    expect((await shop.get(last)).json.data).toHaveLength(1)
  })

  test("an operator who names no merchant, or none there can be", async () => {
    const operator = await one.operatorKey()
    const unnamed = await one.ask(operator, "GET", "/v1/payments")
    expect([unnamed.status, unnamed.json.code]).toEqual([400, "merchant_needed"])
    for (const merchant of ["", "%00", "A.B", ">", "x".repeat(33)]) {
      const { status } = await one.ask(operator, "GET", `/v1/payments?merchant=${merchant}`)
      expect([merchant, status]).toEqual([merchant, 422])
    }
    // What the answer names is taken where it names it, and nowhere else is it named.
    for (const { audience, method, path, query } of edgeRoutes({ allowPrivateWebhooks: true })) {
      if (audience !== "merchant" || path.includes("{")) continue
      const body = path === "/v1/transfers"
        ? { currency: "BRL", amount: 1, to: { recipient: "r" } }
        : path === "/v1/fx/quotes"
        ? { from: "USD", to: "BRL", amount: 1, side: "from" }
        : path === "/v1/fx/conversions"
        ? { quote_id: `fxq_${"0".repeat(26)}_usdbrl` }
        : path === "/v1/payouts"
        ? { currency: "BRL" }
        : order
      const { json } = await one.ask(operator, method, path, {
        ...(method === "POST" && { body }),
        headers: { "idempotency-key": randomUUID() }
      })
      expect([path, json.detail?.includes("?merchant=") ?? false, json.detail]).toEqual([
        path,
        json.code === "merchant_needed" && query?.["merchant"] !== undefined,
        json.detail
      ])
    }
    const nobody = await one.ask(operator, "GET", "/v1/payments?merchant=nobody")
    expect([nobody.status, nobody.json.data]).toEqual([200, []])
  })
})

describe("headers are read with the same care", () => {
  test("a Prefer that says nothing sensible is a request that does not wait", async () => {
    for (const prefer of ["wait=soon", "wait=-1", "wait", "respond-async", "wait=0", ";;,="]) {
      const { status } = await shop.pay({}, { prefer })
      expect([prefer, status]).toEqual([prefer, 202])
    }
    expect((await shop.pay({}, { prefer: "respond-async, wait=30" })).status).toBe(201)
  })

  test("trace context and conditions that are none are ignored", async () => {
    const { json, status } = await shop.pay({}, {
      traceparent: "00-zz-yy-01",
      tracestate: "=".repeat(3_000)
    })
    expect([status, json.status]).toEqual([201, "captured"])
    const path = `/v1/payments/${json.id}`
    expect((await shop.get(path, { "if-none-match": '"v0"' })).status).toBe(200)
    expect((await shop.get(path, { "last-event-id": "x" })).status).toBe(200)
    const events = await shop.get("/v1/events", { "last-event-id": "1.9999999999999999999" })
    expect([events.status, events.json.code]).toEqual([400, "invalid_cursor"])
  })

  test.each([
    ["/v1/payments", ["PUT", "PATCH", "DELETE", "QUERY"], "POST, GET, HEAD, OPTIONS"],
    ["/v1/payments/pay_x", ["PUT", "PATCH", "DELETE", "POST"], "GET, HEAD, OPTIONS"],
    ["/v1/payments/pay_x/capture", ["GET", "HEAD", "PUT"], "POST, OPTIONS"],
    ["/healthz", ["POST"], "GET, HEAD, OPTIONS"]
  ])("another method on %s is told which there are", async (path, methods, allow) => {
    for (const method of methods) {
      const answer = await fetch(one.url + path, {
        method,
        headers: { authorization: `Bearer ${shop.key}` }
      })
      expect([method, answer.status]).toEqual([method, 405])
      expect(answer.headers.get("allow")).toBe(allow)
      expect(answer.headers.get("content-type")).toBe("application/problem+json")
      await answer.body?.cancel()
    }
    const options = await fetch(one.url + path, {
      method: "OPTIONS",
      headers: { origin: "https://shop.example", "access-control-request-method": "POST" }
    })
    expect([options.status, options.headers.get("allow")]).toEqual([204, allow])
    expect([...options.headers.keys()].filter((name) => name.startsWith("access-control")))
      .toEqual([])
    if (allow.includes("HEAD")) {
      const { body, status } = await fetch(one.url + path, {
        method: "HEAD",
        headers: { authorization: `Bearer ${shop.key}` }
      })
      expect([status === 405, await body?.cancel()]).toEqual([false, undefined])
    }
  })

  test("a route that is none is not found", async () => {
    for (const path of ["/v1/payments/", "/v2/payments", "/v1//payments", "/%00", "/.env"]) {
      const { headers, status } = await shop.get(path)
      expect([path, status]).toEqual([path, 404])
      expect(headers.get("content-type")).toBe("application/problem+json")
    }
  })
})

test("after all of this an honest payment goes through", async () => {
  expect((await shop.pay()).json.status).toBe("captured")
})

test("G17: no log line holds an e-mail, a key or a card number, nor was anything our fault", () => {
  expect(leaksIn(one.logs)).toEqual([])
  expect(one.logs.filter((line) => line.includes("a request failed"))).toEqual([])
})

/** How much each guard refused; the process counts for every test file that it runs. */
const refusedBy = async (...guards: ReadonlyArray<string>): Promise<ReadonlyArray<number>> => {
  const counts = await registry.metrics()
  return guards.map((guard) =>
    Number(
      counts.match(new RegExp(`^lastro_edge_refused_total\\{guard="${guard}"\\} (\\d+)$`, "m"))
        ?.[1] ?? 0
    )
  )
}

describe("who says a byte now and then does not hold the edge", () => {
  /** What comes back on a connection that says this first, and a byte of the rest every half second. */
  const dripped = (first: string, drip: string) =>
    new Promise<{ status: string; millis: number }>((resolve, reject) => {
      const { hostname, port } = new URL(one.url)
      const began = performance.now()
      const socket = connect(Number(port), hostname, () => socket.write(first))
      const dripping = setInterval(() => socket.write(drip), 500)
      let said = ""
      socket.on("data", (chunk) => (said += chunk))
      socket.on("error", reject)
      socket.on("close", () => {
        clearInterval(dripping)
        resolve({ status: said.split(" ")[1] ?? "", millis: performance.now() - began })
      })
    })

  test("headers and bodies arrive within seconds, or the answer is 408", async () => {
    const began = ["POST /v1/payments HTTP/1.1", "host: here", "content-type: application/json"]
    const request = [...began, `authorization: Bearer ${shop.key}`, "content-length: 500"]
    const before = await refusedBy("slow_head", "slow_body")
    const ended = await Promise.all([
      dripped(`${began.join("\r\n")}\r\n`, "x-more: 1\r\n"),
      dripped(`${request.join("\r\n")}\r\n\r\n{`, " ")
    ])
    expect(ended.map(({ status }) => status)).toEqual(["408", "408"])
    for (const { millis } of ended) expect(millis).toBeLessThan(9_000)
    const after = await refusedBy("slow_head", "slow_body")
    expect(after).toEqual(before.map((count) => count + 1))
  })
})
