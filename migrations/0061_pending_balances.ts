import { type Kysely, sql } from "kysely"

/** Finds a merchant's pending accounts by the names of their balances, which are paged in that order. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql.raw(
    `create index accounts_pending on accounts (merchant, (
        'balance:' || currency || case when split_part(path, ':', 4) = 'recipient'
          then ':' || split_part(path, ':', 5) else '' end
      ))
      where path like 'liabilities:merchant:%'
        and (split_part(path, ':', 4) = 'pending' or split_part(path, ':', 6) = 'pending')`
  ).execute(db)
}
