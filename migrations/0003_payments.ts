import { type Kysely, sql } from "kysely"

/** Payments, what they wait for, and those held for a person. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Written several times in a payment's first second. No index holds what changes.
    `create table payments (
      id text primary key,
      merchant text not null,
      status text not null,
      created_millis bigint not null,
      doc jsonb not null
    ) with (fillfactor = 60)`,
    `create index payments_by_merchant on payments (merchant, created_millis desc, id desc)`,
    // A block-range index costs nearly nothing to write and does not stop updates in place.
    `create index payments_by_time on payments using brin (created_millis)`,
    `create table payment_wakes (
      timer text primary key,
      partition integer not null,
      merchant text not null,
      payment_id text not null,
      due_millis bigint not null
    )`,
    `create index payment_wakes_by_due on payment_wakes (partition, due_millis)`,
    `create table payment_reviews (
      payment_id text primary key,
      merchant text not null,
      opened_millis bigint not null
    )`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
