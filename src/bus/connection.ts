import {
  connect,
  errors,
  type NatsConnection,
  type NodeConnectionOptions
} from "@nats-io/transport-node"
import { Context, Effect, Layer, Schema } from "effect"
import { loginRefused, loginTaken, refusalOf } from "./logins.ts"
import { requestsOf } from "./requests.ts"
import { guardSockets } from "./socket.ts"

/** NATS did not answer. Transient, private. */
export class BusUnavailable extends Schema.TaggedError<BusUnavailable>()("BusUnavailable", {
  detail: Schema.String,
  /** What was sent may be stored all the same: only its acknowledgement is known to be missing. */
  mayHold: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return this.detail
  }
}

interface NatsAccess {
  readonly urls: ReadonlyArray<string>
  readonly user: string
  readonly password: string
  /** Shown by the server's monitoring: which process this is. */
  readonly name: string
  /** Whether this user is taken is the question: a refusal is its answer, and no trouble of this process. */
  readonly asked?: boolean
  /** Shorter for who asks how things are: a server that hangs takes the connection and says nothing. */
  readonly connectMillis?: number
  /** Longer where a process is busy for so long that it cannot answer meanwhile. */
  readonly pingMillis?: number
}

/** What the bus needs of a connection. A port: a server here, a model of one in the simulation. */
export type BusClient = Pick<
  NatsConnection,
  "publish" | "request" | "subscribe" | "flush" | "close" | "info"
>

export interface NatsLink {
  readonly nc: BusClient
  readonly inboxPrefix: string
}

/** One connection of one identity. Its inbox prefix carries the identity's name (streams/users.ts). */
export class Nats extends Context.Service<Nats, NatsLink>()("lastro/bus/Nats") {
  static readonly layerOf = (access: NatsAccess) => Layer.effect(Nats, open(access))
}

const RECONNECT_MILLIS = 250
/** A refused user is tried again at least this often, give or take as much again. */
const REFUSED_RECONNECT_MILLIS_MAX = 2_000
/** A refusal that lasts is told this often. */
const TELL_MILLIS = 60_000
/** A server that hangs says nothing: after three of these without an answer another one is tried. */
const PING_MILLIS = 2_000

/** What of the client's inside is touched here. */
interface Protocol {
  flushPending?: () => void
  options: { ignoreClusterUpdates?: boolean }
  servers: { update: (info: unknown, isEncrypted: boolean) => void }
  transport: { isEncrypted: () => boolean }
}

guardSockets()

/**
 * The client writes to its socket once for each burst of microtasks; here once for each turn of the
 * event loop. A write to a local server costs 0.1 ms, and they were an eighth of a worker's time.
 */
const connected = async (options: NodeConnectionOptions): Promise<NatsConnection> => {
  // Until it is let in only the servers that were named: each that refuses it tells of its neighbours, and
  // the client would go round and round them for ever.
  const nc = await connect({ ...options, ignoreClusterUpdates: true })
  const { protocol } = nc as unknown as { protocol?: Protocol }
  if (protocol !== undefined) {
    protocol.options.ignoreClusterUpdates = false
    protocol.servers.update(nc.info, protocol.transport.isEncrypted())
  }
  const flush = protocol?.flushPending?.bind(protocol)
  nc.request = requestsOf(nc, options.inboxPrefix!)
  if (protocol === undefined || flush === undefined) return nc
  let due = false
  protocol.flushPending = () => {
    if (due) return
    due = true
    setImmediate(() => {
      due = false
      flush()
    })
  }
  return nc
}

/** Doubled by every refusal: a password that is wrong now is hardly right a moment later. */
const delayAfter = (refusals: number): number =>
  Math.min(RECONNECT_MILLIS * 2 ** refusals, REFUSED_RECONNECT_MILLIS_MAX) *
  (1 + Math.random())

/** What is wrong, for a person: who was to be let in, and where. */
const failureOf = (access: NatsAccess, cause: unknown): BusUnavailable =>
  new BusUnavailable({
    detail: isRefusal(cause)
      ? refusalOf(access)
      : `NATS (${access.urls.join(", ")}) does not answer the user ${access.user}: ` +
        ((cause as Error | undefined)?.message || "the connection was closed")
  })

const isRefusal = (error: unknown): boolean =>
  error instanceof errors.AuthorizationError ||
  error instanceof errors.UserAuthenticationExpiredError

/** Tells when the servers refuse a user they took before, and when they take it again. */
const watched = async (
  nc: NatsConnection,
  access: NatsAccess,
  refusals: { count: number },
  log: (what: Effect.Effect<void>) => void
): Promise<void> => {
  let toldAt = -Infinity
  for await (const status of nc.status()) {
    if (status.type === "error" && isRefusal(status.error)) {
      refusals.count += 1
      loginRefused(access)
      if (performance.now() - toldAt < TELL_MILLIS) continue
      toldAt = performance.now()
      log(Effect.logError(`${refusalOf(access)}; it is tried again until it is taken`))
    }
    if (status.type === "reconnect" && refusals.count > 0) {
      refusals.count = 0
      toldAt = -Infinity
      loginTaken(access)
      log(Effect.logInfo(`NATS takes the user ${access.user} again`))
    }
  }
  loginTaken(access)
}

const connection = (access: NatsAccess, refusals: { count: number }) =>
  Effect.tryPromise({
    try: () =>
      connected({
        servers: [...access.urls],
        user: access.user,
        pass: access.password,
        name: access.name,
        inboxPrefix: `_INBOX.${access.user}`,
        maxReconnectAttempts: -1,
        reconnectDelayHandler: () => delayAfter(refusals.count),
        pingInterval: access.pingMillis ?? PING_MILLIS,
        maxPingOut: 2,
        ...(access.connectMillis !== undefined && { timeout: access.connectMillis }),
        // A stack trace per request was 5 % of the whole work.
        noAsyncTraces: true,
        ignoreAuthErrorAbort: true
      }),
    catch: (cause) => {
      if (isRefusal(cause) && access.asked !== true) loginRefused(access)
      return failureOf(access, cause)
    }
  })

export const open = Effect.fnUntraced(function* (access: NatsAccess) {
  const refusals = { count: 0 }
  const nc = yield* Effect.acquireRelease(
    connection(access, refusals),
    // Draining would wait for pulls; whoever needs a drain has finished its turns before this.
    (nc) => Effect.promise(() => nc.close().catch(() => {}))
  )
  if (access.asked !== true) {
    loginTaken(access)
    void watched(nc, access, refusals, Effect.runForkWith(yield* Effect.context<never>()))
  }
  return { nc, inboxPrefix: `_INBOX.${access.user}` } satisfies NatsLink
})
