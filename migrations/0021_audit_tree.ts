import { type Kysely, sql } from "kysely"

/** A Merkle tree over the journal in the order of its commits, and its signed checkpoints. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Positions of several writers commit out of order; a transaction's number says when all before it are over.
    `alter table journal_entries
      add column transaction_id xid8 not null default pg_current_xact_id()`,
    `create index journal_entries_by_commit on journal_entries (transaction_id, id)`,
    `create table audit_tree (
      singleton boolean primary key default true check (singleton),
      size bigint not null,
      frontier bytea not null,
      last_transaction xid8 not null,
      last_id text not null
    )`,
    `insert into audit_tree (size, frontier, last_transaction, last_id) values (0, '', '0', '')`,
    // 256 leaves a row: a leaf costs a few bytes where a row of its own would cost 150 and two indexes.
    `create table audit_tiles (
      index bigint primary key,
      entry_ids text[] not null,
      hashes bytea not null,
      last_transaction xid8 not null,
      last_id text not null
    ) with (fillfactor = 50)`,
    `create index audit_tiles_by_commit on audit_tiles (last_transaction, last_id)`,
    // Roots of 256, 65,536 … leaves: what a proof would otherwise have to hash again.
    `create table audit_roots (
      level smallint not null,
      index bigint not null,
      hash bytea not null,
      primary key (level, index)
    )`,
    `create table audit_checkpoints (
      size bigint primary key,
      note text not null
    )`,
    `create table audit_keys (
      verifier_key text primary key,
      since_size bigint not null
    )`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
