import { type Kysely, sql } from "kysely"

/** Quotes of what one currency is worth in another, and the conversions made at them. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table fx_quotes (
      merchant text not null,
      id text not null,
      created_millis bigint not null,
      doc jsonb not null,
      primary key (merchant, id)
    ) with (fillfactor = 70)`,
    `create table fx_conversions (
      merchant text not null,
      id text not null,
      created_millis bigint not null,
      doc jsonb not null,
      primary key (merchant, id)
    ) with (fillfactor = 70)`,
    `create index fx_conversions_by_merchant
      on fx_conversions (merchant, created_millis desc, id desc)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
