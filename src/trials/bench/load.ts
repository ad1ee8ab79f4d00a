import { Effect } from "effect"
import { request } from "../../bus/api.ts"
import { append } from "../../bus/append.ts"
import { type NatsLink, open } from "../../bus/connection.ts"
import { tap } from "../../bus/tap.ts"
import { paymentIdOf } from "../../domain/identifiers.ts"
import type { NatsCredentials } from "../../stack/stack.ts"
import { places } from "../../../streams/places.ts"
import { type Buyer, type Buyers, buyersFor } from "./buyers.ts"

/** Commands of one atomic batch of the publisher. */
const BATCH_COMMANDS = 100
/** A payment that is not captured this long after the last command is lost. */
const DRAIN_MILLIS = 180_000
/** A file of settlements is done by then. */
const PACE_SECONDS_MAX = 600
/** Stamps of commands are read one by one, so latency is measured on a sample. */
const STAMPS_MAX = 2_000
const STAMPS_CONCURRENT = 32

export interface LoadAccess {
  readonly natsUrls: ReadonlyArray<string>
  readonly producer: NatsCredentials
  readonly admin: NatsCredentials
  readonly merchants: number
  /** Somebody new for each payment, instead of customers who come back. */
  readonly newCustomers: boolean
}

export interface Throughput {
  readonly payments: number
  readonly seconds: number
  readonly perSecond: number
}

export interface Latency {
  readonly samples: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

interface Published {
  readonly seq: number
  readonly paymentId: string
}

const merchantName = (index: number): string => `shop-${String(index).padStart(3, "0")}`

/** A command as a shop sends it: a customer with an address, a device, a marketplace now and then. */
export const commandOf = (run: string, index: number, buyer: Buyer) => ({
  command_id: `${run}-${index}`,
  amount: 1_000 + ((index * 7_919) % 90_000),
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" },
  ...buyer,
  reference: `order-${index}`,
  ...(index % 4 === 0 && {
    splits: [{ recipient: "seller_a", share: "0.70" }, { recipient: "seller_b", share: "0.20" }]
  })
})

/** Publishes commands as an upstream producer does, and watches EVENTS for what was captured. */
export class Load {
  private readonly access: LoadAccess
  private readonly producer: NatsLink
  private readonly watcher: NatsLink
  private readonly buyers: Buyers
  private readonly run = `b${Date.now().toString(36)}`
  private next = 0
  private captured = 0
  private settled = 0
  /** What was published at a steady pace last, and stamps of `payment.captured` by payment meanwhile. */
  private paced: ReadonlyArray<Published> = []
  private stamps = new Map<string, number>()
  private isPacing = false

  private constructor(access: LoadAccess, producer: NatsLink, watcher: NatsLink) {
    this.access = access
    this.producer = producer
    this.watcher = watcher
    this.buyers = buyersFor(access.newCustomers)
  }

  static readonly open = Effect.fnUntraced(function* (access: LoadAccess) {
    const link = ({ password, user }: NatsCredentials) =>
      open({ urls: access.natsUrls, user, password, name: "lastro-bench" })
    const load = new Load(access, yield* link(access.producer), yield* link(access.admin))
    yield* load.watch()
    return load
  })

  private watch() {
    const settled = tap(this.watcher, "EVENTS", "events.*.payment.settled", () => {
      this.settled++
    })
    const captured = tap(
      this.watcher,
      "EVENTS",
      "events.*.payment.captured",
      ({ atMillis, data }) => {
        this.captured++
        if (!this.isPacing) return
        const { about } = JSON.parse(new TextDecoder().decode(data)) as { about: string }
        this.stamps.set(about, atMillis)
      }
    )
    return Effect.all([captured, settled], { discard: true })
  }

  private async publish(count: number): Promise<ReadonlyArray<Published>> {
    const indexes = Array.from({ length: count }, () => this.next++)
    const merchantOf = (index: number) => merchantName(index % this.access.merchants)
    const ack = await Effect.runPromise(append(
      this.producer.nc,
      indexes.map((index) => ({
        subject: `lastro.payments.create.${merchantOf(index)}`,
        headers: [],
        payload: JSON.stringify(
          commandOf(this.run, index, this.buyers(merchantOf(index), index))
        )
      }))
    ))
    return indexes.map((index, place) => ({
      seq: ack.seq - count + 1 + place,
      paymentId: paymentIdOf(merchantOf(index), `${this.run}-${index}`)
    }))
  }

  /** Keeps a bounded number of payments under way, then waits for the last one. */
  async throughput(
    options: { readonly seconds?: number; readonly payments?: number; readonly inFlight: number }
  ): Promise<Throughput> {
    const before = this.captured
    const started = performance.now()
    let published = 0
    const more = () =>
      options.payments === undefined
        ? performance.now() - started < options.seconds! * 1_000
        : published < options.payments
    while (more()) {
      if (published - (this.captured - before) > options.inFlight - BATCH_COMMANDS) {
        await pause(2)
      } else published += (await this.publish(BATCH_COMMANDS)).length
    }
    await until(() => this.captured - before >= published, "some payments were never captured")
    const seconds = (performance.now() - started) / 1_000
    return { payments: published, seconds, perSecond: published / seconds }
  }

  /** Publishes one by one at a steady pace, for some time or until so many payments were settled. */
  async pace(
    options: { readonly perSecond: number; readonly seconds?: number; readonly settled?: number }
  ): Promise<Throughput> {
    this.stamps.clear()
    this.isPacing = true
    const settledBefore = this.settled
    const started = performance.now()
    const elapsed = () => (performance.now() - started) / 1_000
    const more = () =>
      options.settled === undefined
        ? elapsed() < options.seconds!
        : this.settled - settledBefore < options.settled
    const sent: Array<Promise<ReadonlyArray<Published>>> = []
    while (more()) {
      if (elapsed() > PACE_SECONDS_MAX) throw new Error("some payments were never settled")
      const due = Math.floor(elapsed() * options.perSecond)
      while (sent.length < due) sent.push(this.publish(1))
      await pause(1)
    }
    this.paced = (await Promise.all(sent)).flat()
    const seconds = elapsed()
    // By name, since the edge's payments are captured beside ours.
    await until(
      () => this.paced.every(({ paymentId }) => this.stamps.has(paymentId)),
      "some payments were never captured"
    )
    this.isPacing = false
    return { payments: this.paced.length, seconds, perSecond: this.paced.length / seconds }
  }

  /** Of what was published at a steady pace last, between JetStream's own stamps. */
  async latency(): Promise<Latency> {
    const step = Math.max(1, Math.floor(this.paced.length / STAMPS_MAX))
    const sample = this.paced.filter((_, index) => index % step === 0)
    return percentiles(
      await Effect.runPromise(
        Effect.forEach(sample, (one) => this.timeOf(one), { concurrency: STAMPS_CONCURRENT })
      )
    )
  }

  private timeOf({ paymentId, seq }: Published) {
    return request<{ message: { time: string } }>(
      this.watcher.nc,
      `STREAM.MSG.GET.${places.streamOf("payments")}`,
      { seq }
    ).pipe(
      Effect.map(({ message }) => this.stamps.get(paymentId)! - Date.parse(message.time))
    )
  }
}

const until = async (holds: () => boolean, otherwise: string): Promise<void> => {
  const deadline = performance.now() + DRAIN_MILLIS
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(otherwise)
    await pause(5)
  }
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

export const percentiles = (times: ReadonlyArray<number>): Latency => {
  const sorted = [...times].sort((left, right) => left - right)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  return {
    samples: sorted.length,
    p50: at(0.5) ?? NaN,
    p99: at(0.99) ?? NaN,
    max: sorted.at(-1) ?? NaN
  }
}
