import { afterAll, beforeAll, expect, test } from "vitest"
import { signedIn } from "../support/signedIn.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
let session: { readonly cookie: string; readonly csrf: string }
beforeAll(async () => {
  one = await startTestLastro()
  session = await signedIn(one.url, await one.operatorKey())
})
afterAll(() => one.stop())

const register = (headers: Record<string, string>) =>
  one.ask(undefined, "POST", "/v1/webhook-endpoints?merchant=acme", {
    headers: { cookie: session.cookie, "x-csrf-token": session.csrf, ...headers },
    body: { url: "http://127.0.0.1:9/hook", events: ["*"] }
  })

test("a page of another site cannot ask with the session that a browser sends along", async () => {
  expect((await register({ "sec-fetch-site": "cross-site" })).status).toBe(403)
  expect((await register({ "sec-fetch-site": "same-site" })).status).toBe(403)
  expect((await register({ origin: "https://evil.example" })).status).toBe(403)
})

test("nobody may without the token of our pages", async () => {
  for (const token of ["", "x", `${session.csrf}x`]) {
    expect((await register({ "x-csrf-token": token })).json.code).toBe("csrf_token_wrong")
  }
})

test("our own page may", async () => {
  expect((await register({ "sec-fetch-site": "same-origin" })).status).toBe(201)
  expect((await register({ origin: one.url })).status).toBe(201)
})
