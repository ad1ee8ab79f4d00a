import { type Kysely, sql } from "kysely"

/** By its transaction a turn finds the rows of its events, so that its outbox need not hold them once more. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql`alter table turns add column transaction_id xid8`.execute(db)
  // Apart: those that are there get none.
  await sql`alter table turns alter column transaction_id set default pg_current_xact_id()`
    .execute(db)
}
