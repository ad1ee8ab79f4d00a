import { Result, Schema } from "effect"
import { described } from "../../src/edge/docs/routes.ts"
import { ProblemBody, problemKinds } from "../../src/edge/problem.ts"
import { problemsOf } from "../../src/edge/problemsOf.ts"
import type { Route } from "../../src/edge/route.ts"
import { edgeRoutes } from "../../src/house/edge.ts"

/** Every route, with those that describe the others. */
export const allRoutes = described(edgeRoutes({ allowPrivateWebhooks: true }))

const patterns = allRoutes.map((route) => ({
  route,
  // What is literal is more than what stands for anything.
  literal: route.path.replaceAll(/\{\w+\}/g, "").length,
  pattern: new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`)
})).sort((left, right) => right.literal - left.literal)

/** The route of a request: a HEAD is a GET whose body stays away. */
export const routeOf = (method: string, address: string): Route | undefined => {
  const path = new URL(address, "http://localhost").pathname
  const asked = method === "HEAD" ? "GET" : method
  return patterns.find(({ pattern, route }) => route.method === asked && pattern.test(path))?.route
}

const decoded = (schema: Schema.Codec<unknown, unknown>, value: unknown, what: string): void => {
  const found = Schema.decodeUnknownResult(schema, { errors: "all", onExcessProperty: "error" })(
    value
  )
  if (Result.isFailure(found)) throw new Error(`${what}: ${found.failure.message}`)
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

const assertProblem = (route: Route | undefined, { status, text }: Told, what: string): void => {
  const body = JSON.parse(text)
  decoded(ProblemBody, body, what)
  const code = body.code as keyof typeof problemKinds
  if (problemKinds[code]?.status !== status) throw new Error(`${what}: ${code} is not ${status}`)
  if (route !== undefined && !problemsOf(route).includes(code)) {
    throw new Error(`${what}: ${route.operationId} does not declare ${code}`)
  }
}

/** What came is what the route says that comes: its status, its form, and everything in it. */
export const assertTold = (method: string, address: string, told: Told): void => {
  const route = routeOf(method, address)
  const type = told.headers.get("content-type")?.split(";")[0] ?? ""
  const what = `${method} ${address} answered ${told.status} ${type}`
  if (type === "application/problem+json") return assertProblem(route, told, what)
  const shape = route?.answers[told.status]
  if (shape === undefined) throw new Error(`${what}, which no route declares`)
  if (shape.content === undefined || method === "HEAD") return
  const schema = shape.content[type]
  if (schema === undefined) throw new Error(`${what}, and its route declares no ${type}`)
  decoded(schema, type === "application/json" ? JSON.parse(told.text) : told.text, what)
}
