import { Result } from "effect"
import type { PayoutNotified } from "../../streams/messages/gateway.ts"
import { type Books, finish, send, withPayout } from "./books.ts"
import { type Decided, NOTHING } from "./decided.ts"
import { deferralDelay, inquiryDelay } from "./gatewayCalls.ts"
import { isAskedAbout, isPayoutOpen, type Payout } from "./payout.ts"

/** Waits before asking again about what a bank takes days for; the last one repeats. */
const UNDERWAY_DELAYS_MILLIS = [60_000, 300_000, 900_000, 3_600_000]

/** The gateway has it, and the bank takes its time. */
export const onItsWay = (books: Books, payout: Payout): Books => {
  const { at } = books.received
  const { failure: _, ...open } = payout
  const tries = payout.status === "in_transit" && isAskedAbout(payout) ? payout.tries : 0
  return withPayout(books, {
    ...open,
    status: "in_transit",
    tries: tries + 1,
    unknown_since: payout.unknown_since ?? at,
    wake_at: at + UNDERWAY_DELAYS_MILLIS[Math.min(tries, UNDERWAY_DELAYS_MILLIS.length - 1)]!
  })
}

/**
 * The gateway's webhook says that something happened to a payout: it is asked now. One whose call still
 * awaits its own answer, or was never sent, is not; one that came back asks nothing any more.
 */
export const payoutHeard = (
  books: Books,
  payout: Payout,
  { gateway }: typeof PayoutNotified.Type
): Decided => {
  if (gateway !== payout.gateway || payout.status === "returned") return NOTHING
  if (!isPayoutOpen(payout)) return Result.succeed(finish(send(books, "inquire", payout)))
  if (!isAskedAbout(payout)) return NOTHING
  const { wake_at: _, ...asked } = payout
  return Result.succeed(finish(withPayout(send(books, "inquire", payout), asked)))
}

/** Nothing was sent: it goes out again later. */
export const again = (books: Books, payout: Payout): Decided => {
  const wake_at = books.received.at + deferralDelay(payout.tries)
  const next = { ...payout, tries: payout.tries + 1, wake_at }
  return Result.succeed(finish(withPayout(books, next)))
}

/** Never failed by time: only the gateway's own word ends it. */
export const waits = (books: Books, payout: Payout, detail: string): Decided => {
  const { at } = books.received
  const tries = payout.status === "unknown" ? payout.tries : 0
  const next: Payout = {
    ...payout,
    status: "unknown",
    tries: tries + 1,
    unknown_since: payout.unknown_since ?? at,
    wake_at: at + inquiryDelay(tries),
    failure: { code: "unknown", detail }
  }
  return Result.succeed(finish(withPayout(books, next)))
}
