import { createHash, randomUUID } from "node:crypto"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { edgeRoutes } from "../../src/house/edge.ts"
import { merchantScopes, type Scope } from "../../src/domain/scope.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, leaksIn, openShop, order, settle, type Shop } from "../support/shop.ts"

const routes = edgeRoutes({ allowPrivateWebhooks: true })
  .map((route) => ({ name: `${route.method} ${route.path}`, ...route }))
/** What no key may by default is tested by itself (test/access). */
const guarded = routes.filter(({ audience }) => audience !== "public")
const merchants = routes.filter(({ audience, scope }) =>
  audience === "merchant" && merchantScopes.some((usual) => usual === scope)
)
const operators = routes.filter(({ audience }) => audience === "operator")

const fx = {
  version: "day-1",
  rates: [{ from: "BRL" as never, to: "USD" as never, rate: "0.2", spread_basis_points: 100 }]
}

let one: TestLastro
/** Owns everything that the others must not see. */
let acme: Shop
let globex: Shop
/** Real identifiers of acme's, by the place they take in a path. */
let owned: Record<string, string>

beforeAll(async () => {
  one = await startTestLastro({ terms: { fx } })
  acme = await openShop(one, "acme")
  globex = await openShop(one, "globex")
  const { json: payment } = await acme.pay({ capture: "manual" })
  const { json: paid } = await acme.pay()
  await one.ask(await one.operatorKey(), "POST", `/v1/payments/${paid.id}/disputes`, {
    body: dispute,
    headers: { "idempotency-key": randomUUID(), prefer: "wait=30" }
  })
  const { json: endpoint } = await acme.post("/v1/webhook-endpoints", {
    url: "http://127.0.0.1:9/",
    events: ["*"]
  })
  owned = {
    payments: payment.id,
    reviews: payment.id,
    accounts: "liabilities:merchant:acme:pending:BRL",
    "webhook-endpoints": endpoint.id
  }
  await acme.pay()
  // A file that lacks the first of acme's payments, a break of acme's, and holds the second.
  await settle(one, payment.created_at, "?breaks=missing:1")
  for (const path of ["/v1/events", "/v1/reconciliation/breaks"]) {
    await eventually(
      async () => (await acme.get(path)).json.data.length > 0 ? true : undefined,
      40_000
    )
  }
  const wanted = { currency: "BRL", amount: 1, destination: "ba_1" }
  owned["payouts"] = await eventually(async () => {
    const { json, status } = await acme.post("/v1/payouts", wanted)
    return status === 201 ? json.id : undefined
  }, 40_000)
  const sent = { currency: "BRL", amount: 1, to: { recipient: "seller" } }
  owned["transfers"] = (await acme.post("/v1/transfers", sent)).json.id
  owned["quotes"] = (await acme.post("/v1/fx/quotes", sold)).json.id
  const quote_id = owned["quotes"]
  owned["conversions"] = (await acme.post("/v1/fx/conversions", { quote_id })).json.id
  // The one that is left to use.
  quote.quote_id = (await acme.post("/v1/fx/quotes", sold)).json.id
})
afterAll(() => one.stop())

/** `/v1/payments/{id}/trace` with acme's own payment in it. */
const acmesPath = (path: string) => {
  const [, , first, second] = path.split("/")
  const family = first === "fraud" ? "reviews" : first === "fx" ? second! : first!
  return path.replace(/\{\w+\}/, () => owned[family]!)
}

const sold = { from: "BRL", to: "USD", amount: 100, side: "from" }
const quote = { quote_id: "" }
const dispute = { dispute_id: "dp_1", amount: 1_000 }

const bodies: Readonly<Record<string, object>> = {
  "POST /v1/payments": order,
  "POST /v1/webhook-endpoints": { url: "http://127.0.0.1:9/", events: ["*"] },
  "POST /v1/payments/{id}/increment": { amount: 1 },
  "POST /v1/payments/{id}/disputes": dispute,
  "POST /v1/payments/{id}/disputes/{dispute_id}/evidence": { text: "delivered" },
  "POST /v1/payments/{id}/disputes/{dispute_id}/outcome": { outcome: "won" },
  "POST /v1/payouts/{id}/return": { code: "account_closed" },
  "POST /v1/payouts": { currency: "BRL", amount: 1 },
  "POST /v1/transfers": { currency: "BRL", amount: 1, to: { recipient: "seller" } },
  "POST /v1/fx/quotes": sold,
  "POST /v1/fx/conversions": quote,
  "POST /v1/fx/conversions/{id}/reverse": { rate: "current" },
  "POST /v1/fraud/reviews/{payment_id}": { decision: "approve" }
}

const ask = (key: string | undefined, { method, name, path }: typeof routes[number], more = "") =>
  one.ask(key, method, acmesPath(path) + more, {
    ...(method === "POST" && { body: bodies[name] ?? {} }),
    headers: { "idempotency-key": randomUUID() }
  })

const keyWith = (merchant: string, scopes: ReadonlyArray<Scope>) =>
  createApiKey(one.db, { name: "odd", merchant, scopes })

/** Nothing of acme's changed, whatever was asked. */
const acmes = async () => {
  const { json: payments } = await acme.get("/v1/payments")
  const { json: accounts } = await acme.get("/v1/accounts")
  const { json: endpoints } = await acme.get("/v1/webhook-endpoints")
  return { payments, accounts, endpoints }
}

test("there are routes to test, of every audience", () => {
  expect(merchants.length).toBeGreaterThan(10)
  expect(operators.length).toBeGreaterThan(5)
  for (const path of ["/healthz", "/readyz"]) {
    expect(routes.find((route) => route.path === path)?.audience).toBe("public")
  }
})

describe("no key, no answer", () => {
  test.each(guarded)("$name is answered 401 without a key that is known", async (route) => {
    const wrong = [
      undefined,
      "sk_" + "A".repeat(32),
      `${acme.key}x`,
      acme.key.slice(0, -1),
      "x".repeat(5_000)
    ]
    for (const key of wrong) {
      const { headers, json, status } = await ask(key, route)
      expect([status, json.code]).toEqual([401, "not_authenticated"])
      expect(headers.get("content-type")).toBe("application/problem+json")
      expect(headers.get("www-authenticate")).not.toBeNull()
    }
  })

  test.each(["", "Bearer", "Bearer ", "Basic !!!", "Digest x", "sk_x"])(
    "the header %j is no key",
    async (authorization) => {
      const answer = await fetch(`${one.url}/v1/payments`, { headers: { authorization } })
      expect(answer.status).toBe(401)
      await answer.body?.cancel()
    }
  )
})

describe("the wrong scope is refused", () => {
  test.each(operators)("$name is answered 403 with a merchant's key", async (route) => {
    const before = await acmes()
    for (const key of [acme.key, globex.key, await keyWith("acme", [])]) {
      const { json, status } = await ask(key, route)
      expect([status, json.code]).toEqual([403, "not_allowed"])
    }
    const { json } = await ask(await keyWith("", []), route)
    expect([json.code, json.scope]).toEqual(["insufficient_scope", route.scope])
    expect(await acmes()).toEqual(before)
  })

  test.each(merchants)("$name is answered 403 with a key that lacks the scope", async (route) => {
    const before = await acmes()
    const others = merchantScopes.filter((scope) => scope !== route.scope)
    for (const key of [await keyWith("acme", others), await keyWith("", others)]) {
      const { headers, json, status } = await ask(key, route)
      expect([status, json.code]).toEqual([403, "insufficient_scope"])
      expect(json).toMatchObject({
        scope: route.scope,
        detail: expect.stringContaining(route.scope!)
      })
      expect(headers.get("www-authenticate")).toContain(`scope="${route.scope}"`)
    }
    expect(await acmes()).toEqual(before)
  })

  const naming = merchants.filter(({ query }) => query?.["merchant"] !== undefined)
  test.each(naming)("$name takes a merchant's name from operators only", async (route) => {
    for (const shop of [globex, acme]) {
      const { json, status } = await ask(shop.key, route, "?merchant=acme")
      expect([status, json.code]).toEqual([403, "not_allowed"])
    }
    const operator = await one.operatorKey()
    const { json, status } = await ask(operator, route, "?merchant=acme")
    // Acme's payment is by card: it is found, and has no code to show.
    if (json.code !== "qr_code_not_found") expect([200, 201]).toContain(status)
  })
})

describe("one merchant sees and moves nothing of another's", () => {
  const addressed = merchants.filter(({ path }) => path.includes("{"))
  test.each(addressed)("$name with another merchant's identifier is 404", async (route) => {
    const before = await acmes()
    const { json, status } = await ask(globex.key, route)
    expect(status).toBe(404)
    expect(json.code).toMatch(/_not_found$/)
    // The answer for what exists elsewhere is the answer for what exists nowhere.
    const nowhere = await one.ask(
      globex.key,
      route.method,
      route.path.replace(/\{\w+\}/, owned["payments"]!.replace(/.$/, "0")),
      {
        ...(route.method === "POST" && { body: bodies[route.name] ?? {} }),
        headers: { "idempotency-key": "k" }
      }
    )
    expect([nowhere.status, nowhere.json.code]).toEqual([status, json.code])
    expect(await acmes()).toEqual(before)
  })

  const lists = merchants.filter(({ method, path }) => method === "GET" && !path.includes("{"))
  test.each(lists)("$name is empty for a merchant who has done nothing", async (route) => {
    const fresh = await one.key("initech")
    expect(await ask(fresh, route)).toMatchObject({ status: 200, json: { data: [] } })
    const { json } = await ask(acme.key, route)
    // So that an empty answer means something.
    expect(json.data.length).toBeGreaterThan(0)
  })

  test("another merchant's cursor leads nowhere", async () => {
    const { json: page } = await acme.get("/v1/payments?limit=1")
    expect(page.next_cursor).not.toBeNull()
    expect((await globex.get(`/v1/payments?cursor=${page.next_cursor}`)).json.data).toEqual([])
    const { json: events } = await acme.get("/v1/events?limit=1")
    expect((await globex.get(`/v1/events?after=${events.next_cursor}`)).json.data).toEqual([])
  })

  test("a payment made with globex's key is globex's, whatever the body says", async () => {
    const before = await acmes()
    const { json, status } = await globex.post("/v1/payments", { ...order, merchant: "acme" })
    expect([status, json.errors[0].pointer]).toEqual([422, "/merchant"])
    expect((await globex.pay()).json.merchant).toBe("globex")
    expect(await acmes()).toEqual(before)
  })

  test("the gateway saw none of what was refused", async () => {
    const operations = await gatewayOf(one).operations(owned["payments"]!)
    expect(operations.map(({ kind }) => kind)).toEqual(["charge"])
  })
})

describe("keys", () => {
  test("are stored hashed", async () => {
    const rows = await query(
      one.stack.databaseUrl,
      "select encode(hash, 'hex') as hash, row_to_json(k)::text as everything from api_keys k"
    )
    const operator = await one.operatorKey()
    const text = rows.map(({ everything }) => everything).join("\n")
    for (const key of [acme.key, globex.key, operator]) {
      expect(key).toMatch(/^sk_live_[A-Za-z0-9]{38}$/)
      const sha256 = createHash("sha256").update(key).digest("hex")
      expect(rows.filter(({ hash }) => hash === sha256)).toHaveLength(1)
      expect(text).not.toContain(key)
      expect(text).not.toContain(Buffer.from(key).toString("hex"))
      expect(text).not.toContain(key.slice(8))
    }
  })

  test("say how much they may ask", async () => {
    const { headers } = await acme.get("/v1/payments")
    expect(headers.get("ratelimit-policy")).toMatch(/^"default";q=\d+;w=1$/)
    expect(headers.get("ratelimit")).toMatch(/^"default";r=\d+;t=1$/)
  })

  test("that are revoked stop working", async () => {
    const key = await keyWith("acme", merchantScopes)
    expect((await one.ask(key, "GET", "/v1/payments")).status).toBe(200)
    const hash = createHash("sha256").update(key).digest()
    const revoke = "update api_keys set revoked_at = now() where hash = $1"
    await query(one.stack.databaseUrl, revoke, [hash])
    await eventually(
      async () => (await one.ask(key, "GET", "/v1/payments")).status === 401 ? true : undefined,
      30_000
    )
  })
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
