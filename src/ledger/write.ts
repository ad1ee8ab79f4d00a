import { sql } from "kysely"
import type { Trx } from "../store/database.ts"
import type { Account } from "./chart.ts"
import { assertBalanced, changesOf, type JournalEntry, type Totals } from "./journal.ts"

export interface Booked {
  readonly entry: JournalEntry
  readonly partition: number
  readonly merchant: string
  readonly seq: number
  readonly at: number
}

/**
 * Writes a turn's journal: three statements, however many entries. A second entry under one id breaks the primary key and with it the turn (M1).
 */
export const writeJournal = async (trx: Trx, booked: ReadonlyArray<Booked>): Promise<void> => {
  if (booked.length === 0) return
  const entries = booked.map(({ entry }) => entry)
  assertBalanced(entries)
  const journal = sql`
    insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
    select id, merchant, payment_id, kind, partition, seq, at_millis
    from unnest(${entries.map(({ id }) => id)}::text[],
      ${booked.map(({ merchant }) => merchant)}::text[],
      ${entries.map(({ paymentId }) => paymentId)}::text[],
      ${entries.map(({ kind }) => kind)}::text[],
      ${booked.map(({ partition }) => partition)}::int[],
      ${booked.map(({ seq }) => seq)}::bigint[], ${booked.map(({ at }) => at)}::bigint[])
      as new (id, merchant, payment_id, kind, partition, seq, at_millis)`.execute(trx)
  const lines = entries.flatMap(({ id, postings }) =>
    postings.map((posting, line) => ({ id, line, ...posting }))
  )
  const postings = sql`
    insert into postings (entry_id, line, layer, debit_account, credit_account, amount, currency)
    select * from unnest(${lines.map(({ id }) => id)}::text[],
      ${lines.map(({ line }) => line)}::smallint[], ${lines.map(({ layer }) => layer)}::text[],
      ${lines.map(({ debit }) => debit.path)}::text[],
      ${lines.map(({ credit }) => credit.path)}::text[],
      ${lines.map(({ amount }) => amount.toString())}::bigint[],
      ${lines.map(({ debit }) => debit.currency)}::text[])`.execute(trx)
  await Promise.all([journal, postings, moveBalances(trx, entries)])
}

/** Accounts in one sorted order. One statement where all of them exist, which is nearly always. */
const moveBalances = async (trx: Trx, entries: ReadonlyArray<JournalEntry>): Promise<void> => {
  const changes = [...changesOf(entries).values()]
    .sort((left, right) => (left.account.path < right.account.path ? -1 : 1))
  const moved = await sql<{ path: string }>`
    update accounts set posted_debits = accounts.posted_debits + change.posted_debits,
      posted_credits = accounts.posted_credits + change.posted_credits,
      pending_debits = accounts.pending_debits + change.pending_debits,
      pending_credits = accounts.pending_credits + change.pending_credits,
      version = accounts.version + 1
    from ${unnested(changes)} where accounts.path = change.path
    returning accounts.path`.execute(trx)
  if (moved.rows.length === changes.length) return
  const known = new Set(moved.rows.map(({ path }) => path))
  await sql`
    insert into accounts (path, merchant, currency, posted_debits, posted_credits, pending_debits,
      pending_credits, version)
    select path, merchant, currency, posted_debits, posted_credits, pending_debits,
      pending_credits, 1
    from ${unnested(changes.filter(({ account }) => !known.has(account.path)))}`.execute(trx)
}

type Changes = ReadonlyArray<{ readonly account: Account; readonly totals: Totals }>

const unnested = (changes: Changes) =>
  sql`unnest(${changes.map(({ account }) => account.path)}::text[],
      ${changes.map(({ account }) => account.merchant)}::text[],
      ${changes.map(({ account }) => account.currency)}::text[],
      ${changes.map(({ totals }) => totals.postedDebits.toString())}::numeric[],
      ${changes.map(({ totals }) => totals.postedCredits.toString())}::numeric[],
      ${changes.map(({ totals }) => totals.pendingDebits.toString())}::numeric[],
      ${changes.map(({ totals }) => totals.pendingCredits.toString())}::numeric[])
      as change (path, merchant, currency, posted_debits, posted_credits, pending_debits,
        pending_credits)`
