import { type Kysely, sql } from "kysely"

/** What the fraud actor remembers of customers, devices and addresses. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  // Written with every payment: room in the pages and no index on the document keep updates in place.
  await sql`
    create table fraud_profiles (
      merchant text not null,
      key text not null,
      doc jsonb not null,
      primary key (merchant, key)
    ) with (fillfactor = 75)
  `.execute(db)
}
