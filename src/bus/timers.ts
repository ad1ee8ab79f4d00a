import { headers as newHeaders } from "@nats-io/transport-node"
import { Effect } from "effect"
import { API_TIMEOUT_MILLIS, refused } from "./api.ts"
import { type BusClient, BusUnavailable } from "./connection.ts"

interface Schedule {
  readonly family: string
  readonly partition: number
  /** Unique within the family: setting it again moves the one schedule. */
  readonly id: string
  readonly atMillis: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly payload: string
}

/** Due messages are forwarded within seconds; a day covers any outage the mailboxes survive. */
const DUE_KEPT = "24h"
/** Schedules set at once. They go one by one: an atomic batch may not hold a rollup of one subject twice. */
const SCHEDULES_CONCURRENT_MAX = 64

const dueSubject = (family: string, partition: number): string =>
  `timers.due.${family}.${partition}`

/**
 * Sets wake-ups. A schedule fires inside its own stream, so the due message arrives on
 * `timers.due.<family>.<p>` and is forwarded to the mailbox from there, at least once.
 */
export const schedule = (nc: BusClient, schedules: ReadonlyArray<Schedule>) =>
  Effect.forEach(schedules, (one) => set(nc, one), {
    concurrency: SCHEDULES_CONCURRENT_MAX,
    discard: true
  })

const set = (nc: BusClient, one: Schedule) =>
  Effect.tryPromise({
    try: async () => {
      const headers = newHeaders()
      for (const [name, value] of one.headers) headers.set(name, value)
      headers.set("Nats-Schedule", `@at ${new Date(one.atMillis).toISOString()}`)
      headers.set("Nats-Schedule-Target", dueSubject(one.family, one.partition))
      headers.set("Nats-Schedule-TTL", DUE_KEPT)
      const subject = `timers.at.${one.family}.${one.partition}.${one.id}`
      const answer = await nc.request(subject, one.payload, {
        headers,
        timeout: API_TIMEOUT_MILLIS
      })
      const ack = answer.json<{ error?: { err_code?: number; description?: string } }>()
      if (ack.error !== undefined) throw refused(subject, ack.error)
    },
    catch: (cause) => new BusUnavailable({ detail: `timer ${one.id}: ${(cause as Error).message}` })
  })
