import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, beforeAll, expect, test } from "vitest"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

interface Span {
  readonly traceId: string
  readonly name: string
}

let collector: Server
let one: TestLastro
const spans: Array<Span> = []

beforeAll(async () => {
  collector = createServer(async (request, response) => {
    const chunks: Array<Uint8Array> = []
    for await (const chunk of request) chunks.push(chunk)
    const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString())
    for (const { scopeSpans } of resourceSpans) {
      for (const scope of scopeSpans) spans.push(...scope.spans)
    }
    response.end("{}")
  })
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
  const { port } = collector.address() as AddressInfo
  one = await startTestLastro({
    environment: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
      OTEL_TRACES_SAMPLER_ARG: "0"
    }
  })
})
afterAll(() => {
  collector.close()
})

test("one payment is one trace through edge, actors and gateway, and others are not sampled", async () => {
  const key = await one.key("acme")
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736"
  const pay = (id: string, headers: Record<string, string>) =>
    one.ask(key, "POST", "/v1/payments", {
      headers: { "idempotency-key": id, prefer: "wait=5", ...headers },
      body: {
        amount: 100,
        currency: "BRL",
        payment_method: { type: "card", token: "tok_approved" }
      }
    })
  const traced = await pay("traced", { traceparent: `00-${traceId}-00f067aa0ba902b7-01` })
  expect(traced.json.status).toBe("captured")
  await pay("untraced", {})
  // The exporter sends what it holds when Lastro stops.
  await one.stop()
  expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]))
  const names = new Set(spans.map(({ name }) => name))
  for (
    const name of [
      "POST /v1/payments",
      "payments.turn",
      "gateway.call",
      "reconciliation.turn"
    ]
  ) expect(names).toContain(name)
})
