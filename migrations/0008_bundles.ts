import { type Kysely, sql } from "kysely"

/** Messages of one bundle share its sequence, so what is named by a sequence also names the part. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `alter table parked_messages add column part smallint not null default 0`,
    `alter table parked_messages drop constraint parked_messages_pkey`,
    `alter table parked_messages
      add primary key (family, partition, merchant, actor_key, seq, part)`,
    `alter table parked_keys add column waits_for jsonb`,
    `alter table recon_closes add column part smallint not null default 0`,
    `alter table recon_closes drop constraint recon_closes_pkey`,
    `alter table recon_closes add primary key (partition, seq, part)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
