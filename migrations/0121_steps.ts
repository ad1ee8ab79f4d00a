import { type Kysely, sql } from "kysely"

/**
 * What one message sets off within its partition is decided in its turn, step by step, so what is named by
 * a place also names the step. 0 is the letter that stands in the mailbox itself.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  for (
    const statement of [
      `alter table parked_messages add column step int not null default 0`,
      `alter table parked_messages drop constraint parked_messages_pkey`,
      `alter table parked_messages
        add primary key (family, partition, merchant, actor_key, seq, part, step)`,
      `alter table recon_closes add column step int not null default 0`,
      `alter table recon_closes drop constraint recon_closes_pkey`,
      `alter table recon_closes add primary key (partition, seq, part, step)`,
      `alter table dead_letters add column step int not null default 0`,
      `drop index dead_letters_by_place`,
      `create index dead_letters_by_place on dead_letters (family, partition, seq, part, step)`
    ]
  ) await sql.raw(statement).execute(db)
}
