import { sql } from "kysely"
import type { Statement } from "../store/database.ts"
import { rowsOf } from "../store/rowsOf.ts"
import type { Account } from "./chart.ts"
import { moveHolds } from "./holds.ts"
import {
  assertBalanced,
  type Booked,
  changesOf,
  type JournalEntry,
  type Totals
} from "./journal.ts"

/**
 * Writes a turn's journal: three statements, however many entries, and the holds it moves. A second entry under one id breaks the primary key and with it the turn (M1).
 */
export const writeJournal = (booked: ReadonlyArray<Booked>): ReadonlyArray<Statement> => {
  if (booked.length === 0) return []
  const entries = booked.map(({ entry }) => entry)
  assertBalanced(entries)
  const journal = sql`
    insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis,
      reverses)
    select * from ${
    rowsOf(booked, {
      id: ["text", ({ entry }) => entry.id],
      merchant: ["text", ({ merchant }) => merchant],
      payment_id: ["text", ({ entry }) => entry.paymentId],
      kind: ["text", ({ entry }) => entry.kind],
      partition: ["int", ({ partition }) => partition],
      seq: ["bigint", ({ seq }) => seq],
      at_millis: ["bigint", ({ at }) => at],
      reverses: ["text", ({ entry }) => entry.reverses]
    })
  } as new`
  const lines = entries.flatMap(({ id, postings }) =>
    postings.map((posting, line) => ({ id, line, ...posting }))
  )
  const postings = sql`
    insert into postings (entry_id, line, layer, debit_account, credit_account, amount, currency)
    select * from ${
    rowsOf(lines, {
      entry_id: ["text", ({ id }) => id],
      line: ["smallint", ({ line }) => line],
      layer: ["text", ({ layer }) => layer],
      debit_account: ["text", ({ debit }) => debit.path],
      credit_account: ["text", ({ credit }) => credit.path],
      amount: ["bigint", ({ amount }) => amount],
      currency: ["text", ({ debit }) => debit.currency]
    })
  } as new`
  return [journal, postings, moveBalances(entries), ...moveHolds(booked)]
}

/**
 * Accounts in one sorted order, and those that are not there yet behind them. Not an insert that turns
 * into an update on conflict: that costs every account a try, and nearly all of them exist.
 */
const moveBalances = (entries: ReadonlyArray<JournalEntry>): Statement => {
  const changes = [...changesOf(entries).values()]
    .sort((left, right) => (left.account.path < right.account.path ? -1 : 1))
  return sql`
    with change as materialized (select * from ${rowsOfChanges(changes)} as rows),
    moved as (
      update accounts set posted_debits = accounts.posted_debits + change.posted_debits,
        posted_credits = accounts.posted_credits + change.posted_credits,
        pending_debits = accounts.pending_debits + change.pending_debits,
        pending_credits = accounts.pending_credits + change.pending_credits,
        version = accounts.version + 1
      from change where accounts.path = change.path
      returning accounts.path)
    insert into accounts (path, merchant, currency, posted_debits, posted_credits, pending_debits,
      pending_credits, version)
    select path, merchant, currency, posted_debits, posted_credits, pending_debits,
      pending_credits, 1
    from change where not exists (select from moved where moved.path = change.path)`
}

type Changes = ReadonlyArray<{ readonly account: Account; readonly totals: Totals }>

const rowsOfChanges = (changes: Changes) =>
  rowsOf(changes, {
    path: ["text", ({ account }) => account.path],
    merchant: ["text", ({ account }) => account.merchant],
    currency: ["text", ({ account }) => account.currency],
    posted_debits: ["numeric", ({ totals }) => totals.postedDebits],
    posted_credits: ["numeric", ({ totals }) => totals.postedCredits],
    pending_debits: ["numeric", ({ totals }) => totals.pendingDebits],
    pending_credits: ["numeric", ({ totals }) => totals.pendingCredits]
  })
