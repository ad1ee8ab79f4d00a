import { type Kysely, sql } from "kysely"

/** Merchants that somebody has, each written by its own partition. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table merchants (
      merchant text not null,
      id text not null,
      created_millis bigint not null,
      doc jsonb not null,
      primary key (merchant, id)
    )`,
    // The edge asks whether somebody holds a key of a merchant that money is sent to.
    `create index api_keys_by_merchant on api_keys (merchant)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
