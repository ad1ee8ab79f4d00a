import {
  errors,
  headers as newHeaders,
  NoRespondersError,
  nuid,
  PermissionViolationError
} from "@nats-io/transport-node"
import { Effect, Schedule, type Scope } from "effect"
import { JetStreamCode, type JetStreamRefused, request } from "./api.ts"
import { type BusClient, BusUnavailable } from "./connection.ts"
import type { StreamSpec } from "./topology.ts"

/** What the server that this connection reached says of itself. */
export const serverInfo = (nc: BusClient) => ({
  version: nc.info?.version ?? "unknown",
  cluster: nc.info?.cluster
})

/** The level of the JetStream API: what fields of streams and consumers the server knows. */
export const apiLevel = (nc: BusClient) =>
  Effect.map(
    request<{ api?: { level?: number } }>(nc, "INFO"),
    ({ api }) => api?.level
  )

export interface StreamCondition {
  readonly created: string
  readonly config: Readonly<Record<string, unknown>> & { readonly max_bytes: number }
  readonly state: {
    readonly messages: number
    readonly bytes: number
    readonly first_seq: number
    readonly first_ts: string
    readonly last_seq: number
    readonly last_ts: string
  }
  readonly cluster?: {
    readonly leader?: string
    readonly replicas?: ReadonlyArray<
      { readonly name: string; readonly current: boolean; readonly offline?: boolean }
    >
  }
  /** The server's clock. */
  readonly ts: string
}

export const streamCondition = (nc: BusClient, stream: string) =>
  request<StreamCondition>(nc, `STREAM.INFO.${stream}`)

export interface ConsumerCondition {
  readonly name: string
  readonly config: Readonly<Record<string, unknown>>
  readonly ack_floor: { readonly stream_seq: number }
  readonly num_pending: number
}

/** Every consumer of a stream; the server answers in pages. */
export const consumersOf = Effect.fnUntraced(function* (nc: BusClient, stream: string) {
  const found: Array<ConsumerCondition> = []
  for (;;) {
    const page = yield* request<{
      total: number
      consumers: ReadonlyArray<ConsumerCondition> | null
    }>(nc, `CONSUMER.LIST.${stream}`, { offset: found.length })
    found.push(...page.consumers ?? [])
    if (found.length >= page.total || (page.consumers ?? []).length === 0) return found
  }
})

/**
 * A stream of its own that is written so often and deleted again: times from each publish to its
 * acknowledgement, quorum and fsync included.
 */
export const appendMillis = (
  nc: BusClient,
  replicas: number,
  count: number
): Effect.Effect<ReadonlyArray<number>, BusUnavailable | JetStreamRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const id = nuid.next()
    const stream = `DOCTOR_${id}`
    const subject = `doctor.${id}`
    const spec: StreamSpec = {
      name: stream,
      subjects: [subject],
      storage: "file",
      num_replicas: replicas
    }
    yield* Effect.acquireRelease(
      request(nc, `STREAM.CREATE.${stream}`, spec),
      () => Effect.ignore(request(nc, `STREAM.DELETE.${stream}`))
    )
    const found: Array<number> = []
    for (let nth = 0; nth < count; nth++) {
      const started = performance.now()
      yield* publish(nc, subject)
      found.push(performance.now() - started)
    }
    return found
  })

/** Longer than any way through a cluster; what is not there by then is not mapped. */
const MAPPED_MILLIS = 2_000

/**
 * Into which partition this connection's server puts a producer's command of each key: published for a
 * family that nobody has, so that it is stored nowhere. A key that is missing was not mapped.
 */
export const mappedPartitions = (
  nc: BusClient,
  keys: ReadonlyArray<string>
): Effect.Effect<ReadonlyMap<string, number>, BusUnavailable> =>
  Effect.tryPromise({ try: () => mapped(nc, keys), catch: lost })

const lost = (error: unknown) => new BusUnavailable({ detail: (error as Error).message })

const mapped = async (
  nc: BusClient,
  keys: ReadonlyArray<string>
): Promise<ReadonlyMap<string, number>> => {
  const id = nuid.next()
  const found = new Map<string, number>()
  const { promise, resolve } = Promise.withResolvers<void>()
  const subscription = nc.subscribe(`doctor.*.ingress.${id}.*`, {
    callback: (error, message) => {
      if (error !== null) return resolve()
      const [, partition, , , key] = message.subject.split(".")
      found.set(key!, Number(partition))
      if (found.size === keys.length) resolve()
    }
  })
  const timer = setTimeout(resolve, MAPPED_MILLIS)
  await nc.flush()
  for (const key of keys) nc.publish(`lastro.doctor.${id}.${key}`)
  await promise
  clearTimeout(timer)
  subscription.unsubscribe()
  return found
}

/**
 * Commands that a mailbox holds where no partition reads them: under the subject that producers write, or
 * under one of a partition that is none. The server lists subjects in pages.
 */
export const unreadCommands = Effect.fnUntraced(function* (
  nc: BusClient,
  stream: string,
  partitions: number
) {
  const reads = (subject: string) => {
    const [, partition = ""] = subject.split(".")
    return /^(0|[1-9]\d?)$/.test(partition) && Number(partition) < partitions
  }
  const unmapped = yield* subjectsOf(nc, stream, "lastro.>")
  const commands = yield* subjectsOf(nc, stream, "*.*.ingress.*.*")
  const astray = [...commands.subjects].filter(([subject]) => !reads(subject))
  return {
    count: [...unmapped.subjects, ...astray].reduce((sum, [, count]) => sum + count, 0),
    subjects: [...unmapped.subjects.keys(), ...astray.map(([subject]) => subject)],
    leader: commands.leader
  }
})

/** How many messages a stream holds under each subject of a filter. */
const subjectsOf = Effect.fnUntraced(function* (nc: BusClient, stream: string, filter: string) {
  const subjects = new Map<string, number>()
  for (;;) {
    const page = yield* request<{
      total?: number
      state: { subjects?: Readonly<Record<string, number>> }
      cluster?: { leader?: string }
    }>(nc, `STREAM.INFO.${stream}`, { subjects_filter: filter, offset: subjects.size })
    const found = Object.entries(page.state.subjects ?? {})
    for (const [subject, count] of found) subjects.set(subject, count)
    if (found.length === 0 || subjects.size >= (page.total ?? 0)) {
      return { subjects, leader: page.cluster?.leader }
    }
  }
})

/** A stream of a moment ago may not be known yet to the server of this connection: so often it is asked. */
const KNOWN_TRIES_MAX = 40
const KNOWN_PAUSE_MILLIS = 50

const publish = (nc: BusClient, subject: string) =>
  Effect.tryPromise({
    try: async () => (await nc.request(subject, "{}", { timeout: 5_000 })).json<{ seq: number }>(),
    catch: (error) => error as Error
  }).pipe(
    Effect.retry({
      while: (error) => error instanceof errors.NoRespondersError,
      schedule: Schedule.spaced(KNOWN_PAUSE_MILLIS),
      times: KNOWN_TRIES_MAX
    }),
    Effect.mapError(({ message }) => new BusUnavailable({ detail: `${subject}: ${message}` }))
  )

/**
 * Whether this identity may publish on a subject, without a message being stored: it names a stream
 * that does not exist, which JetStream refuses after the permissions were asked. Undefined where
 * nobody says: the server hangs, or it denies the subject under another name that it maps it to.
 */
export const mayPublish = (nc: BusClient, subject: string) =>
  Effect.promise(async (): Promise<boolean | undefined> => {
    const headers = newHeaders()
    headers.set("Nats-Expected-Stream", "DOCTOR_ASKS")
    try {
      await nc.request(subject, "{}", { headers, timeout: 2_000 })
      return true
    } catch (error) {
      const said = `${(error as Error).message} ${(error as Error).cause}`
      // Nobody listens: the permissions let it through.
      return /permissions violation/i.test(said) ? false : /no responders/i.test(said) || undefined
    }
  })

/** What became of a write that was made to be refused. */
export type Taking =
  | { readonly state: "takes" }
  | { readonly state: "closed" }
  | { readonly state: "denied" }
  | { readonly state: "fails"; readonly why: string }

/**
 * Whether the stream of a subject takes messages, without one being stored: it is asked to append behind
 * a sequence that it never reaches, and only a stream that is led and not frozen says that this is wrong.
 */
export const taking = (nc: BusClient, subject: string, millis: number) =>
  Effect.promise(async (): Promise<Taking> => {
    const headers = newHeaders()
    headers.set("Nats-Expected-Last-Sequence", String(Number.MAX_SAFE_INTEGER))
    try {
      const answer = await nc.request(subject, "{}", { headers, timeout: millis })
      const { error } = answer.json<{ error?: { err_code?: number; description?: string } }>()
      return error?.err_code === JetStreamCode.WrongLastSequence ||
          error?.err_code === JetStreamCode.WrongLastSequenceConstant
        ? { state: "takes" }
        : { state: "fails", why: error?.description ?? "it answers something else" }
    } catch (error) {
      if (error instanceof NoRespondersError) return { state: "closed" }
      if (error instanceof PermissionViolationError) return { state: "denied" }
      return { state: "fails", why: (error as Error).message }
    }
  })

/**
 * Writes to a bucket of leases or control, under a key that holds nothing and is gone a second later.
 * A server that lost its disk once says nothing to it, whatever it says to a write it refuses anyhow.
 */
export const bucketTakes = (nc: BusClient, bucket: string, millis: number) =>
  Effect.promise(async (): Promise<Taking> => {
    const headers = newHeaders()
    headers.set("KV-Operation", "DEL")
    headers.set("Nats-TTL", "1s")
    try {
      const answer = await nc.request(`$KV.${bucket}.health`, "", { headers, timeout: millis })
      const { error } = answer.json<{ error?: { description?: string } }>()
      return error === undefined
        ? { state: "takes" }
        : { state: "fails", why: error.description ?? "it refuses" }
    } catch (error) {
      if (error instanceof PermissionViolationError) return { state: "denied" }
      return { state: "fails", why: (error as Error).message }
    }
  })
