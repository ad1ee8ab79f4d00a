import type { MsgHdrs, PublishOptions, RequestOptions, Subscription } from "@nats-io/transport-node"
import type { BusClient } from "../../../src/bus/connection.ts"
import type { Process, Time } from "../kernel.ts"
import type { Broker } from "./broker.ts"
import { bytesOf, headersOf, type Message, received } from "./message.ts"

/** What lies between a process and a server: how long things take and what gets lost. */
export interface Wire {
  /** Milliseconds on the way, or undefined where it never arrives. */
  readonly toServer: (name: string) => number | undefined
  readonly toProcess: (name: string) => number | undefined
  /** A process is about to ask, or its request has just been carried out. */
  readonly reached: (label: string, process: Process) => void
}

/** No wire at all: for suites in real time. */
export const SHORT_WIRE: Wire = { toServer: () => 0, toProcess: () => 0, reached: () => {} }

let connections = 0

interface Listening {
  readonly hear: (message: Message) => void
  readonly label: string
  heard: number
}

/** One process's connection to the model server. */
export class Client {
  private readonly time: Time
  private readonly broker: Broker
  private readonly process: Process
  private readonly wire: Wire
  private readonly id = `c${++connections}`
  private readonly subscriptions = new Map<string, Listening>()
  private readonly unlisten = new Map<string, () => void>()
  /** What goes the same way keeps its order. */
  private readonly lastAt = new Map<string, number>()
  private requests = 0
  private connected = true
  private readonly hidesGaps: boolean

  constructor(
    time: Time,
    broker: Broker,
    process: Process,
    wire: Wire = SHORT_WIRE,
    hidesGaps = false
  ) {
    this.hidesGaps = hidesGaps
    this.time = time
    this.broker = broker
    this.process = process
    this.wire = wire
  }

  /** The connection ends: nobody hears what is sent to it, until it is made again. */
  readonly disconnect = (): void => {
    for (const stop of this.unlisten.values()) stop()
    this.unlisten.clear()
    this.connected = false
  }

  readonly reconnect = (): void => {
    this.connected = true
    for (const [pattern, listener] of this.subscriptions) this.listen(pattern, listener)
  }

  /** As the machine knows it. */
  readonly asBusClient = (): BusClient => ({
    info: undefined,
    publish: (subject: string, payload?: unknown, options: PublishOptions = {}) =>
      this.send(subject, payload, options.headers, options.reply ?? ""),
    request: (subject: string, payload?: unknown, options?: RequestOptions) =>
      this.request(subject, payload, options),
    subscribe: (
      subject: string,
      options: { callback?: (error: Error | null, message: unknown) => void } = {}
    ) => {
      this.subscribe(subject, (message) => options.callback?.(null, received(message)))
      return { unsubscribe: () => this.unsubscribe(subject) } as unknown as Subscription
    },
    flush: () => Promise.resolve(),
    close: () => Promise.resolve(this.disconnect())
  } as unknown as BusClient)

  private request(subject: string, payload: unknown, options?: RequestOptions) {
    return new Promise((resolve, reject) => {
      const inbox = `_R.${this.id}.${++this.requests}`
      const timer = setTimeout(() => {
        this.unsubscribe(inbox)
        reject(new Error("timeout"))
      }, options?.timeout ?? 1_000)
      this.subscribe(inbox, (message) => {
        clearTimeout(timer)
        this.unsubscribe(inbox)
        if (message.status?.[0] === 503) reject(new Error("no responders"))
        else resolve(received(message))
      }, `${nameOf(subject)} answered`)
      this.send(subject, payload, options?.headers, inbox)
    })
  }

  private send(subject: string, payload: unknown, headers: MsgHdrs | undefined, reply: string) {
    const name = nameOf(subject)
    this.wire.reached(`${name} asked`, this.process)
    if (!this.process.alive || !this.connected) return
    const millis = this.wire.toServer(name)
    if (millis === undefined) return
    const message = { subject, headers: headersOf(headers), data: bytesOf(payload), reply }
    // Each stream takes what it is told in order; the API answers on its own.
    this.time.after(this.inOrder(`to ${name}`, millis), name, () => {
      this.broker.receive(message)
      this.wire.reached(`${name} done`, this.process)
    })
  }

  private subscribe(pattern: string, hear: (message: Message) => void, label = "delivered"): void {
    const listener = { hear, label, heard: 0 }
    this.subscriptions.set(pattern, listener)
    if (this.process.alive && this.connected) this.listen(pattern, listener)
  }

  private unsubscribe(pattern: string): void {
    this.subscriptions.delete(pattern)
    this.unlisten.get(pattern)?.()
    this.unlisten.delete(pattern)
  }

  private listen(pattern: string, listener: Listening): void {
    const stop = this.broker.listen(pattern, (message) => {
      const millis = this.wire.toProcess(listener.label)
      if (millis === undefined) return
      this.time.after(this.inOrder("back", millis), listener.label, () => {
        if (this.subscriptions.get(pattern) !== listener) return
        listener.hear(this.hidesGaps ? renumbered(message, listener) : message)
      }, this.process)
    })
    this.unlisten.set(pattern, stop)
  }

  private inOrder(way: string, millis: number): number {
    const at = Math.max(this.time.now() + millis, this.lastAt.get(way) ?? 0)
    this.lastAt.set(way, at)
    return at - this.time.now()
  }
}

/** As if a consumer had skipped nothing: the flaw that the reader's own check is there for. */
const renumbered = (message: Message, listener: Listening): Message => {
  const tokens = message.reply.split(".")
  return tokens[1] === "ACK" && !tokens[2]!.startsWith("KV_")
    ? { ...message, reply: tokens.with(6, String(++listener.heard)).join(".") }
    : message
}

/** What a subject asks for, as a crash point is named. */
const nameOf = (subject: string): string => {
  const known = names.get(subject)
  if (known !== undefined) return known
  const name = newNameOf(subject)
  if (names.size > NAMES_MAX) names.clear()
  names.set(subject, name)
  return name
}

const names = new Map<string, string>()
const NAMES_MAX = 10_000

const newNameOf = (subject: string): string => {
  const tokens = subject.split(".")
  if (subject.startsWith("$JS.API.")) {
    return tokens.slice(2, tokens[3] === "MSG" ? 5 : 4).join(".").toLowerCase()
  }
  if (subject.startsWith("$JS.ACK.")) return "acknowledgement"
  if (subject.startsWith("$KV.")) return "lease"
  if (subject.startsWith("timers.at.")) return "timer"
  if (subject.startsWith("_INBOX.")) return "reply"
  return `append ${tokens[0]}`
}
