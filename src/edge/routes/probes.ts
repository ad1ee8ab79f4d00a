import { Effect } from "effect"
import { Nats } from "../../bus/connection.ts"
import { refusedLogins } from "../../bus/logins.ts"
import { request } from "../../bus/api.ts"
import { ping } from "../../store/machine.ts"
import { meterReading } from "../../store/meter.ts"
import { registry, showMeter } from "../../telemetry/metrics.ts"
import { operatorPage } from "../operatorPage.ts"
import { unavailable } from "../problem.ts"
import { read } from "../reading.ts"
import { ok, type Route } from "../route.ts"

/** Ready means that a request could be claimed and published now. */
export const ready = Effect.gen(function* () {
  const refused = refusedLogins()
  if (refused.length > 0) return yield* unavailable(refused.join("; "))
  yield* read("edge.ready", ping)
  const { nc } = yield* Nats
  yield* request(nc, "STREAM.INFO.PAYMENTS").pipe(
    Effect.mapError(() => unavailable("NATS does not answer"))
  )
  return ok({ status: "ready" })
})

const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; " +
  "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export const probeRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/healthz",
    summary: "The process answers",
    audience: "public",
    answers: { 200: "Alive" },
    handle: () => Effect.succeed(ok({ status: "alive" }))
  },
  {
    method: "GET",
    path: "/readyz",
    summary: "NATS and PostgreSQL answer",
    audience: "public",
    answers: { 200: "Ready", 503: "Not ready" },
    handle: () => ready
  },
  {
    method: "GET",
    path: "/metrics",
    summary: "Metrics for Prometheus",
    audience: "operator",
    answers: { 200: "Prometheus text" },
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
  },
  {
    method: "GET",
    path: "/",
    summary: "The operator page",
    audience: "operator",
    answers: { 200: "HTML" },
    handle: () =>
      Effect.succeed({
        status: 200,
        raw: operatorPage,
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": PAGE_POLICY,
          "cache-control": "no-store"
        }
      })
  }
]
