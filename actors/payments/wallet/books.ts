import type { Received, States } from "../../../src/runtime/actor.ts"
import {
  answersTo,
  blank,
  type Draft,
  type Made,
  made,
  renewed,
  send,
  teller,
  wake
} from "../decision.ts"
import { isBalance, isPayout, type State } from "../state.ts"
import type { Terms } from "../terms.ts"
import { type Balance, newBalance, timerNameOf } from "./balance.ts"
import { isAskedAbout, isPayoutOpen, type Payout, payoutResourceOf } from "./payout.ts"

/** A decision about one balance and perhaps one payout from it, as it grows. */
export interface Books extends Draft {
  readonly balance: Balance
  /** The payout as it was. */
  readonly known: Payout | undefined
  /** The payout as it is now, where it changed. */
  readonly payout: Payout | undefined
}

export const begin = (
  states: States<State>,
  received: Received<Terms>
): Books => {
  const [balanceId, payoutId = ""] = received.keys
  const balance = states.get(balanceId)
  const known = states.get(payoutId)
  return {
    ...blank(received),
    balance: balance !== undefined && isBalance(balance)
      ? balance
      : newBalance(balanceId, received.merchant),
    known: known !== undefined && isPayout(known) ? known : undefined,
    payout: undefined
  }
}

export const change = (books: Books, changes: Partial<Balance>): Books => ({
  ...books,
  balance: { ...books.balance, ...changes }
})

/** Sets, moves or (undefined) takes back what a balance waits for. */
export const wakeAt = (books: Books, timer: string, dueMillis: number | undefined): Books =>
  wake(books, books.balance.id, timerNameOf(books.balance, timer), dueMillis)

/** Puts the payout as it is now; its timer follows what it waits for. */
export const withPayout = (books: Books, payout: Payout): Books => {
  const { wake_at: _, ...rest } = payout
  const next: Payout = isPayoutOpen(payout) ? payout : rest
  const placed = { ...books, payout: next }
  return books.known?.wake_at === next.wake_at
    ? placed
    : wake(placed, books.balance.id, payout.id, next.wake_at)
}

export const tell = teller<"payout">()

/** To the gateway: the attempt is the payout's own identifier, so that it can never go out twice. */
export const sendPayout = (books: Books, type: "call" | "inquire", payout: Payout): Books => {
  const body = {
    payment_id: payout.balance,
    gateway: payout.gateway,
    attempt: payout.id,
    operation: "payout",
    amount: payout.amount,
    currency: payout.currency,
    token: payout.destination,
    first_sent_at: payout.created_at
  } as const
  const sent_at = payout.unknown_since ?? payout.created_at
  return type === "call"
    ? send(books, { to: "gateway", type, body })
    : send(books, { to: "gateway", type, body: { ...body, sent_at } })
}

export const finish = (books: Books): Made => {
  const { payout, received } = books
  const balance = renewed(books.balance, received)
  if (payout === undefined) {
    return made(books, { put: [[balance.id, balance]], about: balance.id, told: {}, answers: [] })
  }
  // What takes days is waited for no longer than until the gateway has it.
  const served = payout.status !== "in_transit" || isAskedAbout(payout)
  const next = renewed(payout, received, { waiters: served ? [] : payout.waiters })
  const told = { payout: payoutResourceOf(next) }
  return made(books, {
    put: [[balance.id, balance], [next.id, next]],
    about: next.id,
    told,
    answers: served ? answersTo(payout.waiters, told) : []
  })
}
