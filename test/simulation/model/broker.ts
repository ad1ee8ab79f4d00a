import type { StreamSpec } from "../../../src/bus/topology.ts"
import type { Time } from "../kernel.ts"
import { Consumer, type ConsumerConfig } from "./consumer.ts"
import { mapped, type Mapping } from "./mapping.ts"
import { bytesOf, headerOf, matches, type Message, textOf, wireHeaders } from "./message.ts"
import { type BusFlaws, Refusal, type Stored, Stream } from "./stream.ts"
import { Watch } from "./watch.ts"

/** A batch nobody went on with is forgotten after so long. */
const BATCH_IDLE_MILLIS = 10_000
/** Open batches of one stream. */
const BATCHES_MAX = 50
const BATCH_MESSAGES_MAX = 1_000

interface Batch {
  readonly stream: Stream
  readonly messages: Array<Message>
  whole: boolean
}

export type Listener = (message: Message) => void

/**
 * A model of a NATS server with JetStream, as far as the machine uses it: subjects and inboxes, streams,
 * atomic batches, consumers, watches, schedules, leases with a time to live. It does one thing at a
 * time; what happens between a client and it is the connection's matter.
 */
export class Broker {
  readonly streams = new Map<string, Stream>()
  private readonly time: Time
  private readonly flaws: BusFlaws
  private readonly consumers = new Map<string, Consumer>()
  private readonly watches = new Set<Watch>()
  private readonly batches = new Map<string, Batch>()
  private readonly listeners = new Map<string, Listener>()
  private readonly recorded = new Map<string, Stream>()
  private readonly mapping: Mapping

  /**
   * Of a recorded stream consumers read the record, whatever is appended: so that a second run sees
   * the mailboxes of a first one, and what it would have added can be compared with what is there.
   */
  constructor(
    time: Time,
    { mapping, specs }: { readonly specs: ReadonlyArray<StreamSpec>; readonly mapping: Mapping },
    flaws: BusFlaws = {},
    recorded: ReadonlyMap<string, ReadonlyArray<Stored>> = new Map()
  ) {
    this.time = time
    this.flaws = flaws
    this.mapping = mapping
    for (const spec of specs) {
      this.streams.set(spec.name, new Stream(time, spec, flaws))
      const messages = recorded.get(spec.name)
      if (messages !== undefined) {
        this.recorded.set(spec.name, Stream.recorded(time, spec, messages))
      }
    }
  }

  readonly readable = (name: string): Stream => this.recorded.get(name) ?? this.stream(name)

  readonly stream = (name: string): Stream => {
    const found = this.streams.get(name)
    if (found === undefined) throw new Refusal(404, 10059, "stream not found")
    return found
  }

  /** `pattern` is a whole subject, or one whose last token is any. */
  readonly listen = (pattern: string, listener: Listener): () => void => {
    this.listeners.set(pattern, listener)
    return () => void this.listeners.delete(pattern)
  }

  /** What a server in whose memory they were takes with it: consumers and watches, silently. */
  readonly forget = (): void => {
    for (const consumer of this.consumers.values()) consumer.vanish()
    this.consumers.clear()
    for (const watch of this.watches) watch.vanish()
    this.watches.clear()
    this.batches.clear()
  }

  readonly receive = (received: Message): void => {
    const message = { ...received, subject: mapped(this.mapping, received.subject) }
    const { data, reply, subject } = message
    if (subject.startsWith("$JS.API.")) return this.api(subject.slice(8), data, reply)
    if (subject.startsWith("$JS.ACK.")) return this.acknowledged(subject, textOf(data))
    for (const stream of this.streams.values()) {
      if (stream.takes(subject)) return this.publish(stream, message)
    }
    if (!this.deliver(subject, message) && reply !== "") this.nobody(reply)
  }

  private readonly deliver = (subject: string, message: Message): boolean => {
    const listener = this.listeners.get(subject) ??
      this.listeners.get(`${subject.slice(0, subject.lastIndexOf("."))}.*`)
    listener?.(message)
    return listener !== undefined
  }

  private publish(stream: Stream, message: Message): void {
    const batch = headerOf(message.headers, "Nats-Batch-Id")
    if (batch === undefined) {
      return this.answer(message.reply, () => ({
        stream: stream.spec.name,
        seq: stream.append([message])
      }))
    }
    const commits = headerOf(message.headers, "Nats-Batch-Commit") !== undefined
    const open = this.collect(batch, stream, message)
    if (!commits) return
    this.batches.delete(batch)
    this.answer(message.reply, () => {
      if (open === undefined) throw new Refusal(429, 10210, "too many open batches")
      if (!open.whole) throw new Refusal(400, 10176, "batch is incomplete")
      if (open.messages.length > BATCH_MESSAGES_MAX) {
        throw new Refusal(400, 10199, "batch is too large")
      }
      return { stream: stream.spec.name, seq: this.store(stream, open.messages) }
    })
  }

  private store(stream: Stream, messages: ReadonlyArray<Message>): number {
    if (this.flaws.tornBatches !== true) return stream.append(messages)
    for (const message of messages) {
      try {
        stream.append([message])
      } catch { /* The others are stored all the same: that is the flaw. */ }
    }
    return stream.lastSeq
  }

  private collect(id: string, stream: Stream, message: Message): Batch | undefined {
    const place = Number(headerOf(message.headers, "Nats-Batch-Sequence"))
    const known = this.batches.get(id)
    if (known === undefined && this.openBatches(stream) >= BATCHES_MAX) return undefined
    const batch = known ?? { stream, messages: [], whole: true }
    if (known === undefined) {
      this.batches.set(id, batch)
      this.time.after(BATCH_IDLE_MILLIS, "batch abandoned", () => this.batches.delete(id))
    }
    if (place !== batch.messages.length + 1) batch.whole = false
    batch.messages.push(message)
    return batch
  }

  private openBatches(stream: Stream): number {
    return [...this.batches.values()].filter((batch) => batch.stream === stream).length
  }

  private acknowledged(subject: string, word: string): void {
    const [, , stream, consumer, , seq] = subject.split(".")
    this.consumers.get(`${stream}.${consumer}`)?.acknowledge(Number(seq), word)
  }

  private answer(reply: string, ask: () => unknown): void {
    let body: unknown
    try {
      body = ask()
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const { code, errCode, message } = error
      body = { error: { code, err_code: errCode, description: message } }
    }
    if (reply === "") return
    const data = bytesOf(JSON.stringify(body))
    this.deliver(reply, { subject: reply, headers: [], data, reply: "" })
  }

  private nobody(reply: string): void {
    const status = [503, "No Responders"] as const
    this.deliver(reply, { subject: reply, headers: [], data: bytesOf(""), reply: "", status })
  }

  private api(request: string, data: Uint8Array, reply: string): void {
    const tokens = request.split(".")
    const [noun, verb] = tokens
    const body = () => data.length === 0 ? {} : JSON.parse(textOf(data))
    if (noun === "STREAM" && verb === "INFO") {
      return this.answer(reply, () => infoOf(this.readable(tokens[2]!)))
    }
    if (noun === "STREAM" && verb === "MSG") {
      return this.answer(reply, () => {
        const asked = body()
        // Fences look at what was written here; who reads is told of what is read.
        const forward = asked.next_by_subj !== undefined
        return messageOf(forward ? this.readable(tokens[3]!) : this.stream(tokens[3]!), asked)
      })
    }
    if (noun === "CONSUMER" && verb === "CREATE") {
      return this.answer(reply, () => this.createConsumer(tokens[2]!, tokens[3], body().config))
    }
    if (noun === "CONSUMER" && verb === "INFO") {
      return this.answer(reply, () => this.consumer(`${tokens[2]}.${tokens[3]}`).info())
    }
    if (noun === "CONSUMER" && verb === "DELETE") {
      return this.answer(reply, () => this.deleteConsumer(`${tokens[2]}.${tokens[3]}`))
    }
    if (noun === "CONSUMER" && verb === "MSG") {
      const consumer = this.consumers.get(`${tokens[3]}.${tokens[4]}`)
      if (consumer === undefined) return this.nobody(reply)
      const { batch, expires } = body()
      return consumer.pull(reply, batch, expires / 1_000_000)
    }
    this.nobody(reply)
  }

  private createConsumer(
    streamName: string,
    name: string | undefined,
    config: ConsumerConfig & { deliver_subject: string; idle_heartbeat: number }
  ) {
    const stream = this.readable(streamName)
    if (name === undefined) {
      const watch = new Watch(this.time, stream, config, this.deliver)
      this.watches.add(watch)
      return { num_pending: watch.pending }
    }
    const key = `${streamName}.${name}`
    // Asked for again with the same settings it is the one that is there.
    if (!this.consumers.has(key)) {
      this.consumers.set(key, new Consumer(this.time, stream, name, config, this.deliver))
    }
    return { name }
  }

  private consumer(key: string): Consumer {
    const found = this.consumers.get(key)
    if (found === undefined) throw new Refusal(404, 10014, "consumer not found")
    return found
  }

  private deleteConsumer(key: string) {
    const consumer = this.consumer(key)
    this.consumers.delete(key)
    consumer.end()
    return { success: true }
  }
}

const infoOf = (stream: Stream) => ({
  created: new Date(stream.createdMillis).toISOString(),
  config: { max_bytes: stream.spec.max_bytes ?? -1, subjects: stream.spec.subjects },
  state: { first_seq: stream.firstSeq(), last_seq: stream.lastSeq, bytes: 0 }
})

const messageOf = (
  stream: Stream,
  asked: { last_by_subj?: string; seq?: number; next_by_subj?: string }
) => {
  const found = asked.last_by_subj !== undefined
    ? stream.at(stream.lastOn(asked.last_by_subj))
    : nextFrom(stream, asked.seq ?? 1, asked.next_by_subj ?? ">")
  if (found === undefined) throw new Refusal(404, 10037, "no message found")
  const { data, headers, seq, subject } = found
  return {
    message: {
      seq,
      subject,
      hdrs: Buffer.from(wireHeaders(headers)).toString("base64"),
      data: Buffer.from(data).toString("base64")
    }
  }
}

const nextFrom = (stream: Stream, from: number, filter: string): Stored | undefined => {
  for (let seq = from; seq <= stream.lastSeq; seq++) {
    const stored = stream.at(seq)
    if (stored !== undefined && matches(filter, stored.subject)) return stored
  }
  return undefined
}
