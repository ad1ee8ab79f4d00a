import { request } from "node:http"
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { GuardSettings } from "../../src/edge/guards/chain.ts"
import { guardsOf } from "../../src/house/guards.ts"
import { startEdge } from "../../src/house/edge.ts"
import { settingsOf } from "../../src/house/settings.ts"
import { registry } from "../../src/telemetry/metrics.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { openShop, order, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
const edges: Array<{ readonly stop: () => Promise<void> }> = []

beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
})
afterAll(async () => {
  await Promise.all(edges.map((edge) => edge.stop()))
  await one.stop()
})

/** One more edge beside the first, with other rules at its door. */
const edgeWith = async (environment: Record<string, string>): Promise<string> => {
  const guards: GuardSettings = guardsOf(environment)
  const edge = await startEdge(one.stack, {
    port: 0,
    log: () => {},
    allowPrivateWebhooks: false,
    guards
  })
  edges.push(edge)
  return edge.url
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | Array<string> | undefined>>
  // deno-lint-ignore no-explicit-any
  readonly json: any
}

/** As it is written: `fetch` would put a path and a method right. */
const raw = (
  path: string,
  options: { url?: string; method?: string; headers?: Record<string, string>; body?: string } = {}
): Promise<Answered> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(options.url ?? one.url)
    const { body, headers = {}, method = "GET" } = options
    const asked = request({ hostname, port, path, method, headers }, (answer) => {
      let text = ""
      answer.on("data", (chunk) => (text += chunk))
      answer.on("end", () => {
        const isJson = String(answer.headers["content-type"]).includes("json")
        const json = isJson && text !== "" ? JSON.parse(text) : undefined
        resolve({ status: answer.statusCode!, headers: answer.headers, json })
      })
    })
    asked.on("error", reject)
    asked.end(body)
  })

const counted = async (guard: string, name = "lastro_edge_refused_total"): Promise<number> => {
  const found = new RegExp(`^${name}\\{guard="${guard}"\\} (\\d+)$`, "m")
    .exec(await registry.metrics())
  return Number(found?.[1] ?? 0)
}

/** How many more of a guard's refusals there are after something than before it. */
const refusedBy = async (guard: string, what: () => Promise<unknown>): Promise<number> => {
  const before = await counted(guard)
  await what()
  return await counted(guard) - before
}

describe("before anything is parsed", () => {
  test("a head of too many headers, or of too long ones, is not read", async () => {
    const many = Object.fromEntries(Array.from({ length: 120 }, (_, nth) => [`x-${nth}`, "1"]))
    const long = Object.fromEntries(
      Array.from({ length: 13 }, (_, nth) => [`x-${nth}`, "y".repeat(1_000)])
    )
    for (const headers of [many, long]) {
      let answer: Answered
      expect(await refusedBy("head", async () => (answer = await raw("/healthz", { headers }))))
        .toBe(1)
      expect([answer!.status, answer!.json.code]).toEqual([431, "headers_too_large"])
    }
  })

  test("a path that means another one is nowhere", async () => {
    const paths = [
      "/v1/../v1/payments",
      "/v1/%2e%2E/v1/payments",
      "/v1/./payments",
      "//v1/payments",
      "/v1//payments",
      `/${"x".repeat(9_000)}`
    ]
    for (const path of paths) {
      let answer: Answered
      const refused = await refusedBy("path", async () => (answer = await raw(path)))
      expect([path.slice(0, 40), refused, answer!.status, answer!.json.code])
        .toEqual([path.slice(0, 40), 1, 404, "route_not_found"])
    }
    expect(await refusedBy("path", () => shop.get("/v1/payments?limit=1"))).toBe(0)
  })

  test("a method that no route ever had is counted, and told which there are", async () => {
    for (const method of ["PROPFIND", "TRACE"]) {
      let answer: Answered
      const refused = await refusedBy(
        "method",
        async () => (answer = await raw("/v1/payments", { method }))
      )
      expect([method, refused, answer!.status, answer!.headers["allow"]])
        .toEqual([method, 1, 405, "POST, GET, HEAD, OPTIONS"])
    }
  })

  test("a scanner is known by its name, and by what it looks for", async () => {
    const named = await raw("/v1/payments", {
      headers: { "user-agent": "sqlmap/1.8.4#stable (https://sqlmap.org)" }
    })
    expect([named.status, named.json.code]).toEqual([403, "request_refused"])
    const paths = ["/.env", "/.git/config", "/wp-login.php", "/cgi-bin/test", "/index.php?id=1"]
    for (const path of paths) {
      let answer: Answered
      const refused = await refusedBy("scanner", async () => (answer = await raw(path)))
      expect([path, refused, answer!.status]).toEqual([path, 1, 404])
    }
  })

  test("what protects memory while a body arrives is counted, too", async () => {
    const large = "x".repeat(200_000)
    const deep = `{"a":${"[".repeat(200)}${"]".repeat(200)}}`
    const post = (body: string) =>
      raw("/v1/payments", {
        method: "POST",
        headers: {
          authorization: `Bearer ${shop.key}`,
          "content-type": "application/json",
          "idempotency-key": "guarded"
        },
        body
      })
    let answer: Answered
    expect(await refusedBy("body_size", async () => (answer = await post(large)))).toBe(1)
    expect(answer!.status).toBe(413)
    expect(await refusedBy("body_depth", async () => (answer = await post(deep)))).toBe(1)
    expect([answer!.status, answer!.json.code]).toEqual([400, "too_deep"])
  })

  test("what is no request at all is turned away and counted", async () => {
    const { hostname, port } = new URL(one.url)
    const said = await new Promise<string>((resolve, reject) => {
      let text = ""
      const socket = connect(
        Number(port),
        hostname,
        () => socket.write("\x16\x03\x01 hello\r\n\r\n")
      )
      socket.on("data", (chunk) => (text += chunk))
      socket.on("close", () => resolve(text))
      socket.on("error", reject)
    })
    expect(said).toMatch(/^HTTP\/1\.1 400 /)
    expect(await counted("unreadable")).toBeGreaterThan(0)
  })
})

describe("addresses", () => {
  test("X-Forwarded-For counts from those alone who are trusted, and only beyond them", async () => {
    const denied = "203.0.113.0/24"
    const [trusting, other] = await Promise.all([
      edgeWith({
        LASTRO_TRUSTED_PROXIES: "127.0.0.0/8, 10.0.0.0/8",
        LASTRO_DENIED_ADDRESSES: denied
      }),
      edgeWith({ LASTRO_DENIED_ADDRESSES: denied })
    ])
    const from = async (url: string, chain: string) =>
      (await raw("/healthz", { url, headers: { "x-forwarded-for": chain } })).status
    expect(await from(trusting, "203.0.113.9")).toBe(403)
    expect(await from(trusting, "203.0.113.9, 10.1.2.3")).toBe(403)
    // Whatever the caller wrote stands left of what the proxy saw.
    expect(await from(trusting, "203.0.113.9, 198.51.100.1")).toBe(200)
    expect(await from(trusting, "198.51.100.1, 203.0.113.9")).toBe(403)
    expect(await from(trusting, "nonsense")).toBe(200)
    expect(await from(other, "203.0.113.9")).toBe(200)
  })

  test("where addresses are named nobody else is let in, and nobody with a key either", async () => {
    const url = await edgeWith({ LASTRO_ALLOWED_ADDRESSES: "192.0.2.1" })
    const headers = { authorization: `Bearer ${shop.key}` }
    let answer: Answered
    expect(
      await refusedBy("address", async () => (answer = await raw("/v1/payments", { url, headers })))
    ).toBe(1)
    expect([answer!.status, answer!.json.code]).toEqual([403, "request_refused"])
    const open = await edgeWith({ LASTRO_ALLOWED_ADDRESSES: "127.0.0.1" })
    expect((await raw("/v1/payments", { url: open, headers })).status).toBe(200)
  })
})

test("a rule that only watches counts, and lets pass", async () => {
  const url = await edgeWith({
    LASTRO_GUARDS_WATCHED: "scanner, address",
    LASTRO_DENIED_ADDRESSES: "127.0.0.1"
  })
  const watched = () => counted("scanner", "lastro_edge_watched_total")
  const [refused, before] = [await counted("scanner"), await watched()]
  const { status } = await raw("/healthz", { url, headers: { "user-agent": "nikto" } })
  expect([status, await counted("scanner") - refused, await watched() - before])
    .toEqual([200, 0, 1])
})

test("settings of the door that make no sense are told before anything begins", () => {
  const { faults } = settingsOf({
    LASTRO_TRUSTED_PROXIES: "10.0.0.0/8, proxy.example",
    LASTRO_DENIED_ADDRESSES: "10.0.0.0/64",
    LASTRO_GUARDS_WATCHED: "scaner"
  })
  expect(faults).toEqual([
    expect.stringMatching(/^LASTRO_DENIED_ADDRESSES is a list of addresses/),
    expect.stringMatching(/^LASTRO_GUARDS_WATCHED is a list of head, /),
    expect.stringMatching(/^LASTRO_TRUSTED_PROXIES .*"proxy\.example"/)
  ])
})

describe("every answer tells a browser what to do with it", () => {
  const paths = [
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/docs",
    "/docs/errors",
    "/v1/payments",
    "/v1/payments?limit=0",
    "/v1/reports/trial-balance",
    "/",
    "/nowhere",
    "//"
  ]
  test.each(paths)("%s", async (path) => {
    const operator = await one.operatorKey()
    for (const key of [undefined, shop.key, operator]) {
      const { headers } = await raw(path, {
        headers: key === undefined ? {} : { authorization: `Bearer ${key}` }
      })
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "permissions-policy": expect.stringContaining("camera=()"),
        "content-security-policy": expect.stringMatching(/^default-src 'none'/)
      })
      expect(headers["content-security-policy"]).not.toContain("unsafe-inline")
      expect(headers["strict-transport-security"]).toBeUndefined()
    }
  })

  test("behind TLS, as a trusted proxy says, the next request is to be encrypted, too", async () => {
    const headers = { "x-forwarded-proto": "https" }
    const url = await edgeWith({ LASTRO_TRUSTED_PROXIES: "127.0.0.1" })
    expect((await raw("/healthz", { url, headers })).headers["strict-transport-security"])
      .toMatch(/^max-age=\d{8}/)
    expect((await raw("/healthz", { headers })).headers["strict-transport-security"])
      .toBeUndefined()
  })
})

test("an honest payment knows nothing of all this", async () => {
  await eventually(async () => {
    const { status } = await one.ask(shop.key, "POST", "/v1/payments", {
      headers: { "idempotency-key": "honest", prefer: "wait=5" },
      body: order
    })
    return status === 201 ? true : undefined
  })
})
