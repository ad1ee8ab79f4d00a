import type { ConsumerConfig, StreamConfig } from "@nats-io/jetstream"
import { Effect } from "effect"
import { JetStreamCode, JetStreamRefused, request } from "./api.ts"
import type { BusClient, BusUnavailable } from "./connection.ts"
import { type Difference, judgeConsumer, judgeStream, settingsApart, streamApart } from "./drift.ts"
import { takesCommands } from "./ingress.ts"

/** A stream as JetStream's API takes it; durations in nanoseconds. Declared as data in `streams/`. */
export type StreamSpec = Readonly<Partial<StreamConfig>> & { readonly name: string }

/** A durable consumer that is there whether or not anybody reads it. */
export interface ConsumerSpec {
  readonly stream: string
  readonly name: string
  readonly config: Readonly<Partial<ConsumerConfig>>
}

export interface Topology {
  readonly streams: ReadonlyArray<StreamSpec>
  readonly consumers: ReadonlyArray<ConsumerSpec>
}

/** What is to be done with one stream, bucket or consumer. */
export type Step =
  | { readonly kind: Kind; readonly name: string; readonly action: "create" }
  | {
    readonly kind: Kind
    readonly name: string
    /** `tell`: nothing of it can be changed in place; a person decides. */
    readonly action: "change" | "tell"
    readonly differences: ReadonlyArray<Difference>
  }
type Kind = "stream" | "bucket" | "consumer"

export interface Plan {
  readonly steps: ReadonlyArray<Step>
  /** Mailboxes that admission holds closed: their missing ingress is no difference. */
  readonly closedGates: ReadonlyArray<string>
}

/**
 * Copies of every stream: a cluster keeps three, a single server one. The server itself says which it
 * is; nothing else decides.
 */
export const replicasOf = (nc: BusClient): 1 | 3 => nc.info?.cluster === undefined ? 1 : 3

/** Compares what is there with what is declared, setting by setting. Changes nothing. */
export const planTopology = Effect.fnUntraced(function* (
  nc: BusClient,
  { consumers, streams }: Topology,
  nowMillis: number
): Effect.fn.Return<Plan, BusUnavailable | JetStreamRefused> {
  const closedGates: Array<string> = []
  const steps: Array<Step> = []
  const missing = new Set<string>()
  for (const spec of streams) {
    const found = yield* findStream(nc, spec.name)
    const place = { kind: kindOf(spec.name), name: spec.name }
    if (found === undefined) {
      missing.add(spec.name)
      steps.push({ ...place, action: "create" })
      continue
    }
    const { declared, gateClosed } = comparableSpec(spec, found.config)
    if (gateClosed) closedGates.push(spec.name)
    const { messages, bytes, first_ts } = found.state
    const held = { messages, bytes, firstMillis: Date.parse(first_ts) }
    const differences = judgeStream(streamApart({ ...declared }, found.config), held, nowMillis)
    if (differences.length > 0) steps.push({ ...place, ...actionFor(differences) })
  }
  for (const spec of consumers) {
    const place = { kind: "consumer" as const, name: `${spec.stream}/${spec.name}` }
    const found = missing.has(spec.stream) ? undefined : yield* findConsumer(nc, spec)
    if (found === undefined) {
      steps.push({ ...place, action: "create" })
      continue
    }
    const differences = judgeConsumer(settingsApart({ ...spec.config }, found.config))
    if (differences.length > 0) steps.push({ ...place, ...actionFor(differences) })
  }
  return { steps, closedGates }
})

const kindOf = (name: string): Kind => name.startsWith("KV_") ? "bucket" : "stream"

const actionFor = (differences: ReadonlyArray<Difference>) => ({
  action: differences.every(({ blocked }) => blocked !== undefined)
    ? "tell" as const
    : "change" as const,
  differences
})

/** Takes the steps of a plan that create or change. Nothing is ever deleted; what is told stays. */
export const applyPlan = Effect.fnUntraced(function* (
  nc: BusClient,
  { consumers, streams }: Topology,
  { steps }: Plan
) {
  for (const step of steps) {
    if (step.action === "tell") continue
    if (step.kind === "consumer") {
      const spec = consumers.find(({ name, stream }) => `${stream}/${name}` === step.name)!
      yield* applyConsumer(nc, spec, step)
    } else {
      yield* applyStream(nc, streams.find(({ name }) => name === step.name)!, step)
    }
  }
})

const applyStream = Effect.fnUntraced(function* (nc: BusClient, spec: StreamSpec, step: Step) {
  if (step.action === "create") return yield* request(nc, `STREAM.CREATE.${spec.name}`, spec)
  const found = yield* findStream(nc, spec.name)
  yield* request(nc, `STREAM.UPDATE.${spec.name}`, changed(found?.config, step.differences))
})

const applyConsumer = Effect.fnUntraced(function* (
  nc: BusClient,
  { config, name, stream }: ConsumerSpec,
  step: Step
) {
  const found = step.action === "create" ? undefined : yield* findConsumer(nc, { name, stream })
  yield* request(nc, `CONSUMER.CREATE.${stream}.${name}.${config.filter_subject}`, {
    stream_name: stream,
    action: step.action === "create" ? "create" : "update",
    config: step.action === "create" ? config : changed(found?.config, step.differences)
  })
})

/** As it is found, with what may be changed as declared: metadata keep what others wrote there. */
const changed = (
  found: Readonly<Record<string, unknown>> | undefined,
  differences: ReadonlyArray<Difference>
): Record<string, unknown> => ({
  ...found,
  ...Object.fromEntries(
    differences.filter(({ blocked }) => blocked === undefined).map((one) => [
      one.setting,
      one.setting === "metadata"
        ? { ...found?.["metadata"] as object, ...one.declared as object }
        : one.declared
    ])
  )
})

interface FoundStream {
  readonly config: Readonly<Record<string, unknown>>
  readonly state: { readonly messages: number; readonly bytes: number; readonly first_ts: string }
}

const findStream = (nc: BusClient, name: string) =>
  absentAs(
    request<FoundStream>(nc, `STREAM.INFO.${name}`),
    JetStreamCode.StreamNotFound
  )

const findConsumer = (nc: BusClient, { name, stream }: { name: string; stream: string }) =>
  absentAs(
    request<{ config: Readonly<Record<string, unknown>> }>(nc, `CONSUMER.INFO.${stream}.${name}`),
    JetStreamCode.ConsumerNotFound
  )

const absentAs = <A>(asked: Effect.Effect<A, BusUnavailable | JetStreamRefused>, code: number) =>
  asked.pipe(
    Effect.catchIf(
      (error) => error instanceof JetStreamRefused && error.code === code,
      () => Effect.succeed(undefined)
    )
  )

const isClosed = (spec: StreamSpec, found: Readonly<Record<string, unknown>>): boolean =>
  (spec.subjects ?? []).some(takesCommands) &&
  !((found["subjects"] ?? []) as ReadonlyArray<string>).some(takesCommands)

const closedSpec = (spec: StreamSpec): StreamSpec => ({
  ...spec,
  subjects: (spec.subjects ?? []).filter((subject) => !takesCommands(subject))
})

/** What a stream is compared with: a closed gate takes the ingress subjects off, which is no drift. */
export const comparableSpec = (
  spec: StreamSpec,
  found: Readonly<Record<string, unknown>>
): { readonly declared: StreamSpec; readonly gateClosed: boolean } =>
  isClosed(spec, found)
    ? { declared: closedSpec(spec), gateClosed: true }
    : { declared: spec, gateClosed: false }

/**
 * Takes the ingress subjects off a mailbox (a publish then fails at once) or puts them back. Everything
 * else of the stream stays as it is found: replicas and limits are a person's to change. A transform goes:
 * an older version declared one.
 */
export const setGate = Effect.fnUntraced(function* (
  nc: BusClient,
  spec: StreamSpec,
  open: boolean
) {
  const { config } = yield* request<{ config: StreamConfig }>(nc, `STREAM.INFO.${spec.name}`)
  const { subject_transform: _, ...rest } = config
  yield* request(nc, `STREAM.UPDATE.${spec.name}`, {
    ...rest,
    subjects: (open ? spec : closedSpec(spec)).subjects
  })
})
