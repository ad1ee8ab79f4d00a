import { type Kysely, sql } from "kysely"

/** Commands that were refused and made nothing, so that they are refused again. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table refused_commands (
      merchant text not null,
      id text not null,
      partition integer not null,
      until_millis bigint not null,
      doc jsonb not null,
      primary key (merchant, id)
    )`,
    `create index refused_commands_by_end on refused_commands (partition, until_millis)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
