import { Effect } from "effect"
import { PARTITIONS } from "../../../streams/mailboxes.ts"
import { createdSince, openReviews } from "../../../actors/payments/read.ts"
import { breaksOf } from "../../../actors/reconciliation/read.ts"
import { Nats, type NatsLink } from "../../bus/connection.ts"
import { trialBalance } from "../../ledger/trialBalance.ts"
import { saidByMembers, strangersAmong } from "../../runtime/strangers.ts"
import { recentEvents } from "../../store/events.ts"
import { deadLetterList, openDeadLetters } from "../../store/deadLetterList.ts"
import { keysAside } from "../../store/keysAside.ts"
import { machineNow } from "../../store/machine.ts"
import { meterReading } from "../../store/meter.ts"
import { familyStates } from "../../proof/health/familyStates.ts"
import { shared } from "../../proof/health/sharedAnswer.ts"
import type { Health } from "../../proof/health/health.ts"
import { unavailable } from "../problem.ts"
import { read } from "../reading.ts"
import { Overview } from "../resources/overview.ts"
import { reviewOf } from "../resources/review.ts"
import { ok, type Route } from "../route.ts"
import { json } from "../shape.ts"

const EVENTS_SAMPLED = 500
const PAYMENTS_SHOWN = 40
const LISTED_MAX = 50
/** Everybody who looks within a second shares one answer. */
const CACHE_MILLIS = 900
/** A full scan of the journal; often enough for a page. */
const TRIAL_BALANCE_MILLIS = 5_000

/** What does not answer within this time is named in `unknown`, and the rest is told without it. */
const PART_MILLIS = 1_200

/** Gathers parts that may each be missing: a server that is away must not hide what is known without it. */
class Parts {
  readonly unknown: Array<string> = []

  readonly known = <A, B, E, R>(name: string, asked: Effect.Effect<A, E, R>, otherwise: B) =>
    asked.pipe(
      Effect.timeoutOrElse({
        duration: PART_MILLIS,
        orElse: () => Effect.fail("it does not answer in time")
      }),
      Effect.catch(() => {
        this.unknown.push(name)
        return Effect.succeed(otherwise)
      })
    )
}

/** Each of them is asked at the same time. */
const partsOf = (parts: Parts, nc: NatsLink["nc"], now: number) =>
  [
    parts.known(
      "families",
      Effect.flatMap(read("edge.cursors", machineNow), (known) => familyStates(nc, known)),
      []
    ),
    parts.known("payments", read("edge.recent", (db) => recentEvents(db, EVENTS_SAMPLED)), []),
    parts.known(
      "commands",
      read("edge.created", (db) => createdSince(db, now - RATE_MILLIS)),
      0
    ),
    parts.known("reviews", read("edge.reviews", (db) => openReviews(db, LISTED_MAX)), []),
    parts.known(
      "dead_letters",
      read("edge.deadLetters", (db) => deadLetterList(db, {}, LISTED_MAX)),
      []
    ),
    parts.known(
      "breaks",
      read(
        "edge.breaks",
        (db) => breaksOf(db, undefined, { after: undefined, limit: LISTED_MAX })
      ),
      []
    ),
    parts.known("meter", read("edge.meter", meterReading), null),
    parts.known("dead_letters_open", read("edge.deadLettersOpen", openDeadLetters), 0),
    parts.known("keys", read("edge.keys", (db) => keysAside(db, undefined, LISTED_MAX)), []),
    parts.known("workers", saidByMembers(nc), new Map<string, string>())
  ] as const

/** What the operator page shows, put together once a second at most, however many look. */
export const operationRoutes = (health: Health): ReadonlyArray<Route> => {
  const balance = shared(read("edge.trialBalance", trialBalance), TRIAL_BALANCE_MILLIS)

  const asked = Effect.gen(function* () {
    const now = Date.now()
    const { nc } = yield* Nats
    const parts = new Parts()
    const [
      signals,
      families,
      events,
      created,
      reviews,
      deadLetters,
      breaks,
      meter,
      open,
      keys,
      said,
      books
    ] = yield* Effect.all([
      health,
      ...partsOf(parts, nc, now),
      parts.known("trial_balance", balance, [])
    ], {
      concurrency: "unbounded"
    })
    return {
      at: new Date(now).toISOString(),
      health: signals,
      unknown: parts.unknown,
      commands_per_second: Math.round((created / RATE_MILLIS) * 10_000) / 10,
      ...ratesOf(events, now),
      families,
      // Workers that own nothing here, because they reckon with another number of partitions.
      strangers: strangersAmong(said, PARTITIONS),
      meter,
      payments: newest(events),
      reviews: reviews.map(reviewOf),
      keys,
      dead_letters_open: open,
      dead_letters: deadLetters.map(({ cursor: _, ...letter }) => letter),
      breaks,
      trial_balance: books
    }
  })
  const overview = shared(asked, CACHE_MILLIS)

  return [{
    method: "GET",
    path: "/v1/operations/overview",
    summary: "What the operator page shows",
    operationId: "getOverview",
    tag: "Operations",
    audience: "operator",
    scope: "operations:read",
    answers: {
      200: json("Throughput, lag, recent payments, reviews, dead letters, trial balance", Overview)
    },
    handle: () =>
      overview.pipe(
        Effect.mapError(() => unavailable("what the page shows cannot be put together now")),
        Effect.map(ok)
      )
  }]
}

type Sample = Awaited<ReturnType<typeof recentEvents>>

const RATE_MILLIS = 5_000

/** Of the newest events: captures per second, and the time from creation to outcome. */
const ratesOf = (events: Sample, now: number) => {
  const recent = events.filter(({ at }) => now - at <= RATE_MILLIS)
  const oldest = recent.at(-1)?.at ?? now
  // A full sample covers less than the window.
  const seconds = recent.length === EVENTS_SAMPLED
    ? Math.max(0.001, (now - oldest) / 1_000)
    : RATE_MILLIS / 1_000
  const outcomes = recent.filter(({ type }) =>
    type === "payment.captured" || type === "payment.authorized"
  )
  const times = outcomes.map(({ at, created_at }) => at - Date.parse(created_at))
    .sort((left, right) => left - right)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]
  return {
    captured_per_second: Math.round((outcomes.length / seconds) * 10) / 10,
    latency_ms: times.length === 0 ? null : { p50: at(0.5), p99: at(0.99) }
  }
}

/** Payments of the newest events, the latest made first: that is the time they are shown with. */
export const newest = (events: Sample) => {
  const shown = new Map<string, Omit<Sample[number], "about" | "at" | "type"> & { id: string }>()
  for (const event of events) {
    if (shown.size >= PAYMENTS_SHOWN) break
    if (shown.has(event.about) || event.status === null) continue
    shown.set(event.about, {
      id: event.about,
      merchant: event.merchant,
      status: event.status,
      amount: event.amount,
      currency: event.currency,
      created_at: event.created_at
    })
  }
  return [...shown.values()].sort((left, right) =>
    Date.parse(right.created_at) - Date.parse(left.created_at)
  )
}
