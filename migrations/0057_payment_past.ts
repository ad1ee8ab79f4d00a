import { type Kysely, sql } from "kysely"

/**
 * What is over of a payment and has left its document: commands, attempts, refunds, settlements. The
 * keys of one payment begin with its identifier, so they are found by the primary key, byte by byte.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  await sql.raw(
    `create table payment_past (
      merchant text not null,
      id text collate "C" not null,
      doc jsonb not null,
      primary key (merchant, id)
    )`
  ).execute(db)
}
