import type { Cancelable, Time } from "../kernel.ts"
import { matches, type Message } from "./message.ts"
import type { Stored, Stream } from "./stream.ts"

export interface ConsumerConfig {
  readonly deliver_policy?: string
  readonly opt_start_seq?: number
  readonly ack_policy: "all" | "explicit" | "none"
  readonly ack_wait?: number
  readonly filter_subject: string
}

/** Somebody's request for so many messages. */
interface Pull {
  readonly reply: string
  left: number
  readonly expiry: Cancelable
}

/** False where nobody listens there any more. */
export type Deliver = (inbox: string, message: Message) => boolean

const NANOS_PER_MILLI = 1_000_000
const NOTHING = new Uint8Array(0)

/** A pull consumer: one position in a stream, what is under way, and those who wait. */
export class Consumer {
  readonly name: string
  private readonly time: Time
  private readonly stream: Stream
  private readonly config: ConsumerConfig
  private readonly deliver: Deliver
  private next: number
  private delivered = 0
  private readonly pulls: Array<Pull> = []
  /** Of explicit acknowledgement: how often each was given out. */
  private readonly unacknowledged = new Map<number, { deliveries: number; wait: Cancelable }>()
  private readonly again: Array<number> = []
  private readonly unsubscribe: () => void

  constructor(
    time: Time,
    stream: Stream,
    name: string,
    config: ConsumerConfig,
    deliver: Deliver
  ) {
    this.time = time
    this.stream = stream
    this.name = name
    this.config = config
    this.deliver = deliver
    this.next = config.deliver_policy === "by_start_sequence" ? config.opt_start_seq ?? 1 : 1
    const listen = () => this.pump()
    stream.listeners.add(listen)
    this.unsubscribe = () => stream.listeners.delete(listen)
  }

  readonly pull = (reply: string, batch: number, expiresMillis: number): void => {
    const pull: Pull = {
      reply,
      left: batch,
      expiry: this.time.after(expiresMillis, `pull over ${this.name}`, () => {
        this.pulls.splice(this.pulls.indexOf(pull), 1)
        this.status(pull, 408, "Request Timeout")
      })
    }
    this.pulls.push(pull)
    this.pump()
  }

  readonly acknowledge = (seq: number, word: string): void => {
    if (this.config.ack_policy !== "explicit") return
    const known = this.unacknowledged.get(seq)
    if (known === undefined) return
    known.wait.cancel()
    if (word === "+WPI") known.wait = this.waitFor(seq)
    else this.unacknowledged.delete(seq)
  }

  readonly info = () => ({ delivered: { consumer_seq: this.delivered } })

  /** As a request of the API does it: whoever waits is told. */
  readonly end = (): void => {
    const waiting = [...this.pulls]
    this.vanish()
    for (const pull of waiting) this.status(pull, 409, "Consumer Deleted")
  }

  /** As with a server that held it in memory: nobody is told. */
  readonly vanish = (): void => {
    this.unsubscribe()
    for (const { expiry } of this.pulls.splice(0)) expiry.cancel()
    for (const { wait } of this.unacknowledged.values()) wait.cancel()
    this.unacknowledged.clear()
  }

  private pump(): void {
    for (let pull = this.pulls[0]; pull !== undefined; pull = this.pulls[0]) {
      const stored = this.take()
      if (stored === undefined) return
      const deliveries = (this.unacknowledged.get(stored.seq)?.deliveries ?? 0) + 1
      const given = this.deliver(pull.reply, this.asDelivered(stored, deliveries))
      if (!given) {
        // Interest ended with its connection: the pull is forgotten and the message stays.
        this.forget(pull)
        this.again.unshift(stored.seq)
        this.delivered--
        continue
      }
      if (this.config.ack_policy === "explicit") {
        this.unacknowledged.set(stored.seq, { deliveries, wait: this.waitFor(stored.seq) })
      }
      if (--pull.left === 0) this.forget(pull)
    }
  }

  private take(): Stored | undefined {
    for (let seq = this.again.shift(); seq !== undefined; seq = this.again.shift()) {
      const stored = this.stream.at(seq)
      if (stored !== undefined) return this.counted(stored)
    }
    while (this.next <= this.stream.lastSeq) {
      const stored = this.stream.at(this.next++)
      if (stored !== undefined && matches(this.config.filter_subject, stored.subject)) {
        return this.counted(stored)
      }
    }
    return undefined
  }

  private counted(stored: Stored): Stored {
    this.delivered++
    return stored
  }

  private forget(pull: Pull): void {
    pull.expiry.cancel()
    this.pulls.splice(this.pulls.indexOf(pull), 1)
  }

  private waitFor(seq: number): Cancelable {
    const millis = (this.config.ack_wait ?? 0) / NANOS_PER_MILLI
    return this.time.after(millis, `redelivery ${this.name}`, () => {
      this.again.push(seq)
      this.pump()
    })
  }

  private asDelivered(
    { atMillis, data, headers, seq, subject }: Stored,
    deliveries: number
  ): Message {
    const place = `${this.stream.spec.name}.${this.name}.${deliveries}.${seq}.${this.delivered}`
    const reply = `$JS.ACK.${place}.${atMillis}000000.0`
    return { subject, headers, data, reply }
  }

  private status({ reply }: Pull, code: number, description: string): void {
    this.deliver(reply, {
      subject: reply,
      headers: [],
      data: NOTHING,
      reply: "",
      status: [code, description]
    })
  }
}
