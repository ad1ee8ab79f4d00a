import type { StreamSpec } from "../../../src/bus/topology.ts"
import type { Time } from "../kernel.ts"
import { headerOf, type Headers, matches, type Message } from "./message.ts"

export interface Stored {
  readonly seq: number
  readonly subject: string
  readonly headers: Headers
  readonly data: Uint8Array
  readonly atMillis: number
}

/** An API error of the server: what a request is answered with. */
export class Refusal extends Error {
  readonly code: number
  readonly errCode: number

  constructor(code: number, errCode: number, description: string) {
    super(description)
    this.code = code
    this.errCode = errCode
  }
}

/** What a broken model leaves out, so that a simulation can be seen to find it. */
export interface BusFlaws {
  /** Expected sequences are not compared, those of leases excepted. */
  readonly noFence?: boolean
  /** An atomic batch is stored one by one, each message by itself. */
  readonly tornBatches?: boolean
}

/** How long a marker left by an expiry stays. */
const NANOS_PER_MILLI = 1_000_000

/** A JetStream stream: messages by sequence, expectations, atomic batches, expiry, schedules. */
export class Stream {
  readonly spec: StreamSpec
  readonly createdMillis: number
  readonly listeners = new Set<(stored: Stored) => void>()
  lastSeq = 0
  private readonly time: Time
  private readonly flaws: BusFlaws
  private readonly messages: Array<Stored | undefined> = []
  private readonly bySubject = new Map<string, Array<number>>()

  constructor(time: Time, spec: StreamSpec, flaws: BusFlaws = {}) {
    this.time = time
    this.spec = spec
    this.flaws = flaws
    this.createdMillis = Math.floor(time.now())
  }

  /** What another stream held, to be read only. */
  static readonly recorded = (
    time: Time,
    spec: StreamSpec,
    messages: ReadonlyArray<Stored>
  ): Stream => {
    const stream = new Stream(time, spec)
    for (const stored of messages) stream.keep(stored)
    return stream
  }

  readonly takes = (subject: string): boolean =>
    (this.spec.subjects ?? []).some((filter) => matches(filter, subject))

  readonly at = (seq: number): Stored | undefined => this.messages[seq - 1]

  readonly firstSeq = (): number => {
    const index = this.messages.findIndex((stored) => stored !== undefined)
    return index < 0 ? this.lastSeq + 1 : index + 1
  }

  readonly all = (filter = ">"): ReadonlyArray<Stored> =>
    this.messages.filter((stored): stored is Stored =>
      stored !== undefined && matches(filter, stored.subject)
    )

  /** The last sequence on a filter, 0 where there is none. */
  readonly lastOn = (filter: string): number => {
    let last = 0
    for (const [subject, seqs] of this.bySubject) {
      const seq = seqs.at(-1)
      if (seq !== undefined && seq > last && matches(filter, subject)) last = seq
    }
    return last
  }

  /** Stores all of them or none; answers the sequence of the last. */
  readonly append = (messages: ReadonlyArray<Message>): number => {
    if (this.flaws.noFence !== true || this.spec.name.startsWith("KV_")) {
      messages.forEach((message, index) => {
        this.checkExpectation(message, messages.slice(0, index).map(({ subject }) => subject))
      })
    }
    const { max_msgs: max = -1 } = this.spec
    if (max >= 0 && this.all().length + messages.length > max) {
      throw new Refusal(503, 10077, "maximum messages exceeded")
    }
    for (const message of messages) this.store(message.subject, message)
    return this.lastSeq
  }

  readonly remove = (seq: number): void => {
    const stored = this.messages[seq - 1]
    if (stored === undefined) return
    this.messages[seq - 1] = undefined
    const seqs = this.bySubject.get(stored.subject)!
    seqs.splice(seqs.indexOf(seq), 1)
  }

  private store(subject: string, { data, headers }: Message): void {
    const stored = {
      seq: this.lastSeq + 1,
      subject,
      headers,
      data,
      atMillis: Math.floor(this.time.now())
    }
    const seqs = this.keep(stored)
    const { max_msgs_per_subject: history = -1 } = this.spec
    const rollup = headerOf(headers, "Nats-Schedule") !== undefined
    while (seqs.length > (rollup ? 1 : history > 0 ? history : Infinity)) this.remove(seqs[0]!)
    this.expireLater(stored)
    this.fireLater(stored)
    for (const listener of this.listeners) listener(stored)
  }

  private keep(stored: Stored): Array<number> {
    this.messages[stored.seq - 1] = stored
    this.lastSeq = stored.seq
    const seqs = this.bySubject.get(stored.subject) ?? []
    this.bySubject.set(stored.subject, seqs)
    seqs.push(stored.seq)
    return seqs
  }

  private checkExpectation({ headers, subject }: Message, earlier: ReadonlyArray<string>): void {
    const expected = headerOf(headers, "Nats-Expected-Last-Subject-Sequence")
    if (expected === undefined) return
    const filter = headerOf(headers, "Nats-Expected-Last-Subject-Sequence-Subject") ?? subject
    const found = this.lastOn(filter)
    if (found !== Number(expected) || earlier.some((one) => matches(filter, one))) {
      throw new Refusal(400, 10071, `wrong last sequence: ${found}`)
    }
  }

  /** A message with a time to live leaves a marker, so that those who watch hear of its end. */
  private expireLater(stored: Stored): void {
    const ttl = headerOf(stored.headers, "Nats-TTL")
    if (ttl === undefined) return
    this.time.after(Number.parseInt(ttl) * 1_000, `expiry ${stored.subject}`, () => {
      if (this.at(stored.seq) === undefined) return
      const isMarker = headerOf(stored.headers, "Nats-Marker-Reason") !== undefined
      this.remove(stored.seq)
      const { subject_delete_marker_ttl: nanos = 0 } = this.spec as {
        subject_delete_marker_ttl?: number
      }
      if (isMarker || nanos === 0) return
      const seconds = nanos / NANOS_PER_MILLI / 1_000
      this.store(stored.subject, {
        subject: stored.subject,
        headers: [["Nats-Marker-Reason", "MaxAge"], ["Nats-TTL", `${seconds}s`]],
        data: new Uint8Array(0),
        reply: ""
      })
    })
  }

  /** A schedule fires once, inside its own stream, and is gone. */
  private fireLater(stored: Stored): void {
    const { headers, seq } = stored
    const at = headerOf(headers, "Nats-Schedule")
    const target = headerOf(headers, "Nats-Schedule-Target")
    if (at === undefined || target === undefined) return
    const millis = Date.parse(at.replace("@at ", "")) - this.time.now()
    this.time.after(Math.max(0, millis), `schedule ${target}`, () => {
      if (this.at(seq) === undefined) return
      this.remove(seq)
      const kept = headers.filter(([name]) => !name.startsWith("Nats-"))
      this.store(target, { subject: target, headers: kept, data: stored.data, reply: "" })
    })
  }
}
