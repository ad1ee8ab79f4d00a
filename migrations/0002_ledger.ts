import { type Kysely, sql } from "kysely"

/** Accounts, journal entries and postings. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Updated by every turn that posts: room in the pages keeps those updates in place.
    `create table accounts (
      path text primary key,
      merchant text not null,
      currency text not null,
      posted_debits numeric(38, 0) not null,
      posted_credits numeric(38, 0) not null,
      pending_debits numeric(38, 0) not null check (pending_debits >= 0),
      pending_credits numeric(38, 0) not null check (pending_credits >= 0),
      version bigint not null
    ) with (fillfactor = 50)`,
    `create index accounts_by_merchant on accounts (merchant, path)`,
    `create table journal_entries (
      id text primary key,
      merchant text not null,
      payment_id text not null,
      kind text not null,
      partition integer not null,
      seq bigint not null,
      at_millis bigint not null
    )`,
    `create index journal_entries_by_payment on journal_entries (payment_id)`,
    `create table postings (
      position bigint generated always as identity,
      entry_id text not null,
      line smallint not null,
      layer text not null check (layer in ('posted', 'pending')),
      debit_account text not null,
      credit_account text not null,
      amount bigint not null check (amount <> 0 and (amount > 0 or layer = 'pending')),
      currency text not null,
      primary key (entry_id, line)
    )`,
    `create index postings_by_debit on postings (debit_account, position)`,
    `create index postings_by_credit on postings (credit_account, position)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
