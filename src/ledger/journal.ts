import type { Account } from "./chart.ts"

/** Money that moved, or money that is only reserved. Pending never touches posted. */
type Layer = "posted" | "pending"

/**
 * One debit-credit pair. It balances by construction, and both accounts must be of its currency.
 * A pending amount is negative where it gives a reservation back.
 */
export interface Posting {
  readonly layer: Layer
  readonly debit: Account
  readonly credit: Account
  readonly amount: bigint
}

export const posted = (debit: Account, credit: Account, amount: bigint): Posting => ({
  layer: "posted",
  debit,
  credit,
  amount
})

/** A movement and, where the amount is negative, the movement back. */
export const moved = (debit: Account, credit: Account, amount: bigint): Posting =>
  amount < 0n ? posted(credit, debit, -amount) : posted(debit, credit, amount)

export type EntryKind =
  | "hold"
  | "release"
  | "capture"
  | "refund"
  | "refund_confirmed"
  | "refund_failed"
  | "refund_unconfirmed"
  | "suspense"
  | "dispute"
  | "dispute_hold"
  | "dispute_release"
  | "dispute_fee"
  | "dispute_won"
  | "dispute_lost"
  | "settlement"
  | "clearing"
  | "reserve_released"
  | "payout"
  | "payout_paid"
  | "payout_failed"
  | "transfer"
  | "transfer_sent"
  | "transfer_arrived"
  | "transfer_refused"
  | "payout_returned"
  | "fx_conversion"
  | "fx_reversal"
  | "fx_capture"
  | "fx_return"
  | "fx_return_undone"

/** An immutable journal entry. Its id follows from its cause, so it cannot be written twice. */
export interface JournalEntry {
  readonly id: string
  readonly kind: EntryKind
  readonly paymentId: string
  /** The entry that this one takes back exactly. */
  readonly reverses?: string
  readonly postings: ReadonlyArray<Posting>
}

/** An entry and where it stands in the turns: what the tables say of it. */
export interface Booked {
  readonly entry: JournalEntry
  readonly partition: number
  readonly merchant: string
  readonly seq: number
  readonly at: number
}

export interface Totals {
  postedDebits: bigint
  postedCredits: bigint
  pendingDebits: bigint
  pendingCredits: bigint
}

/** PostgreSQL's own code for a broken check, so that the turn is bisected to the message that caused it. */
const CHECK_VIOLATION = "23514"

/** A turn that would break a promise of the ledger (M1). It does not commit. */
export class Unbalanced extends Error {
  readonly code = CHECK_VIOLATION
}

/** What the entries change, account by account. */
export const changesOf = (
  entries: ReadonlyArray<JournalEntry>
): ReadonlyMap<string, { readonly account: Account; readonly totals: Totals }> => {
  const changes = new Map<string, { account: Account; totals: Totals }>()
  const totalsOf = (account: Account): Totals => {
    const known = changes.get(account.path)
    if (known !== undefined) return known.totals
    const totals = { postedDebits: 0n, postedCredits: 0n, pendingDebits: 0n, pendingCredits: 0n }
    changes.set(account.path, { account, totals })
    return totals
  }
  for (const { postings } of entries) {
    for (const { amount, credit, debit, layer } of postings) {
      const debits = totalsOf(debit)
      const credits = totalsOf(credit)
      if (layer === "posted") {
        debits.postedDebits += amount
        credits.postedCredits += amount
      } else {
        debits.pendingDebits += amount
        credits.pendingCredits += amount
      }
    }
  }
  return changes
}

/** Refuses entries that would not balance per currency, that move nothing, or that post less than nothing. */
export const assertBalanced = (entries: ReadonlyArray<JournalEntry>): void => {
  for (const entry of entries) {
    if (entry.postings.length === 0) throw new Unbalanced(`${entry.id} has no posting`)
    for (const { amount, credit, debit, layer } of entry.postings) {
      if (debit.currency !== credit.currency) {
        throw new Unbalanced(`${entry.id} pairs ${debit.path} with ${credit.path}`)
      }
      if (debit.path === credit.path) throw new Unbalanced(`${entry.id} moves nothing`)
      if (amount === 0n || (layer === "posted" && amount < 0n)) {
        throw new Unbalanced(`${entry.id} posts ${amount}`)
      }
    }
  }
  const differences = new Map<string, bigint>()
  for (const { account, totals } of changesOf(entries).values()) {
    const posted = `${account.currency} posted`
    const pending = `${account.currency} pending`
    differences.set(
      posted,
      (differences.get(posted) ?? 0n) + totals.postedDebits - totals.postedCredits
    )
    differences.set(
      pending,
      (differences.get(pending) ?? 0n) + totals.pendingDebits - totals.pendingCredits
    )
  }
  for (const [what, difference] of differences) {
    if (difference !== 0n) throw new Unbalanced(`${what} would be off by ${difference}`)
  }
}
