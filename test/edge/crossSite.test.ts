import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const register = async (headers: Record<string, string>) => {
  const password = await one.operatorKey()
  const basic = Buffer.from(`operator:${password}`).toString("base64")
  return await one.ask(undefined, "POST", "/v1/webhook-endpoints?merchant=acme", {
    headers: { authorization: `Basic ${basic}`, ...headers },
    body: { url: "http://127.0.0.1:9/hook", events: ["*"] }
  })
}

test("a page of another site cannot ask with the password a browser remembers", async () => {
  expect((await register({ "sec-fetch-site": "cross-site" })).status).toBe(403)
  expect((await register({ "sec-fetch-site": "same-site" })).status).toBe(403)
  expect((await register({ origin: "https://evil.example" })).status).toBe(403)
})

test("our own page may", async () => {
  expect((await register({ "sec-fetch-site": "same-origin" })).status).toBe(201)
  expect((await register({ origin: one.url })).status).toBe(201)
})
