import { Effect, Schedule } from "effect"
import type { NatsLink } from "../bus/connection.ts"
import { partitionFilter } from "../bus/ingress.ts"
import { partitionLag } from "../bus/lag.ts"
import { setGate, type StreamSpec } from "../bus/topology.ts"
import { streamFacts } from "../bus/tail.ts"
import { Database } from "../store/database.ts"
import { cursors } from "../store/machine.ts"
import * as metrics from "../telemetry/metrics.ts"

/** Messages a mailbox may be behind. Minutes of work, so that what was accepted is still answered. */
const LAG_MESSAGES_MAX = 200_000
/** What is accepted is begun within this time. */
const LAG_SECONDS_MAX = 120
/** Shares of these, and of the stream's bytes, at which the gate closes and opens. */
const HIGH_WATER = 0.7
const LOW_WATER = 0.35
export const LOOK_EVERY_MILLIS = 1_000

/**
 * Closes a mailbox to new commands while too much waits, and opens it again. A closed gate means
 * that the ingress subjects are off the stream: a publish fails at once, the edge answers 503. The
 * rest of the room belongs to relays and answers, so that families cannot block each other.
 */
export const guardMailbox = (nc: NatsLink["nc"], mailbox: string, spec: StreamSpec) => {
  const look = Effect.gen(function* () {
    const database = yield* Database
    const partitions = (yield* database.query("admission.cursors", cursors))
      .filter((one) => one.mailbox === mailbox)
    const lags = yield* Effect.forEach(
      partitions,
      ({ partition, seq }) =>
        partitionLag(nc, {
          stream: spec.name,
          consumer: `${mailbox}-${partition}`,
          filter: partitionFilter(partition)
        }, seq),
      { concurrency: "unbounded" }
    )
    partitions.forEach(({ partition }, index) => {
      metrics.lagMessages.set({ family: mailbox, partition }, lags[index]!.messages ?? 0)
      metrics.lagSeconds.set({ family: mailbox, partition }, lags[index]!.seconds)
    })
    const facts = yield* streamFacts(nc, spec.name)
    const used = Math.max(
      lags.reduce((sum, lag) => sum + (lag.messages ?? 0), 0) / LAG_MESSAGES_MAX,
      Math.max(0, ...lags.map(({ seconds }) => seconds)) / LAG_SECONDS_MAX,
      facts.bytesMax > 0 ? facts.bytes / facts.bytesMax : 0
    )
    // The stream itself remembers: whoever watches it next goes on where the last one stood.
    const open = !facts.gateClosed
    const shouldBeOpen = used < (open ? HIGH_WATER : LOW_WATER)
    if (shouldBeOpen === open) return
    yield* setGate(nc, spec, shouldBeOpen)
    const became = shouldBeOpen ? "opened" : "closed"
    yield* Effect.logWarning(`the gate of ${mailbox} ${became}: ${Math.round(used * 100)} % used`)
  })
  return look.pipe(
    Effect.catchCause((cause) => Effect.logWarning("admission", cause)),
    Effect.repeat(Schedule.spaced(LOOK_EVERY_MILLIS)),
    Effect.asVoid
  )
}
