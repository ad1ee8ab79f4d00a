import { headers, type NatsConnection } from "@nats-io/transport-node"
import { Effect, Exit, Fiber, Layer } from "effect"
import { prepare } from "../../src/house/prepare.ts"
import { Nats, type NatsLink } from "../../src/bus/connection.ts"
import { append } from "../../src/bus/append.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { BUNDLE, Header, openBundle } from "../../src/runtime/letter.ts"
import type { AnyActor } from "../../src/runtime/registry.ts"
import type { CrashPoint } from "../../src/runtime/turnPlace.ts"
import { runWorker } from "../../src/runtime/worker.ts"
import type { Stack } from "../../src/stack/stack.ts"
import { Database } from "../../src/store/database.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { type Mailbox, mailboxesOf, PARTITIONS, sourceOf } from "../../streams/mailboxes.ts"
import { placesOf } from "../../streams/places.ts"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { eventually } from "./lastro.ts"
import { connectAs } from "./natsUser.ts"
import { query } from "./query.ts"
import { type SharedStack, sharedStack } from "./sharedServers.ts"

export { connectAs }

/** What a test changes about its worker. */
export interface Work {
  readonly name?: string
  /** Another database than the machine's: the same mailbox read by somebody who knows nothing yet. */
  readonly databaseUrl?: string
  readonly source?: string
  readonly crash?: (point: CrashPoint) => void
  readonly leaseTtlMillis?: number
  readonly database?: Layer.Layer<Database>
}

export interface Sent {
  readonly replyTo?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** NATS with the real topology, a migrated database and workers with actors of the test's own. */
export interface Machine {
  readonly stack: SharedStack
  readonly databaseUrl: string
  /** May do everything; the actors themselves run with a worker's rights. */
  readonly admin: NatsLink
  /** With a worker's rights, as actors have them. */
  readonly worker: NatsLink
  readonly logs: Array<string>
  readonly work: (
    actors: ReadonlyArray<AnyActor>,
    work?: Work
  ) => { readonly stop: () => Promise<void> }
  /** A command as a producer publishes it. Answers its sequence. */
  readonly send: (
    family: string,
    type: string,
    merchant: string,
    body: unknown,
    sent?: Sent
  ) => Promise<number>
  /** A message on a subject of the machine's own. */
  readonly append: (
    subject: string,
    headers: Readonly<Record<string, string>>,
    body: unknown
  ) => Promise<number>
  /** One JetStream API request with an administrator's rights. */
  // deno-lint-ignore no-explicit-any
  readonly api: <A = any>(subject: string, body?: unknown) => Promise<A>
  readonly rows: typeof query extends (url: string, ...rest: infer Rest) => infer Found
    ? (...rest: Rest) => Found
    : never
  /** Everything on a filter, oldest first; each message of a bundle by itself. */
  readonly stored: (stream: string, filter: string) => Promise<Array<Stored>>
  readonly stop: () => Promise<void>
}

export interface Stored {
  readonly seq: number
  readonly subject: string
  readonly text: string
  readonly header: (name: string) => string | undefined
}

const LEASE_TTL_MILLIS = 4_000

/** A mailbox for each family: a test's own actor stands alone in its. */
export const separate = mailboxesOf([])
const { streamOf } = placesOf(separate)

export const startMachine = async (
  layout: ReadonlyArray<Mailbox> = separate
): Promise<Machine> => {
  const stack = await sharedStack()
  const { databaseUrl } = stack
  await prepare(stack, () => {}, layout)
  const nc = await connectAs(stack, stack.nats.admin)
  const admin: NatsLink = { nc, inboxPrefix: "_INBOX.admin" }
  const asWorker = await connectAs(stack, stack.nats.worker)
  const logs: Array<string> = []
  const working = new Set<() => Promise<void>>()
  const api = apiOf(nc)
  return {
    stack,
    databaseUrl,
    admin,
    worker: { nc: asWorker, inboxPrefix: "_INBOX.worker" },
    logs,
    work: (actors, settings = {}) => {
      const fiber = Effect.runFork(program(stack, databaseUrl, logs, actors, settings))
      const stop = async () => {
        working.delete(stop)
        const exit = await Effect.runPromise(
          Fiber.interrupt(fiber).pipe(Effect.andThen(Fiber.await(fiber)))
        )
        if (Exit.isSuccess(exit)) throw new Error("a worker does not end by itself")
      }
      working.add(stop)
      return { stop }
    },
    send: (family, type, merchant, body, sent = {}) =>
      store(nc, `lastro.${family}.${type}.${merchant}`, {
        ...sent.headers,
        ...(sent.replyTo !== undefined && { [Header.replyTo]: sent.replyTo })
      }, body),
    append: (subject, given, body) => store(nc, subject, given, body),
    api,
    rows: (...asked) => query(databaseUrl, ...asked),
    stored: (stream, filter) => readAll(api, stream, filter),
    stop: async () => {
      for (const each of working) await each()
      await Promise.all([nc.close(), asWorker.close()])
      await stack.stop()
    }
  }
}

const program = (
  stack: Stack,
  databaseUrl: string,
  logs: Array<string>,
  actors: ReadonlyArray<AnyActor>,
  settings: Work
) => {
  const { password, user } = stack.nats.worker
  const worker = settings.name ?? "one"
  const nats = Nats.layerOf({ urls: stack.natsUrls, user, password, name: worker })
  return Effect.scoped(runWorker({
    worker,
    actors,
    partitions: PARTITIONS,
    mailboxes: separate,
    streamOf,
    sourceOf: (mailbox, partition) => sourceOf(settings.source ?? mailbox, partition),
    routesOf: () => [],
    messageBytesMax: MESSAGE_BYTES_MAX,
    outboundStreams: new Set(
      actors.filter(({ kind }) => kind === "outbound").map(({ family }) => streamOf(family)!)
    ),
    leaseTtlMillis: settings.leaseTtlMillis ?? LEASE_TTL_MILLIS,
    ...(settings.crash && { crash: settings.crash })
  })).pipe(Effect.provide(Layer.mergeAll(
    nats,
    Layer.provideMerge(
      TurnStore.layer,
      settings.database ?? Database.layerOf(settings.databaseUrl ?? databaseUrl)
    ),
    jsonLogs((line) => logs.push(line))
  )))
}

const bytesOf = (body: unknown): string | Uint8Array =>
  body instanceof Uint8Array || typeof body === "string" ? body : JSON.stringify(body)

const store = async (
  nc: NatsConnection,
  subject: string,
  given: Readonly<Record<string, string>>,
  body: unknown
): Promise<number> => {
  const sent = headers()
  for (const [name, value] of Object.entries(given)) sent.set(name, value)
  const answer = (await nc.request(subject, bytesOf(body), { headers: sent, timeout: 10_000 }))
    .json<{ seq: number; error?: { err_code: number; description: string } }>()
  if (answer.error !== undefined) {
    throw new Error(`${answer.error.description} (${answer.error.err_code})`)
  }
  return answer.seq
}

const apiOf = (nc: NatsConnection) => async <A>(subject: string, body?: unknown): Promise<A> => {
  const payload = body === undefined ? undefined : JSON.stringify(body)
  const answer = (await nc.request(`$JS.API.${subject}`, payload, { timeout: 10_000 })).json<
    A & { error?: { description: string } }
  >()
  if (answer.error !== undefined) throw new Error(`${subject}: ${answer.error.description}`)
  return answer
}

const readAll = async (
  api: Machine["api"],
  stream: string,
  filter: string
): Promise<Array<Stored>> => {
  const found: Array<Stored> = []
  for (let seq = 1;;) {
    const next = await api(`STREAM.MSG.GET.${stream}`, { seq, next_by_subj: filter }).catch(
      () => undefined
    )
    if (next === undefined) return found
    found.push(...unbundled(next.message))
    seq = next.message.seq + 1
  }
}

const unbundled = (
  { data, hdrs, seq, subject }: { seq: number; subject: string; data?: string; hdrs?: string }
): Array<Stored> => {
  const lines = Buffer.from(hdrs ?? "", "base64").toString("utf8").split("\r\n")
  const header = (name: string) =>
    lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 1).trim()
  const bytes = Buffer.from(data ?? "", "base64")
  if (header(BUNDLE) === undefined) return [{ seq, subject, text: bytes.toString("utf8"), header }]
  return openBundle(bytes)!.map(([type, merchant, trace, body]) => ({
    seq,
    subject,
    text: JSON.stringify(body),
    header: (name) =>
      ({
        [Header.type]: type,
        [Header.merchant]: merchant,
        ...(trace !== "" && { [Header.trace]: trace })
      })[name] ?? header(name)
  }))
}

/** Waits for something in memory; `eventually` for what has to be asked for. */
export const becomes = (look: () => boolean): Promise<true> =>
  eventually(() => Promise.resolve(look() || undefined))

/** A merchant of a given partition, so that a test can choose who shares one. */
export const merchantIn = (partition: number, nth = 0): string => {
  for (let number = 0, seen = 0;; number++) {
    const merchant = `m${number}`
    if (partitionOf(merchant, PARTITIONS) === partition && seen++ === nth) return merchant
  }
}

/** Many commands at once, in this order, each batch all or none. */
export const sendAll = async (
  machine: Machine,
  family: string,
  commands: ReadonlyArray<{ type: string; merchant: string; body: unknown }>
): Promise<void> => {
  for (let start = 0; start < commands.length; start += 1_000) {
    await Effect.runPromise(append(
      machine.admin.nc,
      commands.slice(start, start + 1_000).map(({ body, merchant, type }) => ({
        subject: `lastro.${family}.${type}.${merchant}`,
        headers: [],
        payload: bytesOf(body)
      }))
    ))
  }
}
