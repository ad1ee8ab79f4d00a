import { sql } from "kysely"
import type { Db, Trx } from "./database.ts"
import { type ParkedKeyRow, parkedKeys } from "./parked.ts"

export interface Cursor {
  readonly seq: number
  readonly clockMillis: number
  readonly streamCreated: string
  /** Hexadecimal. */
  readonly digest: string
}

export interface LastTurn {
  readonly lastSeq: number
  readonly outbox: string | null
  readonly tails: unknown
  /** Of the rows of its events. Rows of an earlier version hold those whole, and have none. */
  readonly transactionId: string | null
}

/** Who wants to own a partition, and under which epoch. */
export interface Claim {
  readonly mailbox: string
  readonly families: ReadonlyArray<string>
  readonly partition: number
  readonly bucketMillis: number
  readonly revision: number
  readonly owner: string
  /** How many each mailbox has, by what this worker was told. */
  readonly partitions: number
}

/** What an owner begins with. */
export interface TakenOver {
  readonly cursor: Cursor
  readonly lastTurn: LastTurn | undefined
  /** By family. */
  readonly configs: ReadonlyMap<string, StoredConfig>
  readonly parked: ReadonlyArray<ParkedKeyRow>
}

/**
 * Raises the partition's epoch and reads what its owner begins with. From here on the former owner's
 * commits fail. Undefined where the stored epoch is not below ours (somebody newer owns the partition,
 * or the bucket was restored), or where the partition has no cursor yet.
 *
 * All statements are sent at once and answered in one round trip; each sees what the update waited for.
 */
export const takeOver = async (trx: Trx, claim: Claim): Promise<TakenOver | undefined> => {
  const { families, mailbox, owner, partition } = claim
  const [, , cursor, turn, configs, parked] = await Promise.all([
    reckon(trx, claim.partitions),
    endFormerTurn(trx, mailbox, partition, owner),
    raiseEpoch(trx, claim),
    lastTurn(trx, mailbox, partition),
    storedConfigs(trx, families, partition),
    parkedKeys(trx, families, partition)
  ])
  return cursor && { cursor, lastTurn: turn, configs, parked }
}

/**
 * Says what this worker reckons with, for as long as the database transaction lasts: with another number
 * than the deployment's nobody raises an epoch (migration 0066). The first of all writes it down.
 */
const reckon = (trx: Trx, partitions: number) =>
  sql`
    with recorded as (
      insert into deployment (partitions) values (${partitions}) on conflict do nothing
    )
    select set_config('lastro.partitions', ${String(partitions)}, true)`.execute(trx)

/** The cursor of a partition that nobody ever owned; nothing where there is one. */
export const beginCursor = async (
  db: Db,
  mailbox: string,
  partition: number,
  streamCreated: string
): Promise<void> => {
  await sql`
    insert into cursors (family, partition, epoch_bucket, epoch_revision, owner, seq, seq_at_millis,
      clock_millis, stream_created, digest)
    values (${mailbox}, ${partition}, 0, 0, '', 0, 0, 0, ${streamCreated}, '')
    on conflict do nothing`.execute(db)
}

const raiseEpoch = async (trx: Trx, claim: Claim): Promise<Cursor | undefined> => {
  const { rows } = await sql<{
    seq: string
    clock_millis: string
    stream_created: string
    digest: string
  }>`
    update cursors set epoch_bucket = ${claim.bucketMillis}, epoch_revision = ${claim.revision},
      owner = ${claim.owner}
    where family = ${claim.mailbox} and partition = ${claim.partition}
      and (epoch_bucket, epoch_revision) < (${claim.bucketMillis}::bigint, ${claim.revision}::bigint)
    returning seq, clock_millis, stream_created, encode(digest, 'hex') as digest`.execute(trx)
  const row = rows[0]
  return row === undefined ? undefined : {
    seq: Number(row.seq),
    clockMillis: Number(row.clock_millis),
    streamCreated: row.stream_created,
    digest: row.digest
  }
}

/**
 * A frozen former owner may sit in an open database transaction that holds the cursor row. Its
 * connection is ended, so that taking over does not wait for the server's own time-out. The row tells
 * the connection of the last turn, and by `xmax` the transaction that is changing it now.
 */
const endFormerTurn = (trx: Trx, mailbox: string, partition: number, owner: string) =>
  sql`
    select pg_terminate_backend(a.pid)
    from cursors c join pg_stat_activity a on a.pid = c.backend_pid or a.backend_xid = c.xmax
    where c.family = ${mailbox} and c.partition = ${partition} and c.owner <> ${owner}
      and a.application_name like 'lastro%' and a.state = 'idle in transaction'
      and a.xact_start < now() - interval '500 milliseconds'`.execute(trx)

const lastTurn = async (
  trx: Trx,
  mailbox: string,
  partition: number
): Promise<LastTurn | undefined> => {
  const { rows } = await sql<{
    last_seq: string
    outbox: string | null
    tails: unknown
    transaction_id: string | null
  }>`
    select last_seq, outbox, tails, transaction_id from turns
    where family = ${mailbox} and partition = ${partition}
    order by last_seq desc limit 1`.execute(trx)
  const row = rows[0]
  return row && {
    lastSeq: Number(row.last_seq),
    outbox: row.outbox,
    tails: row.tails,
    transactionId: row.transaction_id
  }
}

export interface StoredCursor {
  readonly seq: number
  readonly epochBucket: number
  readonly epochRevision: number
}

export const storedCursor = async (
  db: Db,
  mailbox: string,
  partition: number
): Promise<StoredCursor | undefined> => {
  const { rows } = await sql<{ seq: string; epoch_bucket: string; epoch_revision: string }>`
    select seq, epoch_bucket, epoch_revision from cursors
    where family = ${mailbox} and partition = ${partition}`.execute(db)
  const row = rows[0]
  return row && {
    seq: Number(row.seq),
    epochBucket: Number(row.epoch_bucket),
    epochRevision: Number(row.epoch_revision)
  }
}

export interface StoredConfig {
  readonly version: number
  readonly doc: unknown
}

const storedConfigs = async (
  trx: Trx,
  families: ReadonlyArray<string>,
  partition: number
): Promise<ReadonlyMap<string, StoredConfig>> => {
  const { rows } = await sql<{ family: string; version: string; doc: unknown }>`
    select family, version, doc from actor_configs
    where family = any(${families}) and partition = ${partition}`.execute(trx)
  return new Map(
    rows.map(({ doc, family, version }) => [family, { version: Number(version), doc }])
  )
}

/** The configuration each partition of a family has taken, by partition. */
export const latestConfigs = async (db: Db, family: string) => {
  const { rows } = await sql<{ partition: number; version: string; doc: unknown }>`
    select partition, version, doc from actor_configs where family = ${family}`.execute(db)
  return new Map(
    rows.map((row) => [row.partition, { version: Number(row.version), doc: row.doc }])
  )
}
