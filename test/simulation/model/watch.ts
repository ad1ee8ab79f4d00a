import type { Cancelable, Time } from "../kernel.ts"
import type { Deliver } from "./consumer.ts"
import { matches, type Message } from "./message.ts"
import type { Stored, Stream } from "./stream.ts"

const NANOS_PER_MILLI = 1_000_000

/** An ephemeral push consumer: the last value of every subject, then every change, and heartbeats. */
export class Watch {
  /** How many values it begins with. */
  readonly pending: number
  private readonly time: Time
  private readonly stream: Stream
  private readonly inbox: string
  private readonly heartbeatMillis: number
  private readonly deliver: Deliver
  private readonly unsubscribe: () => void
  private heartbeat: Cancelable
  private delivered = 0

  constructor(
    time: Time,
    stream: Stream,
    config: { deliver_subject: string; filter_subject: string; idle_heartbeat: number },
    deliver: Deliver
  ) {
    this.time = time
    this.stream = stream
    this.inbox = config.deliver_subject
    this.heartbeatMillis = config.idle_heartbeat / NANOS_PER_MILLI
    this.deliver = deliver
    const present = stream.all(config.filter_subject)
      .filter(({ seq, subject }) => stream.lastOn(subject) === seq)
    this.pending = present.length
    const listen = (stored: Stored) => {
      if (matches(config.filter_subject, stored.subject)) this.give(stored, 0)
    }
    stream.listeners.add(listen)
    this.unsubscribe = () => stream.listeners.delete(listen)
    this.heartbeat = this.beatLater()
    present.forEach((stored, index) => this.give(stored, present.length - 1 - index))
  }

  /** As with a server that held it in memory: nobody is told. */
  readonly vanish = (): void => {
    this.unsubscribe()
    this.heartbeat.cancel()
  }

  private give(stored: Stored, pending: number): void {
    const { atMillis, data, headers, seq, subject } = stored
    this.delivered++
    const place = `${this.stream.spec.name}.watch.1.${seq}.${this.delivered}`
    this.send({ subject, headers, data, reply: `$JS.ACK.${place}.${atMillis}000000.${pending}` })
  }

  private beatLater(): Cancelable {
    return this.time.after(this.heartbeatMillis, "heartbeat", () => {
      this.heartbeat = this.beatLater()
      this.send({
        subject: this.inbox,
        headers: [["Nats-Last-Consumer", String(this.delivered)]],
        data: new Uint8Array(0),
        reply: "",
        status: [100, "Idle Heartbeat"]
      })
    })
  }

  private send(message: Message): void {
    if (!this.deliver(this.inbox, message)) this.vanish()
  }
}
