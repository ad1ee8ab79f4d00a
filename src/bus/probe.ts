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

export interface Scratch {
  /** Time from each publish to its acknowledgement: quorum and fsync included. */
  readonly appendMillis: ReadonlyArray<number>
  /** Where the server put each key. */
  readonly partitions: ReadonlyMap<string, number>
}

/**
 * A stream of its own with a mailbox's transform, written with these keys and deleted again: so the
 * server itself says in which partition a key belongs, and how long an append takes.
 */
export const scratch = (
  nc: BusClient,
  transform: { readonly src: string; readonly dest: string },
  replicas: number,
  keys: ReadonlyArray<string>
): Effect.Effect<Scratch, BusUnavailable | JetStreamRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const id = nuid.next()
    const stream = `DOCTOR_${id}`
    const src = `doctor.${id}.in.${transform.src}`
    const dest = `doctor.${id}.out.${transform.dest}`
    const spec: StreamSpec = {
      name: stream,
      subjects: [src],
      subject_transform: { src, dest },
      storage: "file",
      num_replicas: replicas
    }
    yield* Effect.acquireRelease(
      request(nc, `STREAM.CREATE.${stream}`, spec),
      () => Effect.ignore(request(nc, `STREAM.DELETE.${stream}`))
    )
    const appendMillis: Array<number> = []
    const partitions = new Map<string, number>()
    const place = dest.split(".").findIndex((token) => token.startsWith("{{partition"))
    for (const key of keys) {
      const subject = src.replace("*", "doctor").replace("*", key)
      const started = performance.now()
      const { seq } = yield* publish(nc, subject)
      appendMillis.push(performance.now() - started)
      const { message } = yield* request<{ message: { subject: string } }>(
        nc,
        `STREAM.MSG.GET.${stream}`,
        { seq }
      )
      partitions.set(key, Number(message.subject.split(".")[place]))
    }
    return { appendMillis, partitions }
  })

const publish = (nc: BusClient, subject: string) =>
  Effect.promise(async () =>
    (await nc.request(subject, "{}", { timeout: 5_000 })).json<{ seq: number }>()
  )

/**
 * Whether this identity may publish on a subject, without a message being stored: it names a stream
 * that does not exist, which JetStream refuses after the permissions were asked.
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
