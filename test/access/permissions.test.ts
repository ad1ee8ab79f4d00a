import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Role, roles } from "../../src/domain/role.ts"
import { edgeRoutes } from "../../src/house/edge.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { cellsOf, permissionPage } from "../support/permissionTable.ts"

const PAGE = "docs/permissions.md"
const routes = edgeRoutes({ allowPrivateWebhooks: true })
const names = Object.keys(roles) as ReadonlyArray<Role>

let one: TestLastro
const keys = new Map<Role, string>()
beforeAll(async () => {
  one = await startTestLastro()
  for (const role of names) {
    const merchant = roles[role].side === "merchant" ? "acme" : ""
    keys.set(role, await createApiKey(one.db, { name: role, merchant, role, scopes: [] }))
  }
})
afterAll(() => one.stop())

test("what may be done by whom is as written down", () => {
  const text = permissionPage(routes)
  if (process.env["UPDATE_GOLDEN"] === "1") fs.writeFileSync(PAGE, text)
  expect(
    fs.readFileSync(PAGE, "utf8"),
    `${PAGE} changed: is it meant? Then run again with UPDATE_GOLDEN=1`
  ).toBe(text)
})

/** What only tells that somebody may not, whatever was asked. */
const REFUSALS = ["insufficient_scope", "not_allowed", "not_authenticated"]

const written = cellsOf(fs.readFileSync(PAGE, "utf8"))

test.each(routes.map((route) => ({ name: `${route.method} ${route.path}`, route })))(
  "$name is answered as its cells say",
  async ({ name, route: { method, path, query, scope } }) => {
    const cells = written.get(name)
    expect(cells, `${name} has no row in ${PAGE}`).toBeDefined()
    for (const role of names) {
      const cell = cells!.get(role)!
      const named = roles[role].side === "platform" && query?.["merchant"] !== undefined
        ? "?merchant=acme"
        : ""
      // Nothing has this name and nothing takes this body: what is allowed does nothing.
      const answer = await fetch(one.url + path.replaceAll(/\{\w+\}/g, "nothing") + named, {
        method,
        headers: { authorization: `Bearer ${keys.get(role)}`, "content-type": "application/json" },
        ...(method !== "GET" && { body: '{"nothing":1}' })
      })
      const { code, scope: needed } = await answer.json().catch(() => ({})) as Record<
        string,
        string
      >
      const told = `${name} as ${role}: ${answer.status} ${code}`
      if (scope === undefined) {
        expect(REFUSALS.includes(code!) && role === "admin", told).toBe(false)
      } else if (cell !== "–") expect(REFUSALS, told).not.toContain(code)
      else {
        expect(answer.status, told).toBe(403)
        if (code === "insufficient_scope") expect(needed).toBe(scope)
        else expect([code, roles[role].side], told).toEqual(["not_allowed", "merchant"])
      }
    }
  }
)
