import { Effect } from "effect"
import { append } from "../bus/append.ts"
import type { NatsLink } from "../bus/connection.ts"
import { openSharedReader, type SharedDelivery } from "../bus/sharedReader.ts"
import { Header } from "./letter.ts"

const IN_FLIGHT_MAX = 256

/** The consumer of due timers that all workers share. */
export const timersConsumer = {
  stream: "TIMERS",
  consumer: "timers-due",
  filter: "timers.due.>",
  inFlightMax: IN_FLIGHT_MAX
} as const

/**
 * Brings due timers to their mailboxes, at least once. A schedule can only fire inside its own
 * stream. All workers share one consumer: forwarding is not fenced, since state names the timer it
 * awaits, so it needs no owner.
 */
export const forwardTimers = Effect.fnUntraced(function* (link: NatsLink) {
  const context = yield* Effect.context<never>()
  let inFlight = 0
  const forward = (delivery: SharedDelivery) => {
    const [, , family, partition] = delivery.subject.split(".")
    const headers = [Header.type, Header.merchant, Header.due, Header.trace].flatMap((name) => {
      const value = delivery.header(name)
      return value === undefined ? [] : [[name, value] as const]
    })
    return append(link.nc, [{
      subject: `${family}.${partition}.timers`,
      headers,
      payload: delivery.data
    }]).pipe(
      Effect.tap(() => Effect.sync(delivery.acknowledge)),
      // Not acknowledged: it comes again after the consumer's wait.
      Effect.catch((error) => Effect.logWarning("timer not forwarded", error.message)),
      Effect.ensuring(Effect.sync(() => {
        inFlight--
        reader.pull()
      }))
    )
  }
  const reader: { pull: () => void; close: () => void } = yield* openSharedReader(link, {
    ...timersConsumer,
    capacity: () => IN_FLIGHT_MAX - inFlight,
    onDelivery: (delivery) => {
      inFlight++
      Effect.runForkWith(context)(forward(delivery))
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(reader.close))
  return yield* Effect.never
})
