import { Result } from "effect"
import { AMOUNT_MAX } from "../../../src/domain/money.ts"
import * as clearing from "../../../src/ledger/clearing.ts"
import type { MessageOf } from "../../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../../streams/messages/payments.ts"
import { book, type Decided, NOTHING, refuse } from "../decision.ts"
import { answeredAgain, printOf, remembered, waitingToo } from "../remembered.ts"
import { payoutGatewayOf } from "../routing.ts"
import {
  type Balance,
  nextPayoutAt,
  ownerOf,
  payoutRuleFor,
  payoutTimerOf,
  reservedUntil,
  reserveTimerOf,
  timerNameOf
} from "./balance.ts"
import { type Books, change, finish, sendPayout, tell, wakeAt, withPayout } from "./books.ts"
import { forgetUnusable } from "./destination.ts"
import { isAskedAbout, isPayoutOpen, type Payout, payoutResourceOf } from "./payout.ts"
import { again, contradicted, corrected, lifted, onItsWay, waits } from "./payoutNews.ts"

type Message = MessageOf<typeof PaymentsMessages>
type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

/** Settled money arrives, less its reserve; what is taken back is covered by the reserve, if it can be. */
export const cleared = (
  books: Books,
  { again = 0n, amount, payment_id }: Body<"cleared">
): Decided => {
  const { balance, received } = books
  const { reserve } = payoutRuleFor(balance, received.config)
  // Debts are paid first: nothing of what only fills a hole is kept back.
  const free = balance.available < 0n ? amount + balance.available : amount
  // Of what comes back by a dispute that was won it was kept when it came first.
  const first = amount - again < free ? amount - again : free
  const kept = reserve === undefined || first <= 0n
    ? 0n
    : first * BigInt(reserve.basis_points) / 10_000n
  const entry = clearing.clearing(
    ownerOf(balance, received.partition),
    payment_id,
    received.cause,
    amount,
    kept
  )
  const moved = book(change(books, { available: balance.available + amount - kept }), entry)
  const reserved = reserve === undefined || kept === 0n
    ? moved
    : keep(moved, reservedUntil(reserve.days, received), kept)
  return Result.succeed(finish(scheduled(covered(reserved))))
}

const keep = (books: Books, until: number, amount: bigint): Books => {
  const { reserves } = books.balance
  const same = reserves.some((one) => one.until === until)
  const next = same
    ? reserves.map((one) => one.until === until ? { until, amount: one.amount + amount } : one)
    : [...reserves, { until, amount }].sort((left, right) => left.until - right.until)
  return setReserves(books, next)
}

/** The timer follows the earliest part. */
const setReserves = (books: Books, reserves: Balance["reserves"]): Books => {
  const before = books.balance.reserves[0]?.until
  const changed = change(books, { reserves })
  const next = reserves[0]?.until
  return next === before ? changed : wakeAt(changed, reserveTimerOf(changed.balance.id), next)
}

/** What is missing comes out of the reserve, the part that is due first before the others. */
const covered = (books: Books): Books => {
  const { available, reserves } = books.balance
  let missing = available < 0n ? -available : 0n
  if (missing === 0n || reserves.length === 0) return books
  const left = reserves.flatMap(({ amount, until }) => {
    const taken = amount < missing ? amount : missing
    missing -= taken
    return amount > taken ? [{ until, amount: amount - taken }] : []
  })
  return setReserves(released(books, -available - missing), left)
}

const released = (books: Books, amount: bigint): Books => {
  const { balance, received } = books
  const owner = ownerOf(balance, received.partition)
  return book(
    change(books, { available: balance.available + amount }),
    clearing.reserveReleased(owner, balance.id, received.cause, amount)
  )
}

/** Sets the timer of the next payout where the schedule has one and there is something to pay. */
export const scheduled = (books: Books): Books => {
  const { balance, received } = books
  const { schedule } = payoutRuleFor(balance, received.config)
  if (balance.payout_at !== undefined || balance.available <= 0n) return books
  const payout_at = nextPayoutAt(schedule, received.at)
  if (payout_at === undefined) return books
  return wakeAt(change(books, { payout_at }), payoutTimerOf(balance.id), payout_at)
}

/** The payout that the message is about, or that it makes. */
const payoutIdIn = ({ received: { keys: [, id = ""] } }: Books): string => id

/** As much as one payout can name: a balance adds up to more than what JSON carries exactly. */
const everythingOf = ({ available }: Balance): bigint =>
  available > AMOUNT_MAX ? AMOUNT_MAX : available

/** A merchant asks for its money, or for a recipient's. */
export const ask = (books: Books, body: Body<"payout">): Decided => {
  const { balance, known, received } = books
  const id = payoutIdIn(books)
  const print = printOf(body)
  if (known !== undefined) {
    return remembered(known.fingerprint, print, id, () => repeated(known, books))
  }
  const amount = body.amount ?? everythingOf(balance)
  const destination = body.destination ?? balance.destination
  if (destination === undefined) {
    return refuse("no_destination", "no destination is remembered: name one", id)
  }
  if (amount <= 0n || amount > balance.available) {
    return refuse("insufficient_funds", `${balance.available} is available`, id)
  }
  const { minimum = 1n } = payoutRuleFor(balance, received.config)
  if (amount < minimum) return refuse("below_minimum", `the minimum is ${minimum}`, id)
  return Result.succeed(finish(pay(books, id, amount, destination, print)))
}

const repeated = (known: Payout, { received }: Books): Decided =>
  answeredAgain(
    received,
    () => ({ payout: payoutResourceOf(known) }),
    known.status === "in_transit" && !isAskedAbout(known)
      ? (to) => [known.id, { ...known, waiters: waitingToo(known.waiters, to) }]
      : undefined
  )

const pay = (
  books: Books,
  id: string,
  amount: bigint,
  destination: string,
  print?: string
): Books => {
  const { balance, received } = books
  const { config, merchant, partition, replyTo } = received
  const payout: Payout = {
    _tag: "Payout",
    id,
    merchant,
    balance: balance.id,
    currency: balance.currency,
    ...(balance.recipient !== undefined && { recipient: balance.recipient }),
    amount,
    destination,
    gateway: payoutGatewayOf(config, balance.currency),
    status: "in_transit",
    ...(print !== undefined && { fingerprint: print }),
    waiters: replyTo === undefined ? [] : [replyTo],
    created_at: received.at,
    updated_at: received.at,
    tries: 0,
    version: 0
  }
  const left = change(books, {
    available: balance.available - amount,
    in_transit: balance.in_transit + amount,
    destination
  })
  const sent = sendPayout(
    book(left, clearing.payout(ownerOf(balance, partition), id, amount)),
    "call",
    payout
  )
  return tell(withPayout(sent, payout), "payout.created")
}

/** The gateway's word about a payout. The first definitive one wins; repeats change nothing. */
export const answered = (books: Books, answer: Body<"answered">): Decided => {
  const { known: payout } = books
  const { outcome } = answer
  if (payout === undefined) return NOTHING
  if (!isPayoutOpen(payout)) {
    // Some payouts that fail were paid by the gateway's word before: the money came back.
    if (payout.status === "paid" && answer.inquiry && outcome._tag === "Declined") {
      return cameBack(...lifted(books, payout), outcome)
    }
    return payout.status === "paid" ? NOTHING : corrected(books, payout, answer)
  }
  const { balance, received } = books
  const owner = ownerOf(balance, received.partition)
  const { failure: _, ...open } = payout
  const arrived = change(books, { in_transit: balance.in_transit - payout.amount })
  switch (outcome._tag) {
    case "Approved": {
      const paid: Payout = { ...open, status: "paid" }
      const entry = clearing.payoutPaid(owner, payout.id, payout.amount)
      const told = tell(withPayout(book(arrived, entry), paid), "payout.paid")
      const beyond = outcome.amount - payout.amount
      if (beyond === 0n) return Result.succeed(finish(told))
      const code = "gateway_amount_mismatch"
      const detail = `the gateway reports ${outcome.amount}, asked for ${payout.amount}`
      const noted = { ...paid, failure: { code, detail } }
      return Result.succeed(finish(contradicted(told, noted, outcome.charge_id, beyond, detail)))
    }
    case "Declined":
    case "NotProcessed":
    case "NotFound": {
      // An earlier sending may still be on its way, whatever this one was refused for.
      if (
        outcome._tag === "NotProcessed" && !answer.inquiry && payout.unknown_since !== undefined
      ) return waits(books, payout, outcome.detail)
      const code = "code" in outcome ? outcome.code : "gateway_lost"
      const failure = { code, detail: outcome.detail }
      const known = forgetUnusable(arrived, payout, code)
      const back = change(known, { available: balance.available + payout.amount })
      const entry = clearing.payoutFailed(owner, payout.id, payout.amount)
      const failed = withPayout(book(back, entry), { ...payout, status: "failed", failure })
      return Result.succeed(finish(scheduled(tell(failed, "payout.failed"))))
    }
    case "Deferred":
      // Nothing was sent: it goes out again later. An earlier try that may have left is asked about.
      return answer.inquiry || payout.unknown_since !== undefined
        ? waits(books, payout, outcome.detail)
        : again(books, payout)
    case "Unknown":
      return outcome.underway === true
        ? Result.succeed(finish(onItsWay(books, payout)))
        : waits(books, payout, outcome.detail)
    default:
      return waits(books, payout, "detail" in outcome ? outcome.detail : "an action is required")
  }
}

/** The bank sent it back, days later perhaps: the money is available again. */
export const returned = (books: Books, body: Body<"payout_returned">): Decided => {
  const { balance, known: payout, received } = books
  const { command_id } = body
  const id = payoutIdIn(books)
  const print = printOf(body)
  if (payout === undefined || payout.balance !== balance.id) {
    return refuse("payout_not_found", `${balance.id} has no payout ${id}`, id)
  }
  if (payout.status === "returned") {
    const { returned_by: by } = payout
    // Whoever else tells the same hears what is.
    const before = by?.command_id === command_id ? by.fingerprint : print
    return remembered(before, print, id, () => repeated(payout, books))
  }
  if (payout.status !== "paid") {
    return refuse("invalid_state", `a payout that is ${payout.status} cannot be returned`, id)
  }
  return cameBack(books, {
    ...payout,
    returned_by: { command_id, fingerprint: print },
    waiters: received.replyTo === undefined ? [] : [received.replyTo]
  }, body)
}

const cameBack = (
  books: Books,
  payout: Payout,
  { code, detail = "the bank sent it back" }: Pick<Body<"payout_returned">, "code" | "detail">
): Decided => {
  const { balance, received } = books
  const owner = ownerOf(balance, received.partition)
  const entry = clearing.payoutReturned(owner, payout.id, payout.amount)
  const known = forgetUnusable(books, payout, code)
  const back = change(known, { available: balance.available + payout.amount })
  const next: Payout = { ...payout, status: "returned", failure: { code, detail } }
  const told = tell(withPayout(book(back, entry), next), "payout.returned")
  return Result.succeed(finish(scheduled(covered(told))))
}

/** A reserve's time is over, a payout is due, or one that is open has to be sent or asked about again. */
export const woken = (books: Books, { due, timer }: Body<"wake">): Decided => {
  const { balance, known: payout } = books
  if (payout !== undefined && timer === payout.id) {
    if (payout.wake_at !== due || !isPayoutOpen(payout)) return NOTHING
    const { failure: _, wake_at: __, ...rest } = payout
    const type = isAskedAbout(payout) ? "inquire" : "call"
    return Result.succeed(finish(withPayout(sendPayout(books, type, payout), rest)))
  }
  if (timer === timerNameOf(balance, reserveTimerOf(balance.id))) {
    return balance.reserves[0]?.until === due ? Result.succeed(finish(freed(books, due))) : NOTHING
  }
  if (balance.payout_at !== due) return NOTHING
  return Result.succeed(finish(dueNow(books)))
}

const freed = (books: Books, due: number): Books => {
  const over = books.balance.reserves.filter(({ until }) => until <= due)
  const amount = over.reduce((sum, one) => sum + one.amount, 0n)
  return scheduled(setReserves(released(books, amount), books.balance.reserves.slice(over.length)))
}

/** The day of the schedule: everything goes out, unless it is too little or nobody said where to. */
const dueNow = (books: Books): Books => {
  const { payout_at: _, ...rest } = books.balance
  const taken = wakeAt({ ...books, balance: rest }, payoutTimerOf(rest.id), undefined)
  const { available, destination } = rest
  const { minimum = 1n } = payoutRuleFor(rest, books.received.config)
  return destination === undefined || available < minimum
    ? scheduled(taken)
    : scheduled(pay(taken, payoutIdIn(books), everythingOf(rest), destination))
}
