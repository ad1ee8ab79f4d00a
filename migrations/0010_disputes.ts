import { type Kysely, sql } from "kysely"

/** Disputes as a list of their own, and what a journal entry takes back. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table disputes (
      payment_id text not null,
      dispute_id text not null,
      merchant text not null,
      currency text not null,
      status text not null,
      opened_millis bigint not null,
      doc jsonb not null,
      primary key (payment_id, dispute_id)
    )`,
    `create index disputes_by_merchant
      on disputes (merchant, opened_millis desc, payment_id desc, dispute_id desc)`,
    // The entry that this one takes back; null for all others.
    `alter table journal_entries add column reverses text`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
