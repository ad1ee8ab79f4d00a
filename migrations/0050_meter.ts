import { type Kysely, sql } from "kysely"

/** What the exactly-once meter compares, how far it is, and what it found. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // How many messages a turn appends to each target: with the tails that the next turn records,
    // what must be on every target is known without reading an outbox.
    `alter table turns add column emitted jsonb`,
    `create table meter_positions (
      family text not null,
      partition integer not null,
      first_seq bigint not null,
      seq bigint not null,
      tails jsonb not null,
      owed jsonb,
      messages bigint not null,
      outputs bigint not null,
      sampled_at timestamptz not null default now(),
      primary key (family, partition)
    ) with (fillfactor = 50)`,
    `create table meter_alarms (
      id bigint generated always as identity primary key,
      family text not null,
      partition integer not null,
      kind text not null check (kind in ('gap', 'repeat')),
      place text not null,
      detail text not null,
      found_at timestamptz not null default now(),
      unique (family, partition, kind, place)
    )`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
