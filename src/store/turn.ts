import { sql } from "kysely"
import { storable } from "../domain/text.ts"
import type { Trx } from "./database.ts"
import { Fenced, isFence } from "./fence.ts"
import { jsonArray } from "./jsonArray.ts"

export { Fenced }

export interface CursorMove {
  readonly partition: number
  readonly epochBucket: number
  readonly epochRevision: number
  readonly previousSeq: number
  readonly seq: number
  readonly seqAtMillis: number
  readonly clockMillis: number
  readonly digest: Uint8Array
}

/**
 * The compare-and-set that makes turns exclusive. First statement of its database transaction, which
 * it ends where one of the cursors is not where its owner left it.
 */
export const moveCursors = async (
  trx: Trx,
  family: string,
  moves: ReadonlyArray<CursorMove>
): Promise<void> => {
  try {
    await sql`
      with moved as (
        update cursors c set seq = m.seq, seq_at_millis = m.seq_at, clock_millis = m.clock,
          digest = m.digest, backend_pid = pg_backend_pid(), committed_at = now()
        from unnest(${moves.map(({ partition }) => partition)}::int[],
          ${moves.map(({ epochBucket }) => epochBucket)}::bigint[],
          ${moves.map(({ epochRevision }) => epochRevision)}::bigint[],
          ${moves.map(({ previousSeq }) => previousSeq)}::bigint[],
          ${moves.map(({ seq }) => seq)}::bigint[],
          ${moves.map(({ seqAtMillis }) => seqAtMillis)}::bigint[],
          ${moves.map(({ clockMillis }) => clockMillis)}::bigint[],
          ${moves.map(({ digest }) => Buffer.from(digest))}::bytea[])
          as m (partition, bucket, revision, previous, seq, seq_at, clock, digest)
        where c.family = ${family} and c.partition = m.partition
          and c.epoch_bucket = m.bucket and c.epoch_revision = m.revision and c.seq = m.previous
        returning 1
      )
      select 1 / (count(*) = ${moves.length})::int from moved`.execute(trx)
  } catch (error) {
    throw isFence(error)
      ? new Fenced(`${family}-${moves.map(({ partition }) => partition)}: another owner committed`)
      : error
  }
}

export interface TurnRow {
  readonly partition: number
  readonly firstSeq: number
  readonly lastSeq: number
  readonly messages: number
  readonly epochBucket: number
  readonly epochRevision: number
  readonly codeVersion: string
  readonly outbox: string | null
  readonly tails: string
  readonly digest: Uint8Array
}

export const insertTurns = (trx: Trx, family: string, turns: ReadonlyArray<TurnRow>) =>
  sql`
    insert into turns (family, partition, last_seq, first_seq, messages, epoch_bucket,
      epoch_revision, code_version, outbox, tails, digest)
    select ${family}::text, * from unnest(
      ${turns.map(({ partition }) => partition)}::int[],
      ${turns.map(({ lastSeq }) => lastSeq)}::bigint[],
      ${turns.map(({ firstSeq }) => firstSeq)}::bigint[],
      ${turns.map(({ messages }) => messages)}::int[],
      ${turns.map(({ epochBucket }) => epochBucket)}::bigint[],
      ${turns.map(({ epochRevision }) => epochRevision)}::bigint[],
      ${turns.map(({ codeVersion }) => codeVersion)}::text[],
      ${jsonArray(turns.map(({ outbox }) => outbox))}::text[],
      ${jsonArray(turns.map(({ tails }) => tails))}::jsonb[],
      ${turns.map(({ digest }) => Buffer.from(digest))}::bytea[])`.execute(trx)

export interface EventRow {
  readonly merchant: string
  readonly id: string
  readonly type: string
  readonly about: string
  readonly atMillis: number
  readonly json: string
}

export const insertEvents = (trx: Trx, events: ReadonlyArray<EventRow>) =>
  sql`
    insert into events (merchant, id, type, about, at_millis, body)
    select * from unnest(${events.map((event) => event.merchant)}::text[],
      ${events.map((event) => event.id)}::text[], ${events.map((event) => event.type)}::text[],
      ${events.map((event) => event.about)}::text[],
      ${events.map((event) => event.atMillis)}::bigint[],
      ${jsonArray(events.map((event) => event.json))}::jsonb[])`.execute(trx)

export interface DeadLetterRow {
  readonly id: string
  readonly family: string
  readonly partition: number
  readonly seq: number
  readonly subject: string
  readonly merchant: string
  readonly actorKey: string | null
  readonly type: string
  readonly reason: string
  readonly cause: string
  readonly attempts: number
  readonly headers: string
  readonly body: Uint8Array
  readonly atMillis: number
}

/** Bodies are bytes: a NUL in JSON cannot be stored as text, and a dead letter never fails its own commit. */
export const insertDeadLetters = (trx: Trx, rows: ReadonlyArray<DeadLetterRow>) =>
  sql`
    insert into dead_letters (id, family, partition, seq, subject, merchant, actor_key, type,
      reason, cause, attempts, headers, body, message_at)
    select id, family, partition, seq, subject, merchant, actor_key, type, reason, cause, attempts,
      headers, body, to_timestamp(at_millis / 1000.0)
    from unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.family)}::text[],
      ${rows.map((row) => row.partition)}::int[], ${rows.map((row) => row.seq)}::bigint[],
      ${rows.map((row) => storable(row.subject))}::text[],
      ${rows.map((row) => storable(row.merchant))}::text[],
      ${rows.map((row) => row.actorKey)}::text[], ${rows.map((row) => storable(row.type))}::text[],
      ${rows.map((row) => row.reason)}::text[], ${rows.map((row) => storable(row.cause))}::text[],
      ${rows.map((row) => row.attempts)}::int[], ${rows.map((row) => row.headers)}::jsonb[],
      ${rows.map((row) => Buffer.from(row.body))}::bytea[],
      ${rows.map((row) => row.atMillis)}::bigint[])
      as r (id, family, partition, seq, subject, merchant, actor_key, type, reason, cause,
        attempts, headers, body, at_millis)
    on conflict (id) do update set attempts = excluded.attempts, status = 'open'`.execute(trx)

export const saveConfig = (
  trx: Trx,
  family: string,
  partition: number,
  version: number,
  json: string
) =>
  sql`
    insert into actor_configs (family, partition, version, doc)
    values (${family}, ${partition}, ${version}, ${json}::jsonb)
    on conflict (family, partition) do update set version = excluded.version, doc = excluded.doc`
    .execute(trx)
