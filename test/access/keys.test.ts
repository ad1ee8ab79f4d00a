import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type RunningEdge, startEdge } from "../../src/house/edge.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
/** A second edge of the same Lastro. */
let other: RunningEdge
let owner: string
let security: string
beforeAll(async () => {
  one = await startTestLastro()
  other = await startEdge(one.stack, { port: 0, log: () => {}, allowPrivateWebhooks: true })
  owner = await createApiKey(one.db, { name: "o", merchant: "acme", role: "owner", scopes: [] })
  security = await createApiKey(one.db, { name: "s", merchant: "", role: "security", scopes: [] })
})
afterAll(async () => {
  await other.stop()
  await one.stop()
})

const make = async (key: string, body: object, more = "") =>
  await one.ask(key, "POST", `/v1/access/keys${more}`, { body: { name: "n", why: "w", ...body } })

const statusAt = async (url: string, key: string, path = "/v1/payments") => {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${key}` } })
  await answer.body?.cancel()
  return answer.status
}

/** How long until both edges answer with this status, by their own clock. */
const millisUntil = async (status: number, key: string, path?: string) => {
  const began = performance.now()
  await eventually(async () => {
    const seen = [await statusAt(one.url, key, path), await statusAt(other.url, key, path)]
    return seen.every((each) => each === status) || undefined
  })
  return performance.now() - began
}

/** The promise is a second; the rest is for a machine that does other things, too. */
const SOON_MILLIS = 3_000

test("a merchant's owner makes, sees, rotates and revokes keys of its own merchant only", async () => {
  const made = await make(owner, { scopes: ["payments:read"], requests_per_second: 7 })
  expect(made).toMatchObject({ status: 201, json: { merchant: "acme", made_by: "o" } })
  const { id, secret } = made.json
  expect(await statusAt(other.url, secret)).toBe(200)

  const globex = await createApiKey(one.db, {
    name: "g",
    merchant: "globex",
    role: "owner",
    scopes: []
  })
  expect((await one.ask(owner, "GET", `/v1/access/keys/${id}`)).json).toMatchObject({ id })
  for (const path of [`/v1/access/keys/${id}`, "/v1/access/keys/nothing"]) {
    expect((await one.ask(globex, "GET", path)).json.code).toBe("key_not_found")
    for (const act of ["revoke", "rotate"]) {
      const asked = await one.ask(globex, "POST", `${path}/${act}`, { body: { why: "w" } })
      expect(asked.json.code).toBe("key_not_found")
    }
  }
  const { json: listed } = await one.ask(globex, "GET", "/v1/access/keys")
  expect(listed.data.map(({ merchant }: { merchant: string }) => merchant)).toEqual(["globex"])

  const rotated = await one.ask(owner, "POST", `/v1/access/keys/${id}/rotate`, {
    body: { why: "w", grace_seconds: 0 }
  })
  expect(rotated.json).toMatchObject({ id, requests_per_second: 7 })
  expect(await millisUntil(401, secret)).toBeLessThan(SOON_MILLIS)
  expect(await statusAt(other.url, rotated.json.secret)).toBe(200)
})

test("nobody gives what they have not got, also not by rotating", async () => {
  const more = await make(owner, { scopes: ["operations:write"] })
  expect([more.json.code, more.json.scope]).toEqual(["insufficient_scope", "operations:write"])
  expect((await make(owner, { role: "admin" })).status).toBe(422)
  const manager = await make(owner, { scopes: ["access:manage"] })
  const less = await make(manager.json.secret, {})
  expect(less.json.code).toBe("insufficient_scope")
  const strong = await make(owner, { role: "owner" })
  const taken = await one.ask(
    manager.json.secret,
    "POST",
    `/v1/access/keys/${strong.json.id}/rotate`,
    { body: { why: "w" } }
  )
  expect(taken.json.code).toBe("insufficient_scope")
  for (
    const wrong of [{ scopes: ["all"] }, { role: "king" }, { addresses: ["here"] }, {
      expires_at: "2020-01-01T00:00:00Z"
    }]
  ) {
    expect((await make(owner, wrong)).status, JSON.stringify(wrong)).toBe(422)
  }
})

test("a revoked key is refused by every edge within a second, and its stream ends", async () => {
  const { json: { id, secret } } = await make(owner, {})
  expect([await statusAt(one.url, secret), await statusAt(other.url, secret)]).toEqual([200, 200])
  const stream = await fetch(`${other.url}/v1/events`, {
    headers: { authorization: `Bearer ${secret}`, accept: "text/event-stream" }
  })
  const ended = stream.text()
  await one.ask(security, "POST", `/v1/access/keys/${id}/revoke`, { body: { why: "w" } })
  const began = performance.now()
  expect(await millisUntil(401, secret)).toBeLessThan(SOON_MILLIS)
  await ended
  expect(performance.now() - began).toBeLessThan(SOON_MILLIS)
})

test("what a key may do changes at every edge, whoever changes it", async () => {
  const { json: { id, secret } } = await make(owner, { role: "analyst" })
  expect([await statusAt(one.url, secret), await statusAt(other.url, secret)]).toEqual([200, 200])
  const change = "update api_keys set role = null, scopes = '{events:read}' where id = $1"
  await query(one.stack.databaseUrl, change, [id])
  expect(await millisUntil(403, secret)).toBeLessThan(SOON_MILLIS)
  expect(await statusAt(other.url, secret, "/v1/events")).toBe(200)
})

test("who made, rotated and revoked keys, and why, is written down", async () => {
  const admin = await createApiKey(one.db, { name: "a", merchant: "", role: "admin", scopes: [] })
  const why = randomUUID()
  const { json: { id } } = await make(owner, { why })
  await one.ask(security, "POST", `/v1/access/keys/${id}/revoke`, { body: { why } })
  const { json } = await one.ask(admin, "GET", "/v1/operations/actions")
  const told = json.data.filter((action: { why: string }) => action.why === why)
    .map(({ action, who }: { action: string; who: string }) => `${who} ${action}`)
  expect(told).toEqual(["s revoke_key", "o create_key"])
})
