import { type Kysely, sql } from "kysely"

/** What can be paid to whom, and the payouts. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Written by every settlement of a payment of its owner: room keeps those updates in place.
    `create table balances (
      merchant text not null,
      id text not null,
      doc jsonb not null,
      primary key (merchant, id)
    ) with (fillfactor = 60)`,
    `create table payouts (
      id text primary key,
      merchant text not null,
      status text not null,
      created_millis bigint not null,
      doc jsonb not null
    ) with (fillfactor = 70)`,
    `create index payouts_by_merchant on payouts (merchant, created_millis desc, id desc)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
