import { Effect, Exit } from "effect"
import { createdSince, openReviews } from "../../../actors/payments/read.ts"
import { breaksOf } from "../../../actors/reconciliation/read.ts"
import { Nats } from "../../bus/connection.ts"
import { trialBalance } from "../../ledger/trialBalance.ts"
import { recentEvents } from "../../store/events.ts"
import { deadLetterList, openDeadLetters } from "../../store/deadLetterList.ts"
import { keysAside } from "../../store/keysAside.ts"
import { cursors } from "../../store/machine.ts"
import { meterReading } from "../../store/meter.ts"
import { familyStates } from "../familyStates.ts"
import { read } from "../reading.ts"
import { ok, type Route } from "../route.ts"

const EVENTS_SAMPLED = 500
const PAYMENTS_SHOWN = 40
const LISTED_MAX = 50
/** Everybody who looks within a second shares one answer. */
const CACHE_MILLIS = 900
/** A full scan of the journal; often enough for a page. */
const TRIAL_BALANCE_MILLIS = 5_000

/** One answer for everybody who asks while it is put together, and for so long after; failures are not kept. */
const shared = <A, E, R>(asked: Effect.Effect<A, E, R>, millis: number) =>
  Effect.runSync(
    Effect.cachedWithTTL(asked, (exit: Exit.Exit<A, E>) => Exit.isSuccess(exit) ? millis : 0)
  )

/** What the operator page shows, put together once a second at most, however many look. */
export const operationRoutes = (): ReadonlyArray<Route> => {
  const balance = shared(read("edge.trialBalance", trialBalance), TRIAL_BALANCE_MILLIS)

  const asked = Effect.gen(function* () {
    const now = Date.now()
    const { nc } = yield* Nats
    const [partitions, events, created, reviews, deadLetters, breaks, meter, open, keys] =
      yield* Effect
        .all([
          read("edge.cursors", cursors),
          read("edge.recent", (db) => recentEvents(db, EVENTS_SAMPLED)),
          read("edge.created", (db) => createdSince(db, now - RATE_MILLIS)),
          read("edge.reviews", (db) => openReviews(db, LISTED_MAX)),
          read("edge.deadLetters", (db) => deadLetterList(db, {}, LISTED_MAX)),
          read(
            "edge.breaks",
            (db) => breaksOf(db, undefined, { after: undefined, limit: LISTED_MAX })
          ),
          read("edge.meter", meterReading),
          read("edge.deadLettersOpen", openDeadLetters),
          read("edge.keys", (db) => keysAside(db, undefined, LISTED_MAX))
        ], { concurrency: "unbounded" })
    const families = yield* familyStates(nc, partitions)
    return {
      at: new Date(now).toISOString(),
      commands_per_second: Math.round((created / RATE_MILLIS) * 10_000) / 10,
      ...ratesOf(events, now),
      families,
      meter,
      payments: newest(events),
      reviews: reviews.map(({ openedMillis, payment }) => ({
        payment_id: payment.id,
        merchant: payment.merchant,
        amount: Number(payment.amount),
        currency: payment.currency,
        score: payment.risk?.score ?? 0,
        reasons: payment.risk?.reasons ?? [],
        opened_at: new Date(openedMillis).toISOString()
      })),
      keys,
      dead_letters_open: open,
      dead_letters: deadLetters.map(({ cursor: _, ...letter }) => letter),
      breaks,
      trial_balance: yield* balance
    }
  })
  const overview = shared(asked, CACHE_MILLIS)

  return [{
    method: "GET",
    path: "/v1/operations/overview",
    summary: "What the operator page shows",
    audience: "operator",
    answers: { 200: "Throughput, lag, recent payments, reviews, dead letters, trial balance" },
    handle: () => Effect.map(overview, ok)
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

const newest = (events: Sample) => {
  const shown = new Map<string, unknown>()
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
  return [...shown.values()]
}
