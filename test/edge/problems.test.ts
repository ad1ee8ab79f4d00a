import { Effect } from "effect"
import { describe, expect, test } from "vitest"
import { errorPage, errorsPage } from "../../src/edge/docs/errors.ts"
import { described } from "../../src/edge/docs/routes.ts"
import { decodeBody, decodeQuery } from "../../src/edge/input.ts"
import {
  type ProblemCode,
  problemCodes,
  problemKinds,
  refusalProblem
} from "../../src/edge/problem.ts"
import { problemBody } from "../../src/edge/problem.ts"
import { edgeRoutes } from "../../src/house/edge.ts"

const routes = described(edgeRoutes({ allowPrivateWebhooks: false }))

/** The parts of a request as a page shows it. */
const partsOf = (request: string) => {
  const [head = "", body = ""] = request.split("\n\n")
  const [line = "", ...headers] = head.split("\n")
  const [method, address = ""] = line.split(" ")
  const url = new URL(address, "http://localhost")
  return { method, url, headers, body }
}

const routeFor = (method: string | undefined, path: string) =>
  routes.find((route) =>
    route.method === method &&
    new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(decodeURI(path))
  )

describe("every code that a problem may have", () => {
  test.each(problemCodes)("%s has a page that says what it means and what mends it", (code) => {
    const { body } = errorPage(code)
    for (const part of ["What it means", "Whether to repeat", "What mends it"]) {
      expect(body).toContain(part)
    }
    expect(errorsPage().body).toContain(`href="/docs/errors/${code}"`)
    expect(body).not.toContain("`")
  })

  const withRequest = problemCodes.filter((code) => problemKinds[code].request !== undefined)

  test.each(withRequest)("the request that mends %s is one that a route takes", async (code) => {
    const { body, headers, method, url } = partsOf(problemKinds[code].request!)
    const route = routeFor(method, url.pathname)
    expect(route, `${method} ${url.pathname}`).toBeDefined()
    const query = Object.fromEntries([...url.searchParams].map(([name, value]) => [name, [value]]))
    await Effect.runPromise(decodeQuery(route!, query))
    if (route!.body !== undefined) await Effect.runPromise(decodeBody(route!, body))
    expect(headers.some((header) => header.startsWith("Idempotency-Key: ")))
      .toBe(route!.idempotent === true)
  })
})

test("a problem's type is the address of its page, also where only an earlier release refused", () => {
  const typeOf = (code: string) =>
    problemBody(refusalProblem({ code, detail: "no" }), "number").type
  const known: ProblemCode = "insufficient_funds"
  expect(typeOf(known)).toBe("/docs/errors/insufficient_funds")
  expect(typeOf("a_code_of_before")).toBe("/docs/errors")
})
