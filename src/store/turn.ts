import { sql } from "kysely"
import type { Db, Statement } from "./database.ts"
import { rowsOf } from "./rowsOf.ts"

export interface CursorMove {
  readonly partition: number
  readonly epochBucket: number
  readonly epochRevision: number
  readonly previousSeq: number
  readonly seq: number
  readonly seqAtMillis: number
  readonly clockMillis: number
  /** Hexadecimal. */
  readonly digest: string
}

/**
 * The compare-and-set that makes turns exclusive. First statement of its database transaction, which
 * it ends where one of the cursors is not where its owner left it.
 */
export const moveCursors = (mailbox: string, moves: ReadonlyArray<CursorMove>): Statement =>
  sql`
    with moved as (
      update cursors c set seq = m.seq, seq_at_millis = m.seq_at, clock_millis = m.clock,
        digest = m.digest, backend_pid = pg_backend_pid(), committed_at = now()
      from ${
    rowsOf(moves, {
      partition: ["int", ({ partition }) => partition],
      bucket: ["bigint", ({ epochBucket }) => epochBucket],
      revision: ["bigint", ({ epochRevision }) => epochRevision],
      previous: ["bigint", ({ previousSeq }) => previousSeq],
      seq: ["bigint", ({ seq }) => seq],
      seq_at: ["bigint", ({ seqAtMillis }) => seqAtMillis],
      clock: ["bigint", ({ clockMillis }) => clockMillis],
      digest: ["bytea", ({ digest }) => `\\x${digest}`]
    })
  } as m
      where c.family = ${mailbox} and c.partition = m.partition
        and c.epoch_bucket = m.bucket and c.epoch_revision = m.revision and c.seq = m.previous
      returning 1
    )
    select 1 / (count(*) = ${moves.length})::int from moved`

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
  /** Messages appended to each target, as JSON. */
  readonly emitted: string
  /** What a replay has to be told, as JSON; null where there is nothing. */
  readonly notes: string | null
  /** Hexadecimal. */
  readonly digest: string
}

export const insertTurns = (mailbox: string, turns: ReadonlyArray<TurnRow>): Statement =>
  sql`
    insert into turns (family, partition, last_seq, first_seq, messages, epoch_bucket,
      epoch_revision, code_version, outbox, tails, emitted, notes, digest)
    select ${mailbox}::text, * from ${
    rowsOf(turns, {
      partition: ["int", ({ partition }) => partition],
      last_seq: ["bigint", ({ lastSeq }) => lastSeq],
      first_seq: ["bigint", ({ firstSeq }) => firstSeq],
      messages: ["int", ({ messages }) => messages],
      epoch_bucket: ["bigint", ({ epochBucket }) => epochBucket],
      epoch_revision: ["bigint", ({ epochRevision }) => epochRevision],
      code_version: ["text", ({ codeVersion }) => codeVersion],
      outbox: ["text", ({ outbox }) => outbox],
      tails: ["json", ({ tails }) => tails],
      emitted: ["json", ({ emitted }) => emitted],
      notes: ["json", ({ notes }) => notes],
      digest: ["bytea", ({ digest }) => `\\x${digest}`]
    })
  } as new`

export interface EventRow {
  readonly merchant: string
  readonly id: string
  readonly type: string
  readonly about: string
  readonly atMillis: number
  readonly json: string
}

export const insertEvents = (events: ReadonlyArray<EventRow>): Statement =>
  sql`
    insert into events (merchant, id, type, about, at_millis, body)
    select * from ${
    rowsOf(events, {
      merchant: ["text", ({ merchant }) => merchant],
      id: ["text", ({ id }) => id],
      type: ["text", ({ type }) => type],
      about: ["text", ({ about }) => about],
      at_millis: ["bigint", ({ atMillis }) => atMillis],
      body: ["json", ({ json }) => json]
    })
  } as new`

/** What one database transaction wrote of these merchants' events, each letter of it. */
export const eventsOf = async (
  db: Db,
  transactionId: string,
  merchants: ReadonlyArray<string>
): Promise<ReadonlyArray<EventRow>> => {
  const { rows } = await sql<Omit<EventRow, "atMillis"> & { at_millis: string }>`
    select merchant, id, type, about, at_millis, body::text as json from events
    where merchant = any(${merchants}::text[]) and transaction_id = ${transactionId}::xid8`
    .execute(db)
  return rows.map(({ at_millis, ...row }) => ({ ...row, atMillis: Number(at_millis) }))
}

export interface ConfigRow {
  readonly family: string
  readonly partition: number
  readonly version: number
  readonly json: string
}

export const saveConfig = ({ family, json, partition, version }: ConfigRow): Statement =>
  sql`
    insert into actor_configs (family, partition, version, doc)
    values (${family}, ${partition}, ${version}, ${json}::jsonb)
    on conflict (family, partition) do update set version = excluded.version, doc = excluded.doc`
