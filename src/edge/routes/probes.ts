import { Effect, Schema } from "effect"
import type { Nats } from "../../bus/connection.ts"
import type { Health } from "../../proof/health/health.ts"
import { badOf, Signal } from "../../proof/health/signal.ts"
import type { Database } from "../../store/database.ts"
import { meterReading } from "../../store/meter.ts"
import { registry, showMeter } from "../../telemetry/metrics.ts"
import { read } from "../reading.ts"
import { type Answer, ok, type Route } from "../route.ts"
import { json, text } from "../shape.ts"

const Readiness = Schema.Struct({
  status: Schema.Literals(["ready", "not ready"]),
  detail: Schema.optionalKey(Schema.String),
  signals: Schema.Array(Signal)
}).annotate({ identifier: "Readiness" })

/** Ready means that a request could be claimed, published and dealt with now. */
export const readiness = (health: Health): Effect.Effect<Answer, never, Nats | Database> =>
  Effect.map(health, (signals) => {
    const bad = badOf(signals)
    return bad.length === 0 ? ok({ status: "ready", signals }) : {
      status: 503,
      body: { status: "not ready", detail: bad.join("; "), signals },
      headers: { "retry-after": "2" }
    }
  })

export const probeRoutes = (health: Health): ReadonlyArray<Route> => [
  {
    method: "GET",
    path: "/healthz",
    summary: "The process answers",
    operationId: "getLiveness",
    tag: "Operations",
    audience: "public",
    answers: { 200: json("Alive", Schema.Struct({ status: Schema.Literal("alive") })) },
    handle: () => Effect.succeed(ok({ status: "alive" }))
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "Servers answer and write, partitions have owners and keep up",
    operationId: "getReadiness",
    tag: "Operations",
    audience: "public",
    answers: { 200: json("Ready", Readiness), 503: json("Not ready", Readiness) },
    handle: () => readiness(health)
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Metrics for Prometheus",
    operationId: "getMetrics",
    tag: "Operations",
    audience: "operator",
    scope: "metrics:read",
    answers: { 200: text("Prometheus text", "text/plain") },
    handle: () =>
      // Without PostgreSQL the other metrics are all the more wanted.
      read("edge.meter", meterReading).pipe(
        Effect.map(showMeter),
        Effect.ignore,
        Effect.andThen(Effect.promise(() => registry.metrics())),
        Effect.map((raw) => ({
          status: 200,
          raw,
          headers: { "content-type": registry.contentType }
        }))
      )
  }
]
