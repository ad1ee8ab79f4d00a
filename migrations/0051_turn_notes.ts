import { type Kysely, sql } from "kysely"

/**
 * What a turn's decisions rested on beside its messages and states: loads that failed, data PostgreSQL
 * refused, woken keys given fewer letters. Nearly always nothing; without it a replay could not know.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table turns add column notes jsonb`.execute(db)
}
