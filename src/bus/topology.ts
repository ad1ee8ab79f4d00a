import type { StreamConfig } from "@nats-io/jetstream"
import { Effect } from "effect"
import { JetStreamCode, request } from "./api.ts"
import type { BusClient } from "./connection.ts"

/** A stream as JetStream's API takes it; durations in nanoseconds. Declared as data in `streams/`. */
export type StreamSpec = Readonly<Partial<StreamConfig>> & { readonly name: string }

export interface Difference {
  readonly stream: string
  readonly setting: string
  readonly declared: unknown
  readonly found: unknown
}

export interface TopologyReport {
  readonly created: ReadonlyArray<string>
  /** Reported, never silently changed: a person decides. */
  readonly drift: ReadonlyArray<Difference>
}

/**
 * Copies of every stream: a cluster keeps three, a single server one. The server itself says which it
 * is; nothing else decides.
 */
export const replicasOf = (nc: BusClient): 1 | 3 => nc.info?.cluster === undefined ? 1 : 3

/** Creates what is missing and compares the rest, setting by setting. */
export const applyTopology = Effect.fnUntraced(function* (
  nc: BusClient,
  streams: ReadonlyArray<StreamSpec>
) {
  const created: Array<string> = []
  const drift: Array<Difference> = []
  for (const spec of streams) {
    const found = yield* findStream(nc, spec.name)
    if (found === undefined) {
      yield* request(nc, `STREAM.CREATE.${spec.name}`, spec)
      created.push(spec.name)
    } else {
      drift.push(...differences(spec, found))
    }
  }
  return { created, drift } satisfies TopologyReport
})

const findStream = (nc: BusClient, name: string) =>
  request<{ config: Record<string, unknown> }>(nc, `STREAM.INFO.${name}`).pipe(
    Effect.map(({ config }): Record<string, unknown> | undefined => config),
    Effect.catchTag(
      "JetStreamRefused",
      (error) =>
        error.code === JetStreamCode.StreamNotFound ? Effect.succeed(undefined) : Effect.fail(error)
    )
  )

const differences = (spec: StreamSpec, found: Record<string, unknown>): Array<Difference> =>
  settingsApart(spec, found).map((one) => ({ stream: spec.name, ...one }))

/** Settings in which what is found differs from what is declared. */
export const settingsApart = (
  declared: object,
  found: Readonly<Record<string, unknown>>
): Array<{ setting: string; declared: unknown; found: unknown }> =>
  Object.entries(declared).flatMap(([setting, value]) =>
    contains(found[setting], value) ? [] : [{ setting, declared: value, found: found[setting] }]
  )

/** The server adds defaults and metadata of its own; only what is declared is compared. */
const contains = (found: unknown, declared: unknown): boolean => {
  if (typeof declared !== "object" || declared === null) {
    return found === declared || (found === undefined && (declared === false || declared === 0))
  }
  if (Array.isArray(declared)) {
    return Array.isArray(found) && found.length === declared.length &&
      declared.every((item, index) => contains(found[index], item))
  }
  return Object.entries(declared).every(([key, value]) =>
    contains((found as Record<string, unknown> | undefined)?.[key], value)
  )
}

/**
 * Takes the ingress subjects off a mailbox (a publish then fails at once) or puts them back. Everything
 * else of the stream stays as it is found: replicas and limits are a person's to change.
 */
export const setGate = Effect.fnUntraced(function* (
  nc: BusClient,
  spec: StreamSpec,
  open: boolean
) {
  const { config } = yield* request<{ config: StreamConfig }>(nc, `STREAM.INFO.${spec.name}`)
  const subjects = (spec.subjects ?? []).filter((subject) => open || !subject.startsWith("lastro."))
  const { subject_transform: _, ...rest } = config
  yield* request(nc, `STREAM.UPDATE.${spec.name}`, {
    ...rest,
    subjects,
    ...(open && { subject_transform: spec.subject_transform })
  })
})
