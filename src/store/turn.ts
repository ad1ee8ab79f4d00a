import { sql } from "kysely"
import { storable } from "../domain/text.ts"
import type { Trx } from "./database.ts"
import { Fenced, isFence } from "./fence.ts"
import { jsonArray } from "./jsonArray.ts"

export { Fenced }

export interface CursorMove {
  readonly family: string
  readonly partition: number
  readonly epochBucket: number
  readonly epochRevision: number
  readonly previousSeq: number
  readonly seq: number
  readonly seqAtMillis: number
  readonly clockMillis: number
  readonly digest: Uint8Array
}

/** The compare-and-set that makes a turn exclusive. First statement of its database transaction. */
export const moveCursor = async (trx: Trx, move: CursorMove): Promise<void> => {
  try {
    await sql`
      with moved as (
        update cursors set seq = ${move.seq}, seq_at_millis = ${move.seqAtMillis},
          clock_millis = ${move.clockMillis}, digest = ${Buffer.from(move.digest)},
          backend_pid = pg_backend_pid(), committed_at = now()
        where family = ${move.family} and partition = ${move.partition}
          and epoch_bucket = ${move.epochBucket} and epoch_revision = ${move.epochRevision}
          and seq = ${move.previousSeq}
        returning 1
      )
      select 1 / count(*) from moved`.execute(trx)
  } catch (error) {
    throw isFence(error)
      ? new Fenced(`${move.family}-${move.partition}: another owner committed`)
      : error
  }
}

export interface TurnRow {
  readonly family: string
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

export const insertTurn = (trx: Trx, turn: TurnRow) =>
  sql`
    insert into turns (family, partition, last_seq, first_seq, messages, epoch_bucket,
      epoch_revision, code_version, outbox, tails, digest)
    values (${turn.family}, ${turn.partition}, ${turn.lastSeq}, ${turn.firstSeq}, ${turn.messages},
      ${turn.epochBucket}, ${turn.epochRevision}, ${turn.codeVersion}, ${turn.outbox},
      ${turn.tails}::jsonb, ${Buffer.from(turn.digest)})`.execute(trx)

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
