import { Effect } from "effect"
import { request } from "../../bus/api.ts"
import { append } from "../../bus/append.ts"
import { type NatsLink, open } from "../../bus/connection.ts"
import { openSharedReader } from "../../bus/sharedReader.ts"
import { paymentIdOf } from "../../domain/identifiers.ts"
import type { Stack } from "../../stack/stack.ts"

/** Commands of one atomic batch of the publisher. */
const BATCH_COMMANDS = 100

export interface Load {
  readonly link: NatsLink
  readonly captured: () => number
  readonly publish: (count: number) => Promise<ReadonlyArray<Published>>
  readonly close: () => Promise<void>
}

export interface Published {
  readonly seq: number
  readonly paymentId: string
}

export const merchantName = (index: number): string => `shop-${String(index).padStart(3, "0")}`

/** A command as a shop sends it: a customer with an address, a device, a marketplace now and then. */
const commandOf = (run: string, index: number) => ({
  command_id: `${run}-${index}`,
  amount: 1_000 + ((index * 7_919) % 90_000),
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" },
  customer: {
    id: `cus_${(index * 31) % 20_000}`,
    email: `c${index % 20_000}@example.com`,
    locale: index % 3 === 0 ? "en" : "pt-BR"
  },
  device: { id: `dev_${(index * 17) % 15_000}`, ip: `198.51.100.${index % 250}` },
  reference: `order-${index}`,
  ...(index % 4 === 0 && {
    splits: [{ recipient: "seller_a", share: "0.70" }, { recipient: "seller_b", share: "0.20" }]
  })
})

/** Publishes commands as an upstream producer does, and counts what was captured on EVENTS. */
export const openLoad = async (stack: Stack, merchants: number): Promise<Load> => {
  const run = `b${Date.now().toString(36)}`
  const stops: Array<() => void> = []
  const link = await connectAs(stack, "producer", stops)
  const watcher = await connectAs(stack, "admin", stops)
  let captured = 0
  let next = 0
  const reader: { close: () => void } = await Effect.runPromise(openSharedReader(watcher, {
    stream: "EVENTS",
    consumer: `bench-${run}`,
    filter: "events.*.payment.captured",
    inFlightMax: 10_000,
    capacity: () => 10_000,
    onDelivery: (delivery) => {
      captured++
      delivery.acknowledge()
    }
  }))
  const batch = async (count: number): Promise<ReadonlyArray<Published>> => {
    const indexes = Array.from({ length: count }, () => next++)
    const messages = indexes.map((index) => ({
      subject: `lastro.payments.create.${merchantName(index % merchants)}`,
      headers: [],
      payload: JSON.stringify(commandOf(run, index))
    }))
    const ack = await Effect.runPromise(append(link.nc, messages))
    return indexes.map((index, place) => ({
      seq: ack.seq - count + 1 + place,
      paymentId: paymentIdOf(merchantName(index % merchants), `${run}-${index}`)
    }))
  }
  return {
    link: watcher,
    captured: () => captured,
    publish: async (count) => {
      const published: Array<Published> = []
      for (let left = count; left > 0; left -= BATCH_COMMANDS) {
        published.push(...await batch(Math.min(left, BATCH_COMMANDS)))
      }
      return published
    },
    close: async () => {
      reader.close()
      await Effect.runPromise(
        Effect.ignore(request(watcher.nc, `CONSUMER.DELETE.EVENTS.bench-${run}`))
      )
      for (const stop of stops) stop()
    }
  }
}

const connectAs = (
  stack: Stack,
  role: "admin" | "producer",
  stops: Array<() => void>
): Promise<NatsLink> => {
  const { password, user } = stack.nats[role]
  return new Promise((resolve, reject) => {
    Effect.runFork(
      Effect.scoped(Effect.gen(function* () {
        const link = yield* open({
          urls: stack.natsUrls,
          user,
          password,
          name: `lastro-bench-${role}`
        })
        yield* Effect.callback<void>((resume) => {
          stops.push(() => resume(Effect.void))
          resolve(link)
        })
      })).pipe(Effect.tapCause((cause) => Effect.sync(() => reject(cause))))
    )
  })
}

export interface Throughput {
  readonly payments: number
  readonly seconds: number
  readonly perSecond: number
}

/** Keeps a bounded number of payments under way for a while, then waits for the last one. */
export const measureThroughput = async (
  load: Load,
  options: { readonly seconds: number; readonly inFlight: number }
): Promise<Throughput> => {
  const before = load.captured()
  const started = performance.now()
  let published = 0
  while (performance.now() - started < options.seconds * 1_000) {
    const open = published - (load.captured() - before)
    if (open > options.inFlight - BATCH_COMMANDS) {
      await new Promise((resolve) => setTimeout(resolve, 2))
      continue
    }
    published += (await load.publish(BATCH_COMMANDS)).length
  }
  const deadline = performance.now() + 120_000
  while (load.captured() - before < published) {
    if (performance.now() > deadline) {
      throw new Error(`${published - load.captured() + before} payments were never captured`)
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  const seconds = (performance.now() - started) / 1_000
  return { payments: published, seconds, perSecond: published / seconds }
}
