import { afterAll, beforeAll, expect, test } from "vitest"
import { commandLine } from "../support/commandLine.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
let environment: Record<string, string>
beforeAll(async () => {
  one = await startTestLastro()
  environment = { DATABASE_URL: one.stack.databaseUrl }
})
afterAll(() => one.stop())
const lastro = commandLine(() => environment)
const access = (...args: ReadonlyArray<string>) => lastro("access", ...args)

const reads = async (secret: string, path = "/v1/payments") =>
  (await one.ask(secret, "GET", path)).status

test("a merchant's key is made, listed, used and revoked, and each is written down", async () => {
  const made = await access(
    "create",
    "--merchant",
    "beta",
    "--name",
    "shop",
    "--why",
    "go",
    "--json"
  )
  const { id, secret } = JSON.parse(made.text)
  expect(await reads(secret)).toBe(200)
  expect(await reads(secret, "/v1/operations/overview")).toBe(403)

  const listed = await access("list", "--merchant", "beta", "--json")
  expect(listed.text).not.toContain(secret)
  expect(JSON.parse(listed.text)).toMatchObject([{ id, name: "shop", revoked_at: null }])

  expect((await access("revoke", id, "--why", "gone")).text).toMatch(/beta {2}shop .*, revoked /)
  await eventually(async () => await reads(secret) === 401 || undefined)
  // Once more changes nothing and is no second action.
  expect((await access("revoke", id, "--why", "gone again")).code).toBe(0)

  const operator = await access("create", "--operator", "--name", "ana", "--why", "on call")
  const { json } = await one.ask(operator.text, "GET", "/v1/operations/actions")
  const told = json.data.map((action: Record<string, unknown>) =>
    `${action["action"]} ${action["merchant"]} ${action["why"]}: ${action["outcome"]}`
  )
  expect(told).toEqual([
    expect.stringMatching(/^create_key null on call: made \w+ \(ana\): payments:read /),
    `revoke_key beta gone: revoked ${id} (shop)`,
    expect.stringMatching(
      `^create_key beta go: made ${id} \\(shop\\): payments:read .* reports:read$`
    )
  ])
})

test("a key may less, ends, comes from where it says, and tells who made it and when it was used", async () => {
  const made = async (...words: ReadonlyArray<string>) =>
    JSON.parse(
      (await access(
        "create",
        "--name",
        "n",
        "--why",
        "w",
        "--json",
        "--merchant",
        "gamma",
        ...words
      ))
        .text
    )
  const some = await made("--scopes", "events:read,ledger:read", "--rate", "3", "--expires", "2s")
  expect(some).toMatchObject({
    scopes: ["events:read", "ledger:read"],
    requests_per_second: 3,
    used_at: null
  })
  const { json } = await one.ask(some.secret, "GET", "/v1/payments")
  expect([json.code, json.scope]).toEqual(["insufficient_scope", "payments:read"])
  const { headers } = await one.ask(some.secret, "GET", "/v1/balances")
  expect(headers.get("ratelimit-policy")).toBe('"default";q=3;w=1')

  const far = await made("--from", "192.0.2.0/24,2001:db8::/32")
  expect((await one.ask(far.secret, "GET", "/v1/payments")).json.code).toBe("address_not_allowed")
  const near = await made("--role", "analyst", "--from", "127.0.0.0/8")
  expect(await reads(near.secret)).toBe(200)
  expect((await one.ask(near.secret, "POST", "/v1/payments", { body: {} })).status).toBe(403)

  const shown = await eventually(async () => {
    const key = JSON.parse((await access("show", near.id, "--json")).text)
    return key.used_at === null ? undefined : key
  })
  expect(shown).toMatchObject({ role: "analyst", scopes: [], addresses: ["127.0.0.0/8"] })
  expect(shown.made_by).toMatch(/.@./)
  // At its end it is refused, remembered or not.
  await eventually(async () => await reads(some.secret, "/v1/balances") === 401 || undefined)
  const test = await made("--test")
  expect([test.secret.slice(0, 8), test.test]).toEqual(["sk_test_", true])
})

test("a rotated key has two secrets until the grace is over", async () => {
  const first = JSON.parse(
    (await access("create", "--merchant", "d", "--name", "n", "--why", "w", "--json")).text
  )
  const second = await access("rotate", first.id, "--grace", "2s", "--why", "quarter", "--json")
  const { id, former_until, secret } = JSON.parse(second.text)
  expect([id, secret === first.secret]).toEqual([first.id, false])
  expect(Date.parse(former_until)).toBeGreaterThan(Date.now() - 1_000)
  expect([await reads(first.secret), await reads(secret)]).toEqual([200, 200])
  await eventually(async () => await reads(first.secret) === 401 || undefined)
  expect(await reads(secret)).toBe(200)
  await access("revoke", id, "--why", "over")
  expect((await access("rotate", id, "--why", "too late")).code).toBe(1)
  await eventually(async () => await reads(secret) === 401 || undefined)
})

test("what is not said enough is refused, and nothing is made", async () => {
  const before = (await access("list")).text
  for (
    const args of [
      [],
      ["create", "--merchant", "beta", "--why", "no name"],
      ["create", "--name", "whose", "--why", "nobody's"],
      ["create", "--name", "both", "--merchant", "beta", "--operator", "--why", "of two"],
      ["create", "--name", "odd", "--merchant", "be.ta", "--why", "no identifier"],
      ["create", "--name", "silent", "--merchant", "beta"],
      ["create", "--merchant", "beta", "--name", "n", "--why", "w", "--scopes", "payments:raed"],
      ["create", "--merchant", "beta", "--name", "n", "--why", "w", "--role", "admin"],
      ["create", "--merchant", "beta", "--name", "n", "--why", "w", "--from", "here"],
      ["create", "--merchant", "beta", "--name", "n", "--why", "w", "--expires", "soon"],
      ["create", "--operator", "--name", "n", "--why", "w", "--test"],
      ["rotate", "x", "--why", "w", "--grace", "1y"],
      ["revoke", "--why", "which"]
    ]
  ) {
    expect((await access(...args)).code, args.join(" ")).toBe(64)
  }
  expect((await access("list")).text).toBe(before)
  const unknown = await access("revoke", "0123456789abcdef", "--why", "a slip")
  expect(unknown).toMatchObject({
    code: 1,
    text: "lastro access: there is no key 0123456789abcdef."
  })
})
