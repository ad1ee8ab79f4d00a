import { generateKeyPairSync, randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { SignJWT } from "jose"
import * as client from "openid-client"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type RunningEdge, startEdge } from "../../src/house/edge.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { commandLine } from "../support/commandLine.ts"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { signedIn } from "../support/signedIn.ts"

const BACK = "https://partner.example/back"

let one: TestLastro
/** A second edge under the same public address. */
let other: RunningEdge
let owner: { readonly cookie: string; readonly csrf: string }
let ownerKey: string
beforeAll(async () => {
  one = await startTestLastro()
  other = await startEdge(one.stack, {
    port: 0,
    log: () => {},
    allowPrivateWebhooks: true,
    publicUrl: one.url
  })
  ownerKey = await createApiKey(one.db, {
    name: "olga",
    merchant: "acme",
    role: "owner",
    scopes: []
  })
  owner = await signedIn(one.url, ownerKey)
})
afterAll(async () => {
  await other.stop()
  await one.stop()
})

const lastro = commandLine(() => ({ DATABASE_URL: one.stack.databaseUrl }))
const make = async (...words: ReadonlyArray<string>) => {
  const args = ["create", "--client", "--name", "books", "--why", "w", "--json", ...words]
  return JSON.parse((await lastro("access", ...args)).text)
}

const discovered = (id: string, proof: client.ClientAuth) =>
  client.discovery(new URL(one.url), id, {}, proof, {
    algorithm: "oauth2",
    execute: [client.allowInsecureRequests]
  })

const read = async (token: string, url = other.url, path = "/v1/payments") => {
  const answer = await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })
  return { status: answer.status, json: await answer.json() }
}

test("a client proves who it is by its secret, and its token is taken by another edge alone", async () => {
  const made = await make("--merchant", "acme", "--scopes", "payments:read,events:read")
  for (const proof of [client.ClientSecretBasic, client.ClientSecretPost]) {
    const config = await discovered(made.client_id, proof(made.client_secret))
    const got = await client.clientCredentialsGrant(config, { scope: "payments:read" })
    expect(got).toMatchObject({ token_type: "bearer", expires_in: 900, scope: "payments:read" })
    expect((await read(got.access_token)).status).toBe(200)
    const events = await read(got.access_token, other.url, "/v1/events")
    expect([events.json.code, events.json.scope]).toEqual(["insufficient_scope", "events:read"])
    const told = await client.tokenIntrospection(config, got.access_token)
    expect(told).toMatchObject({ active: true, merchant: "acme", scope: "payments:read" })

    await client.tokenRevocation(config, got.access_token)
    await eventually(
      async () => (await read(got.access_token)).status === 401 || undefined,
      3_000
    )
    expect((await read(got.access_token)).json.detail).toBe("this token was revoked")
    expect(await client.tokenIntrospection(config, got.access_token)).toEqual({ active: false })
  }
  const config = await discovered(made.client_id, client.ClientSecretPost("wrong"))
  await expect(client.clientCredentialsGrant(config)).rejects.toThrow(/WWW-Authenticate/)
  const right = await discovered(made.client_id, client.ClientSecretPost(made.client_secret))
  await expect(client.clientCredentialsGrant(right, { scope: "payouts:write" }))
    .rejects.toMatchObject({ error: "invalid_scope" })
})

test("a client proves who it is by what it signs, once", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
  const file = `${one.lastro.dataDir}/jwks.json`
  const jwk = { ...publicKey.export({ format: "jwk" }), kid: "k", alg: "ES256" }
  fs.writeFileSync(file, JSON.stringify({ keys: [jwk] }))
  const made = await make("--merchant", "acme", "--jwks", file)
  const key = await crypto.subtle.importKey(
    "jwk",
    privateKey.export({ format: "jwk" }) as JsonWebKey,
    { name: "ECDSA", namedCurve: "P-256" },
    false,
    ["sign"]
  )
  const config = await discovered(
    made.client_id,
    client.PrivateKeyJwt({ key: key as never, kid: "k" })
  )
  const { access_token } = await client.clientCredentialsGrant(config)
  expect((await read(access_token)).status).toBe(200)

  const assertion = await new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .setIssuer(made.client_id).setSubject(made.client_id).setAudience(one.url)
    .setIssuedAt().setExpirationTime("1m").sign(privateKey)
  const post = async () => {
    const answer = await fetch(`${one.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "client_credentials",
        client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion: assertion
      })
    })
    return [answer.status, (await answer.json()).error_description]
  }
  expect((await post())[0]).toBe(200)
  expect(await post()).toEqual([401, "the assertion was used before"])
})

/** A partner's program up to the code that olga's consent gives. */
const consented = async (scope: string, decision = "allow") => {
  const made = await make("--redirect", BACK, "--scopes", "payments:read,refunds:write")
  const config = await discovered(made.client_id, client.ClientSecretBasic(made.client_secret))
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: BACK,
    scope,
    state,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: "S256"
  })
  const page = await fetch(address, { headers: { cookie: owner.cookie, accept: "text/html" } })
  const html = await page.text()
  const fields = [...html.matchAll(/type="hidden" name="(\w+)" value="([^"]*)"/g)]
    .map(([, name, value]) => [name!, value!.replaceAll("&amp;", "&")] as [string, string])
  const answer = await fetch(`${one.url}/oauth/authorize`, {
    method: "POST",
    redirect: "manual",
    headers: { cookie: owner.cookie, origin: one.url },
    body: new URLSearchParams([...fields, ["decision", decision]])
  })
  return { made, config, verifier, state, html, answer, page, back: answer.headers.get("location") }
}

test("a merchant's administrator consents, and the partner's acts say whose they are", async () => {
  const { back, config, html, page, state, verifier } = await consented("payments:read")
  expect(html).toContain("books asks to act for acme")
  expect(page.headers.get("content-security-policy"))
    .toContain("form-action 'self' https://partner.example")
  const exchange = () =>
    client.authorizationCodeGrant(config, new URL(back!), {
      pkceCodeVerifier: verifier,
      expectedState: state
    })
  const got = await exchange()
  expect(got).toMatchObject({ scope: "payments:read", refresh_token: expect.any(String) })
  expect((await read(got.access_token)).status).toBe(200)
  const payload = JSON.parse(Buffer.from(got.access_token.split(".")[1]!, "base64url").toString())
  expect([payload.merchant, payload.name]).toEqual(["acme", "books for olga"])

  const next = await client.refreshTokenGrant(config, got.refresh_token!)
  expect(next.refresh_token).not.toBe(got.refresh_token)
  // The former one again: somebody has a copy, so everything ends.
  await expect(client.refreshTokenGrant(config, got.refresh_token!))
    .rejects.toMatchObject({
      error: "invalid_grant",
      error_description: expect.stringMatching(/used before/)
    })
  await eventually(async () => (await read(next.access_token)).status === 401 || undefined, 3_000)
  await expect(client.refreshTokenGrant(config, next.refresh_token!))
    .rejects.toMatchObject({ error: "invalid_grant" })
})

test("a code is good once, for its program, its address and its verifier", async () => {
  const first = await consented("payments:read")
  const grant = (given: Awaited<ReturnType<typeof consented>>, verifier = given.verifier) =>
    client.authorizationCodeGrant(given.config, new URL(given.back!), {
      pkceCodeVerifier: verifier,
      expectedState: given.state
    })
  const { access_token } = await grant(first)
  await expect(grant(first)).rejects.toMatchObject({
    error_description: expect.stringMatching(/used before/)
  })
  await eventually(async () => (await read(access_token)).status === 401 || undefined, 3_000)

  const second = await consented("payments:read")
  await expect(grant(second, client.randomPKCECodeVerifier()))
    .rejects.toMatchObject({ error: "invalid_grant" })
  await expect(grant({ ...second, config: first.config }))
    .rejects.toMatchObject({ error: "invalid_grant" })
})

test("no consent gives no code, and only an administrator of a merchant is asked", async () => {
  const denied = await consented("payments:read", "deny")
  expect(new URL(denied.back!).searchParams.get("error")).toBe("access_denied")
  const beyond = await consented("payouts:write")
  expect([beyond.page.status, beyond.answer.status]).toEqual([400, 403])
  const { config } = denied
  const address = client.buildAuthorizationUrl(config, {
    redirect_uri: "https://evil.example/",
    scope: "payments:read",
    code_challenge: "x".repeat(43),
    code_challenge_method: "S256"
  })
  const wrong = await fetch(address, { redirect: "manual", headers: { cookie: owner.cookie } })
  expect([wrong.status, (await wrong.json()).code]).toEqual([400, "consent_refused"])
  // With a key nobody sits in front of the page, and without anything one signs in first.
  const byKey = await fetch(address, { headers: { authorization: `Bearer ${ownerKey}` } })
  expect((await byKey.json()).detail).toMatch(/signed in with a browser/)
  const nobody = await fetch(address, { redirect: "manual", headers: { accept: "text/html" } })
  expect(nobody.headers.get("location")).toMatch(/^\/sign-in\?next=%2Foauth%2Fauthorize/)
})

test("a token that is wrong is refused by name", async () => {
  const made = await make("--merchant", "acme")
  const config = await discovered(made.client_id, client.ClientSecretPost(made.client_secret))
  const { access_token } = await client.clientCredentialsGrant(config)
  const [key] = await query(one.stack.databaseUrl, "select kid, jwk from oauth_signing_keys")
  const signing = await crypto.subtle.importKey("jwk", key!["jwk"], "Ed25519", false, ["sign"])
  const claims = JSON.parse(Buffer.from(access_token.split(".")[1]!, "base64url").toString())
  const sign = (changed: object, kid = String(key!["kid"])) =>
    new SignJWT({ ...claims, ...changed })
      .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid }).sign(signing)
  expect((await read(await sign({}))).status).toBe(200)
  const [head, body, signature] = access_token.split(".") as [string, string, string]
  const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")
  const moved = Buffer.from(JSON.stringify({ ...claims, merchant: "globex" })).toString("base64url")
  const wrong: ReadonlyArray<readonly [string, RegExp]> = [
    [await sign({ iss: "https://evil.example" }), /another issuer/],
    [await sign({ aud: "https://evil.example" }), /another audience/],
    [await sign({ exp: 1 }), /has expired/],
    [await sign({}, randomUUID()), /key that is not known/],
    [`${none}.${body}.`, /algorithm that is not taken/],
    [`${head}.${moved}.${signature}`, /wrong signature/]
  ]
  for (const [token, reason] of wrong) {
    const { json, status } = await read(token)
    expect([status, json.code]).toEqual([401, "token_refused"])
    expect(json.detail).toMatch(reason)
  }
})

test("keys rotate with overlap: the former one is verified as long as its tokens are good", async () => {
  const made = await make("--merchant", "acme")
  const config = await discovered(made.client_id, client.ClientSecretPost(made.client_secret))
  const before = await client.clientCredentialsGrant(config)
  await query(
    one.stack.databaseUrl,
    "update oauth_signing_keys set created_at = now() - interval '30 days 1 hour'"
  )
  const third = await startEdge(one.stack, {
    port: 0,
    log: () => {},
    allowPrivateWebhooks: true,
    publicUrl: one.url
  })
  const jwks = await (await fetch(`${third.url}/.well-known/jwks.json`)).json()
  expect(jwks.keys).toHaveLength(2)
  expect(JSON.stringify(jwks)).not.toContain('"d"')
  const kidOf = (token: string) =>
    JSON.parse(Buffer.from(token.split(".")[0]!, "base64url").toString()).kid
  // The new one is published before it signs.
  const at = (url: string) =>
    fetch(`${url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", ...made })
    }).then(async (answer) => (await answer.json()).access_token as string)
  expect(kidOf(await at(third.url))).toBe(kidOf(before.access_token))
  await query(
    one.stack.databaseUrl,
    "update oauth_signing_keys set created_at = created_at - interval '10 minutes'"
  )
  const fourth = await startEdge(one.stack, {
    port: 0,
    log: () => {},
    allowPrivateWebhooks: true,
    publicUrl: one.url
  })
  const after = await at(fourth.url)
  expect(kidOf(after)).not.toBe(kidOf(before.access_token))
  for (const token of [before.access_token, after]) {
    for (const { url } of [fourth, other]) {
      // One that does not know the key looks for it once a second.
      await eventually(async () => (await read(token, url)).status === 200 || undefined, 5_000)
    }
  }
  await Promise.all([third.stop(), fourth.stop()])
})

test("a revoked client's tokens end everywhere", async () => {
  const made = await make("--merchant", "acme")
  const config = await discovered(made.client_id, client.ClientSecretPost(made.client_secret))
  const { access_token } = await client.clientCredentialsGrant(config)
  expect((await read(access_token)).status).toBe(200)
  expect((await lastro("access", "revoke", made.client_id, "--why", "over")).code).toBe(0)
  await eventually(async () => (await read(access_token)).status === 401 || undefined, 3_000)
  await expect(client.clientCredentialsGrant(config)).rejects.toThrow()
})
