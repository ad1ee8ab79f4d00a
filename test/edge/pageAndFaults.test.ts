import { Effect } from "effect"
import { expect, test } from "vitest"
import { edgeRoutes } from "../../src/house/edge.ts"
import { decodeBody } from "../../src/edge/input.ts"
import { referencePage } from "../../src/edge/docs/reference.ts"
import { newest } from "../../src/edge/routes/operations.ts"

const routes = edgeRoutes({ allowPrivateWebhooks: false })
const routeOf = (method: string, path: string) =>
  routes.find((route) => route.method === method && route.path === path)!

test("a body says of each member that is missing, or is none, which one in plain words", async () => {
  const route = routeOf("POST", "/v1/webhook-endpoints")
  const refused = await Effect.runPromise(Effect.flip(decodeBody(
    route,
    JSON.stringify({ url: "https://shop.example/hook", event_types: ["payment.*"] })
  )))
  expect(refused).toMatchObject({
    code: "invalid",
    errors: [
      { pointer: "/event_types", detail: "is no member that there may be here" },
      { pointer: "/events", detail: "is missing" }
    ]
  })
})

test("the page for people shows what a route is asked by, and code as code", () => {
  const { body: page } = referencePage(routes)
  const section = page.split("<section ").find((text) => text.includes(">GET /v1/payments<"))!
  for (const [name, { about }] of Object.entries(routeOf("GET", "/v1/payments").query!)) {
    expect(section).toContain(`<code>${name}</code>`)
    expect(section).toContain(about.split("`")[0])
  }
  const creation = page.split("<section ").find((text) => text.includes(">POST /v1/payments<"))!
  expect(creation).toContain("<code>Idempotency-Key</code> (required)")
  expect(creation).toContain("<code>wait=5</code>")
  expect(page).not.toContain("`")
})

test("the reference is led through by tags, searched without script, and tells each request in three ways", () => {
  const { body: page } = referencePage(routes)
  for (const { operationId } of routes) expect(page).toContain(`<a href="#${operationId}">`)
  const sections = (text: string) => text.split("<section ").slice(1)
  expect(sections(page)).toHaveLength(routes.length)
  for (const section of sections(page)) {
    for (const way of ["curl", "TypeScript", "Python"]) expect(section).toContain(`>${way}<`)
  }
  const { body: found } = referencePage(routes, "RefundPayment")
  expect(sections(found)).toHaveLength(1)
  expect(referencePage(routes, '"><script>').body).not.toContain("<script>")
})

test("recent payments stand in the order of the time that is shown, whatever happened to which last", () => {
  const event = (about: string, minute: number, type: string) => ({
    merchant: "acme",
    type,
    about,
    at: 0,
    status: "captured",
    amount: 100,
    currency: "BRL",
    created_at: `2026-01-01T00:0${minute}:00.000Z`
  })
  const events = [
    event("pay_old", 1, "payment.settled"),
    event("pay_new", 3, "payment.captured"),
    event("pay_old", 1, "payment.captured"),
    event("pay_middle", 2, "payment.captured")
  ]
  expect(newest(events).map(({ id }) => id)).toEqual(["pay_new", "pay_middle", "pay_old"])
})
