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
    expect.stringMatching(/^create_key null on call: made \w+ \(ana\)$/),
    `revoke_key beta gone: revoked ${id} (shop)`,
    `create_key beta go: made ${id} (shop)`
  ])
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
