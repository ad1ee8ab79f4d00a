import { type Kysely, sql } from "kysely"

/** Transfers between wallets: each merchant's side is a row of its own. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table transfers (
      merchant text not null,
      id text not null,
      created_millis bigint not null,
      doc jsonb not null,
      primary key (merchant, id)
    ) with (fillfactor = 70)`,
    `create index transfers_by_merchant on transfers (merchant, created_millis desc, id desc)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
