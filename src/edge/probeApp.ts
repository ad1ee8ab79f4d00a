import { Context, Effect, Result } from "effect"
import { Hono } from "hono"
import type { ContentfulStatusCode } from "hono/utils/http-status"
import type { Nats } from "../bus/connection.ts"
import type { Health } from "../proof/health/health.ts"
import { Database } from "../store/database.ts"
import { registry } from "../telemetry/metrics.ts"
import { Keys } from "./access/keys.ts"
import { assertMay } from "./access/permission.ts"
import { problemBody } from "./problem.ts"
import { guardedHeaders } from "./guards/headers.ts"
import { readiness } from "./routes/probes.ts"

/** What a process without an edge answers: whether it lives, whether it can work, its metrics. */
export const probeApp = (services: Context.Context<Database | Nats>, health: Health): Hono => {
  const app = new Hono()
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(guardedHeaders)) context.header(name, value)
  })
  const keys = new Keys(Context.get(services, Database))
  app.get("/healthz", (context) => context.json({ status: "alive" }))
  app.get("/readyz", async (context) => {
    const { body, headers, status } = await Effect.runPromise(
      Effect.provideContext(readiness(health), services)
    )
    return context.json(body as object, status as ContentfulStatusCode, { ...headers })
  })
  app.get("/metrics", async (context) => {
    const asked = keys.authenticate(context.req.header("authorization")).pipe(
      Effect.tap((caller) => assertMay({ audience: "operator", scope: "metrics:read" }, caller))
    )
    const key = await Effect.runPromise(Effect.provideContext(Effect.result(asked), services))
    if (Result.isFailure(key)) {
      return context.json(problemBody(key.failure, ""), key.failure.status as 401)
    }
    return context.text(await registry.metrics(), 200, { "content-type": registry.contentType })
  })
  return app
}
