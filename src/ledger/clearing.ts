import { derivedId } from "../domain/identifiers.ts"
import {
  type Account,
  available,
  bank,
  gatewayFees,
  gatewayReceivable,
  merchantPending,
  payoutsInTransit,
  recipientPending,
  reserve,
  suspense
} from "./chart.ts"
import type { Book } from "./entries.ts"
import { type EntryKind, type JournalEntry, moved, posted, type Posting } from "./journal.ts"

/** Whose money it is: the merchant's own, or a recipient's in the merchant's book. */
export interface Owner {
  readonly merchant: string
  readonly partition: number
  readonly currency: string
  readonly recipient: string | undefined
}

const entry = (
  about: string,
  kind: EntryKind,
  cause: string,
  postings: ReadonlyArray<Posting>
): JournalEntry => ({ id: derivedId("je", about, kind, cause), kind, paymentId: about, postings })

/**
 * The gateway paid: what it kept is our cost, the rest is at the bank. A refund comes as a negative
 * amount. What stays in the receivable after all is settled is a break.
 */
export const settlement = (
  book: Book,
  cause: string,
  gross: bigint,
  fee: bigint
): JournalEntry => {
  const { currency, gateway, partition, paymentId } = book
  const receivable = gatewayReceivable(gateway, partition, currency)
  return entry(
    paymentId,
    "settlement",
    cause,
    [
      moved(gatewayFees(gateway, partition, currency), receivable, fee),
      moved(bank(partition, currency), receivable, gross - fee)
    ].filter(({ amount }) => amount !== 0n)
  )
}

const pendingOf = ({ currency, merchant, recipient }: Owner): Account =>
  recipient === undefined
    ? merchantPending(merchant, currency)
    : recipientPending(merchant, recipient, currency)

const availableOf = ({ currency, merchant, recipient }: Owner): Account =>
  available(merchant, recipient, currency)

const reserveOf = ({ currency, merchant, recipient }: Owner): Account =>
  reserve(merchant, recipient, currency)

/** Settled money can be paid out, but for what is kept in reserve. Negative: it is taken back. */
export const clearing = (
  owner: Owner,
  paymentId: string,
  cause: string,
  amount: bigint,
  kept: bigint
): JournalEntry =>
  entry(
    paymentId,
    "clearing",
    cause,
    [
      moved(pendingOf(owner), availableOf(owner), amount - kept),
      moved(pendingOf(owner), reserveOf(owner), kept)
    ].filter((posting) => posting.amount !== 0n)
  )

/** The reserve's time is over, or it has to cover what is missing. */
export const reserveReleased = (
  owner: Owner,
  about: string,
  cause: string,
  amount: bigint
): JournalEntry =>
  entry(about, "reserve_released", cause, [posted(reserveOf(owner), availableOf(owner), amount)])

export const payout = (owner: Owner, id: string, amount: bigint): JournalEntry =>
  entry(id, "payout", id, [
    posted(availableOf(owner), payoutsInTransit(owner.partition, owner.currency), amount)
  ])

export const payoutPaid = (owner: Owner, id: string, amount: bigint): JournalEntry =>
  entry(id, "payout_paid", id, [
    posted(
      payoutsInTransit(owner.partition, owner.currency),
      bank(owner.partition, owner.currency),
      amount
    )
  ])

/** The exact reversal of `payout`. */
export const payoutFailed = (owner: Owner, id: string, amount: bigint): JournalEntry => ({
  ...entry(id, "payout_failed", id, [
    posted(payoutsInTransit(owner.partition, owner.currency), availableOf(owner), amount)
  ]),
  reverses: derivedId("je", id, "payout", id)
})

/** The bank sent back what it had paid. */
export const payoutReturned = (owner: Owner, id: string, amount: bigint): JournalEntry => ({
  ...entry(id, "payout_returned", id, [
    posted(bank(owner.partition, owner.currency), availableOf(owner), amount)
  ]),
  reverses: derivedId("je", id, "payout", id)
})

/** The bank paid what it had refused, or that much more than it was asked for; below nothing, less. */
export const payoutContradicted = (
  owner: Owner,
  gateway: string,
  id: string,
  cause: string,
  beyond: bigint
): JournalEntry => entry(id, "suspense", cause, [beyondAsked(owner, gateway, beyond)])

/** The exact reversal of `payoutContradicted`: the gateway came back to its first word. */
export const payoutContradictionLifted = (
  owner: Owner,
  gateway: string,
  id: string,
  cause: string,
  beyond: bigint
): JournalEntry => ({
  ...entry(id, "suspense", `${cause}:lifted`, [beyondAsked(owner, gateway, -beyond)]),
  reverses: derivedId("je", id, "suspense", cause)
})

const beyondAsked = (owner: Owner, gateway: string, beyond: bigint): Posting => {
  const ours = bank(owner.partition, owner.currency)
  const open = suspense(gateway, owner.partition, owner.currency)
  return beyond > 0n ? posted(open, ours, beyond) : posted(ours, open, -beyond)
}
