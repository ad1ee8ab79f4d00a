import { type Kysely, sql } from "kysely"

/** Finds the quotes of a merchant whose time is over, so that they can go. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql.raw(
    `create index fx_quotes_by_end on fx_quotes (merchant, ((doc ->> 'expires_at')::bigint))`
  ).execute(db)
}
