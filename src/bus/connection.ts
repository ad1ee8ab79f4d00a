import { connect, type NatsConnection, type NodeConnectionOptions } from "@nats-io/transport-node"
import { Context, Effect, Layer, Schema } from "effect"
import { requestsOf } from "./requests.ts"

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

export interface NatsAccess {
  readonly urls: ReadonlyArray<string>
  readonly user: string
  readonly password: string
  /** Shown by the server's monitoring: which process this is. */
  readonly name: string
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
/** A server that hangs says nothing: after three of these without an answer another one is tried. */
const PING_MILLIS = 2_000

/** What of the client's inside is touched here. */
interface Protocol {
  flushPending?: () => void
  readonly transport?: object
}

const guarded = new WeakSet<object>()

/**
 * A server's last words may be read after its connection ended, and the client answers them. Nobody
 * listens to the socket's "write after end" by then, so it ended the process.
 */
const guardWrites = (transport: object): void => {
  const prototype = Object.getPrototypeOf(transport) as {
    _send?: (this: { socket?: { writable: boolean } }, frame: Uint8Array) => Promise<void>
  }
  const send = prototype._send
  if (send === undefined || guarded.has(prototype)) return
  guarded.add(prototype)
  prototype._send = function (frame) {
    return this.socket?.writable === false ? Promise.resolve() : send.call(this, frame)
  }
}

/**
 * The client writes to its socket once for each burst of microtasks; here once for each turn of the
 * event loop. A write to a local server costs 0.1 ms, and they were an eighth of a worker's time.
 */
const connected = async (options: NodeConnectionOptions): Promise<NatsConnection> => {
  const nc = await connect(options)
  const { protocol } = nc as unknown as { protocol?: Protocol }
  if (protocol?.transport !== undefined) guardWrites(protocol.transport)
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

export const open = (access: NatsAccess) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () =>
        connected({
          servers: [...access.urls],
          user: access.user,
          pass: access.password,
          name: access.name,
          inboxPrefix: `_INBOX.${access.user}`,
          maxReconnectAttempts: -1,
          reconnectTimeWait: RECONNECT_MILLIS,
          reconnectJitter: RECONNECT_MILLIS,
          pingInterval: access.pingMillis ?? PING_MILLIS,
          maxPingOut: 2,
          // A stack trace per request was 5 % of the whole work.
          noAsyncTraces: true,
          ignoreAuthErrorAbort: true
        }),
      catch: (cause) => new BusUnavailable({ detail: `cannot connect to NATS: ${cause}` })
    }),
    // Draining would wait for pulls; whoever needs a drain has finished its turns before this.
    (nc) => Effect.promise(() => nc.close().catch(() => {}))
  ).pipe(Effect.map((nc): NatsLink => ({ nc, inboxPrefix: `_INBOX.${access.user}` })))
