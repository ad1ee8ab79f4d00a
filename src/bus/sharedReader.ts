import { type Msg, nuid } from "@nats-io/transport-node"
import { Effect } from "effect"
import { request } from "./api.ts"
import { BusUnavailable, type NatsLink } from "./connection.ts"
import { headersOf } from "./mailboxReader.ts"
import type { ConsumerSpec } from "./topology.ts"

/** One arrival for outbound work: acknowledged one by one, after its answer is stored. */
export interface SharedDelivery {
  readonly subject: string
  readonly seq: number
  readonly atMillis: number
  /** Above 1 an earlier try may have reached the destination. */
  readonly deliveries: number
  readonly data: Uint8Array
  readonly header: (name: string) => string | undefined
  readonly headers: () => Record<string, string>
  readonly acknowledge: () => void
  /** Still working: the server's wait starts again. */
  readonly extend: () => void
  /** Not for us: it is offered again after this time. */
  readonly postpone: (millis: number) => void
}

const PULL_EXPIRES_MILLIS = 1_000
const PULL_SILENCE_MILLIS = PULL_EXPIRES_MILLIS + 1_500

/** Messages behind at which the standard tools call it critical. */
const UNPROCESSED_CRITICAL = 100_000

/** Longer than any deadline; a crashed worker's calls are repeated by the others after it. */
export const ACK_WAIT_MILLIS = 30_000

interface SharedReaderOptions {
  readonly stream: string
  readonly consumer: string
  readonly filter: string
  readonly inFlightMax: number
  readonly onDelivery: (delivery: SharedDelivery) => void
  /** How many more the caller can take now. */
  readonly capacity: () => number
}

/**
 * Reads one explicit-ack consumer that all workers share. `capacity` says how many more messages
 * the caller can take now: nothing is pulled beyond it.
 */
export const openSharedReader = Effect.fnUntraced(function* (
  link: NatsLink,
  options: SharedReaderOptions
) {
  yield* create(link, options)
  return readShared(link, options)
})

/** A consumer that does not answer so often is made anew: it may have gone with its server. */
const UNANSWERED_MAX = 30

/** A shared consumer as it is made, but for how much may be in flight; `doctor` compares with it. */
export const sharedConsumer = (consumer: string, filter: string) => ({
  durable_name: consumer,
  name: consumer,
  deliver_policy: "all" as const,
  ack_policy: "explicit" as const,
  ack_wait: ACK_WAIT_MILLIS * 1_000_000,
  max_deliver: -1,
  filter_subject: filter,
  metadata: {
    "io.nats.monitor.enabled": "true",
    "io.nats.monitor.unprocessed-critical": String(UNPROCESSED_CRITICAL)
  }
})

/** The consumer all workers share, as it is made and as `topology` expects to find it. */
export const sharedConsumerOf = (
  { consumer, filter, inFlightMax, stream }: {
    readonly stream: string
    readonly consumer: string
    readonly filter: string
    readonly inFlightMax: number
  }
): ConsumerSpec => ({
  stream,
  name: consumer,
  config: { ...sharedConsumer(consumer, filter), max_ack_pending: inFlightMax * 4 }
})

const create = (link: NatsLink, options: SharedReaderOptions) => {
  const { config, name, stream } = sharedConsumerOf(options)
  return request(
    link.nc,
    `CONSUMER.CREATE.${stream}.${name}.${options.filter}`,
    { stream_name: stream, action: "", config }
  ).pipe(
    Effect.catchTag(
      "JetStreamRefused",
      (error) => Effect.fail(new BusUnavailable({ detail: error.message }))
    )
  )
}

const readShared = (
  link: NatsLink,
  options: SharedReaderOptions
) => {
  const next = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`
  const inbox = `${link.inboxPrefix}.${nuid.next()}`
  let pullId = 0
  let outstanding = 0
  let unanswered = 0
  let closed = false
  let silence: ReturnType<typeof setTimeout> | undefined

  const pull = () => {
    if (closed || outstanding > 0) return
    const batch = options.capacity()
    if (batch <= 0) return
    outstanding = batch
    pullId++
    ask(link, next, `${inbox}.${pullId}`, batch)
    later(PULL_SILENCE_MILLIS)
  }
  const again = () => {
    outstanding = 0
    pull()
  }
  const later = (millis: number) => {
    clearTimeout(silence)
    silence = setTimeout(again, millis)
  }
  const receive = (message: Msg) => {
    const status = message.headers?.code ?? 0
    const current = message.subject.endsWith(`.${pullId}`)
    if (status !== 0) {
      if (status === 100 || !current) return
      if (status === 503 || status === 409) {
        if (++unanswered % UNANSWERED_MAX === 0) {
          Effect.runFork(Effect.ignore(create(link, options)))
        }
        return later(100)
      }
      return again()
    }
    unanswered = 0
    // A message carries its own subject, not the pull's: it can only belong to the present one.
    outstanding = Math.max(0, outstanding - 1)
    options.onDelivery(deliveryOf(link, message))
    if (outstanding === 0) pull()
  }
  const subscription = link.nc.subscribe(`${inbox}.*`, {
    callback: (error, message) => {
      if (error === null) receive(message)
    }
  })
  pull()
  return {
    /** To be called when capacity came back. */
    pull,
    close: () => {
      closed = true
      clearTimeout(silence)
      subscription.unsubscribe()
    }
  }
}

const ask = (link: NatsLink, next: string, reply: string, batch: number) =>
  link.nc.publish(next, JSON.stringify({ batch, expires: PULL_EXPIRES_MILLIS * 1_000_000 }), {
    reply
  })

const deliveryOf = (link: NatsLink, message: Msg): SharedDelivery => {
  const tokens = message.reply!.split(".")
  const base = tokens.length >= 11 ? 2 : 0
  return {
    subject: message.subject,
    deliveries: Number(tokens[base + 4]),
    seq: Number(tokens[base + 5]),
    atMillis: Number(tokens[base + 7]!.slice(0, -6)),
    data: message.data,
    header: (name) => message.headers?.get(name) || undefined,
    headers: () => headersOf(message),
    acknowledge: () => link.nc.publish(message.reply!),
    extend: () => link.nc.publish(message.reply!, "+WPI"),
    postpone: (millis) =>
      link.nc.publish(message.reply!, `-NAK ${JSON.stringify({ delay: millis * 1_000_000 })}`)
  }
}
