import { type Kysely, sql } from "kysely"

/** Both sides of gateway operations, what was found about them, and the days whose files are whole. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Written once by an event and once by a line: room in the pages keeps the second in place.
    `create table recon_states (
      merchant text not null,
      key text not null,
      doc jsonb not null,
      primary key (merchant, key)
    ) with (fillfactor = 60)`,
    // A file's amounts can be larger than any bigint.
    `create table recon_findings (
      partition integer not null,
      id text collate "C" not null,
      merchant text not null,
      operation text not null,
      finding text not null,
      tag text not null,
      break_kind text,
      waits boolean not null,
      source text not null,
      kind text,
      charge_id text,
      date text collate "C" not null,
      at_millis bigint not null,
      payment_id text,
      expected_amount numeric(38, 0),
      actual_amount numeric(38, 0),
      currency text,
      actual_currency text,
      reason text not null,
      primary key (merchant, operation, finding)
    )`,
    // Matches, nearly all of the table, are not in it.
    `create index recon_findings_open on recon_findings (waits, date, id)
      where break_kind is not null`,
    `create table recon_closes (
      partition integer not null,
      seq bigint not null,
      source text not null,
      date text collate "C" not null,
      at_millis bigint not null,
      primary key (partition, seq)
    )`,
    `create index recon_closes_by_date on recon_closes (source, date, partition)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
