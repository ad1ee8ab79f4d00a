import { randomUUID } from "node:crypto"
import { Cause, Context, Effect, Exit } from "effect"
import { type Context as HonoContext, Hono } from "hono"
import type { Caller } from "../store/caller.ts"
import * as metrics from "../telemetry/metrics.ts"
import { callSpan, traceIdOf, validTraceparent } from "../telemetry/traces.ts"
import { addressOf, assertFrom } from "./access/addresses.ts"
import { Callers } from "./access/callers.ts"
import { FORM } from "./access/oauthForm.ts"
import { assertOurs } from "./access/ours.ts"
import { led } from "./access/signInPage.ts"
import { countArriving, type GuardSettings } from "./guards/chain.ts"
import { door } from "./guards/door.ts"
import { guardedHeaders, STRICT_TRANSPORT } from "./guards/headers.ts"
import type { Refusal } from "./guards/knock.ts"
import { encoded } from "./encoding.ts"
import { decodeBody, decodeQuery, readText } from "./input.ts"
import { described } from "./docs/routes.ts"
import { assertAcceptable, assertTaken } from "./mediaType.ts"
import { type Problem, problem, problemBody } from "./problem.ts"
import { RateLimit } from "./rateLimit.ts"
import { assertMay } from "./access/permission.ts"
import type { Answer, Asked, EdgeServices, Route } from "./route.ts"

interface EdgeOptions {
  readonly routes: ReadonlyArray<Route>
  readonly requestsPerSecond: number
  readonly guards: GuardSettings
  readonly services: Context.Context<EdgeServices>
}

const NOBODY: Caller = {
  id: "",
  name: "",
  merchant: "",
  granted: new Set(),
  expiresAt: null,
  addresses: [],
  requestsPerSecond: null
}

/** The HTTP edge: one table of routes, one way through. */
export const edgeApp = (options: EdgeOptions): Hono => {
  const app = new Hono()
  const limit = new RateLimit(options.requestsPerSecond)
  const routes = described(options.routes)
  const look = door(options.guards)
  app.use(async (context, next) => {
    const { refusal, secure } = look(context)
    if (refusal !== undefined) return turnedAway(refusal, routes, context)
    await next()
    if (secure) context.res.headers.set("strict-transport-security", STRICT_TRANSPORT)
  })
  for (const route of routes) {
    app.on(
      route.method,
      route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      (context) => respond(options, limit, route, context)
    )
  }
  app.notFound(({ req: { method, path } }) => notHere(routes, method, path))
  return app
}

const turnedAway = (
  { code, detail }: Refusal,
  routes: ReadonlyArray<Route>,
  { req }: HonoContext
): Response =>
  code === "method_not_allowed"
    ? notHere(routes, req.method, req.path)
    : problemResponse(problem(code, detail), randomUUID())

/** A path that there is takes other methods, and says which; any other is nowhere. */
const notHere = (routes: ReadonlyArray<Route>, method: string, path: string): Response => {
  const allowed = routes
    .filter((route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(path))
    .flatMap((route) => route.method === "GET" ? ["GET", "HEAD"] : [route.method])
  if (allowed.length === 0) {
    return problemResponse(
      problem("route_not_found", `there is no ${method} ${path}`),
      randomUUID()
    )
  }
  const allow = [...new Set(allowed), "OPTIONS"].join(", ")
  // No page of another origin may ask anything: there is no header of CORS.
  if (method === "OPTIONS") {
    return new Response(null, { status: 204, headers: { ...guardedHeaders, allow } })
  }
  const response = problemResponse(
    problem("method_not_allowed", `${path} takes ${allow}`),
    randomUUID()
  )
  response.headers.set("allow", allow)
  return response
}

const respond = async (
  options: EdgeOptions,
  limit: RateLimit,
  route: Route,
  context: HonoContext
): Promise<Response> => {
  const started = performance.now()
  const requestId = randomUUID()
  const traceparent = validTraceparent(context.req.header("traceparent"))
  const span = callSpan(`${route.method} ${route.path}`, "server", traceparent)
  const run = handle(limit, route, context, span.traceparent ?? traceparent)
  const exit = await Effect.runPromiseExit(Effect.provideContext(run, options.services))
  const where = { request_id: requestId, ...traceIdOf(span.traceparent ?? traceparent) }
  const response = Exit.isSuccess(exit)
    ? answerResponse(exit.value, requestId)
    : failed(route, context, problemOf(exit.cause, options.services, where), requestId)
  span.end({ "http.status_code": response.status })
  metrics.edgeSeconds.observe(
    { route: `${route.method} ${route.path}`, status: String(response.status) },
    (performance.now() - started) / 1_000
  )
  return response
}

/** A person who is not signed in is led to where they can; everybody else is told. */
const failed = (route: Route, { req }: HonoContext, one: Problem, requestId: string): Response => {
  const person = route.page === true && req.header("accept")?.includes("text/html") === true
  if (!person || one.status !== 401) return problemResponse(one, requestId)
  const { pathname, search } = new URL(req.url)
  return answerResponse(led(`/sign-in?next=${encodeURIComponent(pathname + search)}`), requestId)
}

const handle = Effect.fnUntraced(function* (
  limit: RateLimit,
  route: Route,
  context: HonoContext,
  traceparent: string | undefined
) {
  const header = (name: string) => context.req.header(name)
  const limits: Record<string, string> = {}
  let caller = NOBODY
  if (route.audience !== "public") {
    const callers = yield* Callers
    caller = yield* callers.authenticate(route.method, header)
    yield* assertFrom(caller, addressOf(context))
    const allowance = limit.take(caller, Date.now())
    limits["ratelimit-policy"] = allowance.policy
    limits["ratelimit"] = allowance.state
    if (!allowance.allowed) {
      return yield* problem("rate_limited", "too many requests with this key", {
        retryAfterSeconds: allowance.resetSeconds
      })
    }
    yield* assertMay(route, caller)
  }
  yield* assertAcceptable(route, header("accept"))
  const query = yield* decodeQuery(route, context.req.queries())
  if (query["merchant"] !== undefined && caller.merchant !== "") {
    return yield* problem("not_allowed", "only operators name a merchant")
  }
  const text = route.method === "POST" ? yield* readText(route, context.req.raw) : ""
  if (route.method === "POST") {
    yield* assertTaken(route, header, text)
    yield* assertOurs(caller, header, tokenOf(route, header, text))
  }
  const { body, json } = yield* decodeBody(route, text)
  const asked: Asked = {
    caller,
    path: context.req.param() as Record<string, string>,
    query,
    namesMerchant: route.query?.["merchant"] !== undefined,
    header,
    body,
    json,
    text,
    requestPath: `${route.method} ${context.req.path}`,
    traceparent,
    signal: context.req.raw.signal
  }
  const answer = yield* route.handle(asked)
  const told = answer.raw === undefined && answer.body !== undefined
    ? { ...answer, body: encoded(route, answer) }
    : answer
  return { ...told, headers: { ...limits, ...answer.headers } }
})

/** Scripts send the page's token in a header, forms among their fields. */
const tokenOf = (
  { text: form }: Route,
  header: (name: string) => string | undefined,
  text: string
): string | undefined =>
  form?.contentType === FORM.contentType
    ? new URLSearchParams(text).get("csrf") ?? undefined
    : header("x-csrf-token")

const answerResponse = (answer: Answer, requestId: string): Response => {
  const headers = new Headers({
    ...guardedHeaders,
    "request-id": requestId,
    ...answer.headers
  })
  if (answer.status === 304) return new Response(null, { status: 304, headers })
  if (answer.raw !== undefined) {
    return new Response(answer.raw as BodyInit, { status: answer.status, headers })
  }
  headers.set("content-type", "application/json")
  return new Response(JSON.stringify(answer.body), { status: answer.status, headers })
}

/** What no route foresaw is a bug: the caller learns its number, the log the rest. */
const problemOf = (
  cause: Cause.Cause<Problem>,
  services: Context.Context<EdgeServices>,
  where: Readonly<Record<string, string>>
): Problem => {
  const known = Cause.findErrorOption(cause)
  if (known._tag === "Some") {
    countArriving(known.value.code)
    return known.value
  }
  // With the edge's own logger: the default one prints causes as they are (G17).
  Effect.runForkWith(services)(
    Effect.logError("a request failed", cause).pipe(Effect.annotateLogs(where))
  )
  return problem("internal", "this is our fault, and it has been noted")
}

const problemResponse = (one: Problem, requestId: string): Response =>
  new Response(JSON.stringify(problemBody(one, requestId)), {
    status: one.status,
    headers: {
      ...guardedHeaders,
      "content-type": "application/problem+json",
      "request-id": requestId,
      ...(one.retryAfterSeconds !== undefined && { "retry-after": `${one.retryAfterSeconds}` }),
      ...(one.replayed === true && { "idempotent-replayed": "true" }),
      // The rest of a body nobody reads is still on its way: the connection is of no further use.
      ...((one.status === 413 || one.status === 408) && { connection: "close" }),
      // RFC 6750 §3.
      ...(one.status === 401 && { "www-authenticate": 'Bearer realm="Lastro"' }),
      ...(one.scope !== undefined && {
        "www-authenticate": `Bearer error="insufficient_scope", scope="${one.scope}"`
      })
    }
  })
