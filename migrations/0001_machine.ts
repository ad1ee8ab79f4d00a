import { type Kysely, sql } from "kysely"

/** The machine's own tables: cursors, turns, parked keys, dead letters, events, configuration. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // One row per partition, updated every turn: half-empty pages keep those updates in place.
    `create table cursors (
      family text not null,
      partition integer not null,
      epoch_bucket bigint not null,
      epoch_revision bigint not null,
      owner text not null,
      backend_pid integer,
      seq bigint not null,
      seq_at_millis bigint not null,
      clock_millis bigint not null,
      stream_created text not null,
      digest bytea not null,
      committed_at timestamptz not null default now(),
      primary key (family, partition)
    ) with (fillfactor = 50)`,
    `create table turns (
      family text not null,
      partition integer not null,
      last_seq bigint not null,
      first_seq bigint not null,
      messages integer not null,
      epoch_bucket bigint not null,
      epoch_revision bigint not null,
      code_version text not null,
      outbox text,
      tails jsonb not null,
      digest bytea not null,
      committed_at timestamptz not null default now(),
      primary key (family, partition, last_seq)
    )`,
    // Compressing an outbox on every turn costs more time than its bytes cost.
    `alter table turns alter column outbox set storage external`,
    `create table events (
      position bigint generated always as identity primary key,
      transaction_id xid8 not null default pg_current_xact_id(),
      merchant text not null,
      id text not null,
      type text not null,
      about text not null,
      at_millis bigint not null,
      body jsonb not null
    )`,
    // A reader follows (transaction, position): positions alone commit out of order.
    `create index events_by_merchant on events (merchant, transaction_id, position)`,
    `create index events_by_about on events (about)`,
    `create table dead_letters (
      id text primary key,
      family text not null,
      partition integer not null,
      seq bigint not null,
      subject text not null,
      merchant text not null,
      actor_key text,
      type text not null,
      reason text not null,
      cause text not null,
      attempts integer not null,
      headers jsonb not null,
      body bytea not null,
      message_at timestamptz not null,
      created_at timestamptz not null default now(),
      status text not null default 'open'
    )`,
    `create index dead_letters_by_time on dead_letters (created_at desc)`,
    `create table parked_keys (
      family text not null,
      partition integer not null,
      merchant text not null,
      actor_key text not null,
      attempts integer not null,
      quarantined boolean not null,
      reason text not null,
      wake_at_millis bigint not null,
      primary key (family, partition, merchant, actor_key)
    )`,
    `create table parked_messages (
      family text not null,
      partition integer not null,
      merchant text not null,
      actor_key text not null,
      seq bigint not null,
      subject text not null,
      at_millis bigint not null,
      headers jsonb not null,
      body bytea not null,
      primary key (family, partition, merchant, actor_key, seq)
    )`,
    `create table actor_configs (
      family text not null,
      partition integer not null,
      version bigint not null,
      doc jsonb not null,
      primary key (family, partition)
    )`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
