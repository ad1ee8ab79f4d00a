import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { signedIn } from "../support/signedIn.ts"
import { createApiKey, makeApiKey } from "../../src/store/apiKeys.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const made = (role: "admin" | "viewer" | "owner", merchant = "") =>
  makeApiKey(one.db, { name: role, merchant, role, scopes: [] })

const overview = (cookie: string) =>
  one.ask(undefined, "GET", "/v1/operations/overview", { headers: { cookie } })

test("a key is exchanged for a session whose cookie no script and no other site can use", async () => {
  const { id, secret } = await made("admin")
  const answer = await fetch(`${one.url}/sign-in`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ key: secret, next: "//evil.example/" })
  })
  expect([answer.status, answer.headers.get("location")]).toEqual([303, "/"])
  expect(answer.headers.get("set-cookie")).toMatch(
    /^__Host-lastro=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=28800$/
  )
  const { cookie } = await signedIn(one.url, secret)
  expect((await overview(cookie)).status).toBe(200)
  const text = JSON.stringify(await query(one.stack.databaseUrl, "select * from sessions"))
  expect(text).not.toContain(cookie.split("=")[1])
  const { json } = await one.ask(secret, "GET", "/v1/operations/actions")
  expect(json.data[0]).toMatchObject({ action: "sign_in", who: "admin", why: `with key ${id}` })

  // It ends with its key, everywhere.
  await query(one.stack.databaseUrl, "update api_keys set revoked_at = now() where id = $1", [id])
  await eventually(async () => (await overview(cookie)).status === 401 || undefined, 3_000)
})

test("a wrong key is told on the page, and other sites sign nobody in", async () => {
  const post = (headers: Record<string, string>, key: string) =>
    fetch(`${one.url}/sign-in`, {
      method: "POST",
      redirect: "manual",
      headers,
      body: new URLSearchParams({ key, next: "/" })
    })
  const wrong = await post({}, "sk_wrong")
  expect([wrong.status, wrong.headers.get("set-cookie")]).toEqual([401, null])
  expect(await wrong.text()).toContain('role="alert"')
  const { secret } = await made("viewer")
  const foreign = await post({ "sec-fetch-site": "cross-site" }, secret)
  expect([foreign.status, foreign.headers.get("set-cookie")]).toEqual([403, null])
})

test("who is not signed in is led to the page where they can, and programs are told", async () => {
  const html = await fetch(one.url, { redirect: "manual", headers: { accept: "text/html" } })
  expect([html.status, html.headers.get("location")]).toEqual([303, "/sign-in?next=%2F"])
  expect((await one.ask(undefined, "GET", "/")).status).toBe(401)
  const basic = Buffer.from(`operator:${await one.operatorKey()}`).toString("base64")
  const { status } = await one.ask(undefined, "GET", "/", {
    headers: { authorization: `Basic ${basic}` }
  })
  expect(status).toBe(401)
})

test("a session may what its key may, and no more", async () => {
  const viewer = await signedIn(one.url, (await made("viewer")).secret)
  const headers = { cookie: viewer.cookie, "x-csrf-token": viewer.csrf }
  const pause = "/v1/operations/families/payments/pause"
  const { json } = await one.ask(undefined, "POST", pause, { headers, body: { why: "w" } })
  expect([json.code, json.scope]).toEqual(["insufficient_scope", "operations:write"])
  const owner = await createApiKey(one.db, {
    name: "o",
    merchant: "acme",
    role: "owner",
    scopes: []
  })
  const { cookie } = await signedIn(one.url, owner)
  expect((await overview(cookie)).json.code).toBe("not_allowed")
  const own = await one.ask(undefined, "GET", "/v1/payments", { headers: { cookie } })
  expect(own.status).toBe(200)
})

test("events come live to a session, and stop with it", async () => {
  const { secret } = await made("owner", "acme")
  const { cookie } = await signedIn(one.url, secret)
  const live = await fetch(`${one.url}/v1/events`, {
    headers: { cookie, accept: "text/event-stream" }
  })
  expect(live.status).toBe(200)
  const text = live.text()
  await fetch(`${one.url}/sign-out`, { method: "POST", redirect: "manual", headers: { cookie } })
  expect(await text).toContain(": open")
})

test("a session ends by signing out, by its age, and where nobody does anything for half an hour", async () => {
  const { secret } = await made("admin")
  const out = await signedIn(one.url, secret)
  await fetch(`${one.url}/sign-out`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: out.cookie }
  })
  await eventually(async () => (await overview(out.cookie)).status === 401 || undefined, 3_000)

  const seconds = { expires_at: 1, seen_at: 1_801 }
  for (const [column, ago] of Object.entries(seconds)) {
    const { cookie } = await signedIn(one.url, secret)
    expect((await overview(cookie)).status).toBe(200)
    await query(
      one.stack.databaseUrl,
      `update sessions set ${column} = now() - make_interval(secs => ${ago}) where ended_at is null`
    )
    await eventually(async () => (await overview(cookie)).status === 401 || undefined, 15_000)
  }
})
