import { Result } from "effect"
import * as clearing from "../../../src/ledger/clearing.ts"
import type { Answered, PayoutNotified } from "../../../streams/messages/gateway.ts"
import { book, type Decided, NOTHING } from "../decision.ts"
import { deferralDelay, inquiryDelay } from "../payment/gatewayCalls.ts"
import { ownerOf } from "./balance.ts"
import { type Books, finish, sendPayout, tell, withPayout } from "./books.ts"
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
 * awaits its own answer, or was never sent, is not; nor is one that came back by another's word.
 */
export const payoutHeard = (
  books: Books,
  { gateway }: typeof PayoutNotified.Type
): Decided => {
  const { known: payout } = books
  if (payout === undefined) return NOTHING
  if (gateway !== payout.gateway || payout.returned_by !== undefined) return NOTHING
  if (!isPayoutOpen(payout)) return Result.succeed(finish(sendPayout(books, "inquire", payout)))
  if (!isAskedAbout(payout)) return NOTHING
  const { wake_at: _, ...asked } = payout
  return Result.succeed(finish(withPayout(sendPayout(books, "inquire", payout), asked)))
}

/**
 * Money that went out beyond what was asked for, or did not, is in suspense until a person says whose
 * it is. It is told at once: reconciliation makes it a break.
 */
export const contradicted = (
  books: Books,
  payout: Payout,
  charge_id: string,
  beyond: bigint,
  detail: string
): Books => {
  const { gateway, id, turns = 0 } = payout
  const name = turns === 0 ? id : `${id}:${turns}`
  const owner = ownerOf(books.balance, books.received.partition)
  const entries = beyond === 0n
    ? []
    : [clearing.payoutContradicted(owner, gateway, id, name, beyond)]
  const noted = withPayout(entries.reduce(book, books), {
    ...payout,
    contradicted: true,
    turns: turns + 1,
    suspense: { name, amount: beyond }
  })
  return doubted(noted, payout, charge_id, detail)
}

const doubted = (books: Books, { gateway }: Payout, charge_id: string, detail: string): Books =>
  tell(books, "payout.contradicted", {
    contradiction: { gateway, operation: "payout", charge_id, detail }
  })

/** What stood in suspense for it leaves it: the payout is what it was before. */
export const lifted = (books: Books, payout: Payout): readonly [Books, Payout] => {
  const { contradicted: _, suspense, ...before } = payout
  if (suspense === undefined) return [books, payout]
  const { amount, name } = suspense
  const { gateway, id } = payout
  const owner = ownerOf(books.balance, books.received.partition)
  const entries = amount === 0n
    ? []
    : [clearing.payoutContradictionLifted(owner, gateway, id, name, amount)]
  return [withPayout(entries.reduce(book, books), before), before]
}

/** What the gateway says of a payout whose money is available again: that it went out all the same, or not. */
export const corrected = (
  books: Books,
  payout: Payout,
  { inquiry, outcome }: typeof Answered.Type
): Decided => {
  if (outcome._tag === "Approved") {
    const { charge_id } = outcome
    // Of one that came back, a late answer that it was paid is old.
    const isOld = payout.status === "returned" && (payout.returned_by !== undefined || !inquiry)
    if (payout.contradicted === true || isOld) return NOTHING
    const detail = `the payout is ${payout.status}, and the gateway now reports it as made`
    const told = contradicted(books, payout, charge_id, outcome.amount, detail)
    // Answers overtake each other: its last word is asked for.
    return Result.succeed(finish(sendPayout(told, "inquire", payout)))
  }
  if (outcome._tag !== "Declined" || !inquiry || payout.suspense === undefined) return NOTHING
  const [after, before] = lifted(books, payout)
  const detail = `the gateway says again that the payout is ${payout.status}`
  return Result.succeed(finish(doubted(after, before, outcome.charge_id ?? payout.id, detail)))
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
