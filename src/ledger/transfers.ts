import { derivedId } from "../domain/identifiers.ts"
import { type Account, available, transferControl } from "./chart.ts"
import type { Owner } from "./clearing.ts"
import type { EntryKind, JournalEntry } from "./journal.ts"

const wallet = ({ currency, merchant, recipient }: Owner): Account =>
  available(merchant, recipient, currency)

const control = ({ currency, partition }: Owner): Account => transferControl(partition, currency)

const entry = (
  transferId: string,
  kind: EntryKind,
  debit: Account,
  credit: Account,
  amount: bigint
): JournalEntry => ({
  id: derivedId("je", transferId, kind),
  kind,
  paymentId: transferId,
  postings: [{ layer: "posted", debit, credit, amount }]
})

/** Between two wallets of one book: one entry. */
export const transferred = (from: Owner, to: Owner, transferId: string, amount: bigint) =>
  entry(transferId, "transfer", wallet(from), wallet(to), amount)

/**
 * Between two books, whose accounts have different writers: each books its own leg against the
 * control account of its partition. Over all partitions those add up to what is on its way, and to
 * nothing once all has arrived.
 */
export const transferSent = (from: Owner, transferId: string, amount: bigint) =>
  entry(transferId, "transfer_sent", wallet(from), control(from), amount)

export const transferArrived = (to: Owner, transferId: string, amount: bigint) =>
  entry(transferId, "transfer_arrived", control(to), wallet(to), amount)

/** The receiver's book is nobody's: the exact reversal of the first leg. */
export const transferRefused = (
  from: Owner,
  transferId: string,
  amount: bigint
): JournalEntry => ({
  ...entry(transferId, "transfer_refused", control(from), wallet(from), amount),
  reverses: derivedId("je", transferId, "transfer_sent")
})
