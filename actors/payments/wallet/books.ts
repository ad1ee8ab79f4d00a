import { derivedId } from "../../../src/domain/identifiers.ts"
import type { JournalEntry } from "../../../src/ledger/journal.ts"
import type { Received, States } from "../../../src/runtime/actor.ts"
import type { Decision, Emission, Timer } from "../../../streams/emissions.ts"
import type { Beside, EventBody, EventWith } from "../../../streams/events.ts"
import { eventOf } from "../event.ts"
import { isBalance, isPayout, type State, type Terms } from "../state.ts"
import { type Row, SCHEDULED_WITHIN_MILLIS } from "../payment/step.ts"
import { type Balance, newBalance, timerNameOf } from "./balance.ts"
import { isAskedAbout, isPayoutOpen, type Payout, payoutResourceOf } from "./payout.ts"

/** A decision about one balance and perhaps one payout from it, as it grows. */
export interface Books {
  readonly received: Received<Terms>
  readonly balance: Balance
  /** The payout as it was. */
  readonly known: Payout | undefined
  /** The payout as it is now, where it changed. */
  readonly payout: Payout | undefined
  readonly rows: ReadonlyArray<Row>
  readonly emit: ReadonlyArray<Emission>
  readonly timers: ReadonlyArray<Timer<"payments">>
  readonly events: ReadonlyArray<{ readonly type: EventWith<"payout">; readonly more: object }>
}

export const begin = (
  states: States<State>,
  received: Received<Terms>
): Books => {
  const [balanceId, payoutId = ""] = received.keys
  const balance = states.get(balanceId)
  const known = states.get(payoutId)
  return {
    received,
    balance: balance !== undefined && isBalance(balance)
      ? balance
      : newBalance(balanceId, received.merchant),
    known: known !== undefined && isPayout(known) ? known : undefined,
    payout: undefined,
    rows: [],
    emit: [],
    timers: [],
    events: []
  }
}

export const change = (books: Books, changes: Partial<Balance>): Books => ({
  ...books,
  balance: { ...books.balance, ...changes }
})

export const booked = (books: Books, entry: JournalEntry): Books => ({
  ...books,
  rows: [...books.rows, { _tag: "Entry", entry }]
})

/** Sets, moves or (undefined) takes back what a balance waits for. */
export const wakeAt = (books: Books, timer: string, dueMillis: number | undefined): Books =>
  wake(books, timerNameOf(books.balance, timer), dueMillis)

const wake = (books: Books, timer: string, dueMillis: number | undefined): Books => {
  const { balance, received } = books
  const row: Row = { _tag: "Wake", paymentId: balance.id, timer, dueMillis }
  const waits = { ...books, rows: [...books.rows, row] }
  if (dueMillis === undefined || dueMillis - received.at > SCHEDULED_WITHIN_MILLIS) return waits
  const timed: Timer<"payments"> = {
    id: derivedId("tm", timer),
    atMillis: dueMillis,
    type: "wake",
    body: { payment_id: balance.id, timer, due: dueMillis }
  }
  return { ...waits, timers: [...waits.timers, timed] }
}

/** Puts the payout as it is now; its timer follows what it waits for. */
export const withPayout = (books: Books, payout: Payout): Books => {
  const { wake_at: _, ...rest } = payout
  const next: Payout = isPayoutOpen(payout) ? payout : rest
  const placed = { ...books, payout: next }
  return books.known?.wake_at === next.wake_at ? placed : wake(placed, payout.id, next.wake_at)
}

export const tellPayout = <Type extends EventWith<"payout">>(
  books: Books,
  type: Type,
  ...[more]: Beside<"payout", Type>
): Books => ({ ...books, events: [...books.events, { type, more: more ?? {} }] })

/** To the gateway: the attempt is the payout's own identifier, so that it can never go out twice. */
export const send = (books: Books, type: "call" | "inquire", payout: Payout): Books => {
  const to = { to: "gateway", key: books.received.merchant } as const
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
  const emission: Emission<"gateway"> = type === "call"
    ? { ...to, type, body }
    : { ...to, type, body: { ...body, sent_at } }
  return { ...books, emit: [...books.emit, emission] }
}

export const finish = (books: Books): Decision<"payments", State, Row> => {
  const { emit, events, payout, received, rows, timers } = books
  const { at: updated_at } = received
  const balance: Balance = { ...books.balance, version: books.balance.version + 1, updated_at }
  if (payout === undefined) return { put: [[balance.id, balance]], rows, emit, timers }
  // What takes days is waited for no longer than until the gateway has it.
  const served = payout.status !== "in_transit" || isAskedAbout(payout)
  const next: Payout = {
    ...payout,
    waiters: served ? [] : payout.waiters,
    version: payout.version + 1,
    updated_at
  }
  const resource = payoutResourceOf(next)
  return {
    put: [[balance.id, balance], [next.id, next]],
    rows,
    emit,
    timers,
    events: events.map(({ more, type }) =>
      eventOf(next.id, type, { payout: resource, ...more } as EventBody<typeof type>, received)
    ),
    answers: served ? payout.waiters.map((to) => ({ to, body: { payout: resource } })) : []
  }
}
