import { headers as newHeaders, nuid } from "@nats-io/transport-node"
import { Effect, type Scope } from "effect"
import { type JetStreamRefused, request } from "./api.ts"
import type { BusClient, BusUnavailable } from "./connection.ts"
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
export const mappedPartitions = (nc: BusClient, keys: ReadonlyArray<string>) =>
  Effect.promise(async (): Promise<ReadonlyMap<string, number>> => {
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
  })

/** Messages that a mailbox holds under a producer's subject, where no partition reads them. */
export const unmappedMessages = (nc: BusClient, stream: string) =>
  request<{
    state: { subjects?: Readonly<Record<string, number>> }
    cluster?: { leader?: string }
  }>(nc, `STREAM.INFO.${stream}`, { subjects_filter: "lastro.>" }).pipe(
    Effect.map(({ cluster, state }) => ({
      count: Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0),
      leader: cluster?.leader
    }))
  )

const publish = (nc: BusClient, subject: string) =>
  Effect.promise(async () =>
    (await nc.request(subject, "{}", { timeout: 5_000 })).json<{ seq: number }>()
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
