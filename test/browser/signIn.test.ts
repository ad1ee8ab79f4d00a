import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { Provider } from "oidc-provider"
import { type Browser, chromium } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import * as fs from "node:fs"
import { type RunningEdge, startEdge } from "../../src/house/edge.ts"
import { companyOf } from "../../src/edge/access/company.ts"
import { Effect } from "effect"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

const executable = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => fs.existsSync(path))

/** People by what they type as their name: their roles, as the company's provider tells them. */
const people: Readonly<Record<string, ReadonlyArray<string>>> = {
  ana: ["staff", "risk"],
  olga: ["owner@acme"],
  nobody: ["staff"]
}

describe.skipIf(executable === undefined)("people sign in through the company's provider", () => {
  let one: TestLastro
  let edge: RunningEdge
  let browser: Browser
  let server: Server
  let issuer: string

  beforeAll(async () => {
    one = await startTestLastro()
    // The edge's address is registered at the provider, whose address the edge is told.
    server = createServer().listen(0, "127.0.0.1")
    await new Promise((resolve) => server.once("listening", resolve))
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const company = { issuer, clientId: "lastro", clientSecret: "secret", rolesClaim: "roles" }
    edge = await startEdge(one.stack, {
      port: 0,
      log: () => {},
      allowPrivateWebhooks: true,
      company
    })
    const provider = new Provider(issuer, {
      clients: [{
        client_id: "lastro",
        client_secret: "secret",
        redirect_uris: [`${edge.url}/sign-in/callback`],
        token_endpoint_auth_method: "client_secret_post"
      }],
      claims: { openid: ["sub", "roles"], email: ["email"] },
      conformIdTokenClaims: false,
      findAccount: (_context, id) => ({
        accountId: id,
        claims: () => ({ sub: id, roles: people[id] ?? [], email: `${id}@lastro.example` })
      })
    })
    server.on("request", provider.callback())
    browser = await chromium.launch({
      executablePath: executable!,
      args: ["--no-sandbox", "--disable-dev-shm-usage"]
    })
  })
  afterAll(async () => {
    await browser?.close()
    await edge?.stop()
    server?.close()
    await one?.stop()
  })

  /** As far as the provider leads somebody back, with a browser of their own. */
  const signedIn = async (name: string) => {
    const context = await browser.newContext({ locale: "en-US" })
    const page = await context.newPage()
    await page.goto(edge.url)
    await page.locator("#company").click()
    await page.locator('input[name="login"]').fill(name)
    await page.locator('input[name="password"]').fill("any")
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: /continue/i }).click()
    await page.waitForURL((url) => url.href.startsWith(edge.url))
    return { context, page }
  }

  test("who has a role there has it here, and the session is no script's", async () => {
    const { context, page } = await signedIn("ana")
    await page.waitForURL(`${edge.url}/`)
    await page.locator("#families").waitFor()
    const cookies = await context.cookies()
    expect(cookies.find(({ name }) => name === "__Host-lastro"))
      .toMatchObject({ httpOnly: true, secure: true, sameSite: "Strict" })
    expect(await page.evaluate("document.cookie")).toBe("")
    const statusOf = async (path: string) =>
      await page.evaluate(`fetch(${JSON.stringify(path)}).then(({ status }) => status)`)
    expect(await statusOf("/v1/fraud/reviews")).toBe(200)
    expect(await statusOf("/v1/operations/actions")).toBe(403)
    await context.close()
  })

  test("a merchant's person has the merchant's data only", async () => {
    const { context, page } = await signedIn("olga")
    await page.waitForURL(`${edge.url}/`)
    // Her page is a refusal, whose policy lets nothing be fetched: her cookie is asked with from here.
    const session = (await context.cookies()).find(({ name }) => name === "__Host-lastro")!
    const statusOf = async (path: string) => {
      const headers = { cookie: `${session.name}=${session.value}` }
      const answer = await fetch(edge.url + path, { headers })
      await answer.body?.cancel()
      return answer.status
    }
    expect(await statusOf("/v1/access/keys")).toBe(200)
    expect(await statusOf("/v1/operations/overview")).toBe(403)
    expect(await statusOf("/v1/payments?merchant=globex")).toBe(403)
    await context.close()
  })

  test("who has no role here is told, and has no session", async () => {
    const { context, page } = await signedIn("nobody")
    expect(await page.locator("body").innerText()).toContain("no role here")
    expect((await context.cookies()).map(({ name }) => name)).not.toContain("__Host-lastro")
    await context.close()
  })

  test("a key signs nobody in there, and an answer that nobody asked for is refused", async () => {
    const post = await fetch(`${edge.url}/sign-in`, {
      method: "POST",
      redirect: "manual",
      body: new URLSearchParams({ key: await one.operatorKey() })
    })
    expect([post.status, (await post.json()).code]).toEqual([403, "sign_in_refused"])
    const back = await fetch(`${edge.url}/sign-in/callback?code=x&state=y`)
    expect([back.status, (await back.json()).code]).toEqual([403, "sign_in_refused"])
    // With the cookie of somebody who left, but another state than theirs.
    const left = await fetch(`${edge.url}/sign-in/company`, { redirect: "manual" })
    const cookie = left.headers.get("set-cookie")!.split(";")[0]!
    const forged = await fetch(`${edge.url}/sign-in/callback?code=x&state=y&iss=${issuer}`, {
      headers: { cookie }
    })
    expect([forged.status, (await forged.json()).code]).toEqual([403, "sign_in_refused"])
  })

  test("a provider that calls itself another is not believed", async () => {
    const wrong = companyOf({
      issuer: issuer.replace("127.0.0.1", "localhost"),
      clientId: "lastro",
      clientSecret: "secret",
      rolesClaim: "roles"
    })
    const { code } = await Effect.runPromise(Effect.flip(wrong.leave("/", `${edge.url}/back`)))
    expect(code).toBe("sign_in_refused")
  })
})
