import {
  type Link,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  trace
} from "@opentelemetry/api"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import {
  BatchSpanProcessor,
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler
} from "@opentelemetry/sdk-trace-node"

/** Links of one turn's span. Beyond it the turn is still traced, only less connected. */
const LINKS_MAX = 64
/** One payment in a hundred is traced unless its caller asks for more. */
const SAMPLED_RATIO = 0.01

let provider: NodeTracerProvider | undefined

/** Starts tracing where `OTEL_EXPORTER_OTLP_ENDPOINT` says whereto; without it spans cost nothing. */
export const startTracing = (environment: Readonly<Record<string, string | undefined>>): void => {
  const endpoint = environment["OTEL_EXPORTER_OTLP_ENDPOINT"]
  if (endpoint === undefined || endpoint === "" || provider !== undefined) return
  const ratio = Number(environment["OTEL_TRACES_SAMPLER_ARG"] ?? SAMPLED_RATIO)
  provider = new NodeTracerProvider({
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }))
    ]
  })
  provider.register()
}

export const stopTracing = async (): Promise<void> => {
  await provider?.shutdown()
  provider = undefined
}

interface OpenSpan {
  readonly traceparent: string | undefined
  readonly end: (attributes?: Readonly<Record<string, string | number>>) => void
}

const NONE: OpenSpan = { traceparent: undefined, end: () => {} }

/**
 * One span for one turn, never one per message: a lone message is its parent, so that a payment's
 * trace runs through every actor; in a batch the messages are links.
 */
export const turnSpan = (
  name: string,
  traceparents: ReadonlyArray<string | undefined>
): OpenSpan => {
  if (provider === undefined) return NONE
  const causes = [...new Set(traceparents)]
    .map(parse)
    .filter((cause) => cause !== undefined && (cause.traceFlags & 1) === 1)
    .slice(0, LINKS_MAX) as Array<SpanContext>
  if (causes.length === 0) return NONE
  const parent = trace.setSpanContext(ROOT_CONTEXT, causes[0]!)
  const links: Array<Link> = causes.slice(1).map((context) => ({ context }))
  return open(name, SpanKind.CONSUMER, parent, links)
}

/** A span for one request at the edge or one call to the world. */
export const callSpan = (
  name: string,
  kind: "server" | "client",
  traceparent: string | undefined
): OpenSpan => {
  if (provider === undefined) return NONE
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent })
  return open(name, kind === "server" ? SpanKind.SERVER : SpanKind.CLIENT, parent, [])
}

const open = (
  name: string,
  kind: SpanKind,
  parent: typeof ROOT_CONTEXT,
  links: Array<Link>
): OpenSpan => {
  const span = trace.getTracer("lastro").startSpan(name, { kind, links }, parent)
  const { spanId, traceFlags, traceId } = span.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`,
    end: (attributes = {}) => {
      span.setAttributes({ ...attributes })
      span.end()
    }
  }
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/

/** A header that is not a traceparent is dropped: it must not reach logs or other systems. */
export const validTraceparent = (header: string | undefined): string | undefined =>
  header !== undefined && TRACEPARENT.test(header) ? header : undefined

/** For log lines: the trace a message or a request belongs to. */
export const traceIdOf = (header: string | undefined): { readonly trace_id?: string } => {
  const match = TRACEPARENT.exec(header ?? "")
  return match === null ? {} : { trace_id: match[1]! }
}

const parse = (header: string | undefined): SpanContext | undefined => {
  const match = TRACEPARENT.exec(header ?? "")
  if (match === null) return undefined
  return {
    traceId: match[1]!,
    spanId: match[2]!,
    traceFlags: parseInt(match[3]!, 16),
    isRemote: true
  }
}
