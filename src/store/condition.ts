import { sql } from "kysely"
import type { Db } from "./database.ts"

interface ServerCondition {
  readonly version: number
  readonly nowMillis: number
  readonly standby: boolean
  readonly settings: Readonly<Record<string, string>>
}

/** What durability rests on, as this connection has it. */
export const serverCondition = async (db: Db): Promise<ServerCondition> => {
  const { rows } = await sql<{ version: string; now: string; standby: boolean }>`
    select current_setting('server_version_num') as version, pg_is_in_recovery() as standby,
      extract(epoch from clock_timestamp()) * 1000 as now`.execute(db)
  const settings = await sql<{ name: string; setting: string }>`
    select name, setting from pg_settings where name in ('fsync', 'synchronous_commit',
      'full_page_writes', 'idle_in_transaction_session_timeout', 'lock_timeout', 'data_checksums',
      'max_connections', 'default_transaction_read_only')`.execute(db)
  const [row] = rows
  return {
    version: Number(row!.version),
    nowMillis: Number(row!.now),
    standby: row!.standby,
    settings: Object.fromEntries(settings.rows.map(({ name, setting }) => [name, setting]))
  }
}

/** Writes and commits something that no table keeps: what a commit waits for is the disk. */
export const commitOnce = async (db: Db): Promise<void> => {
  await sql`select pg_logical_emit_message(true, 'lastro.doctor', 'x')`.execute(db)
}

export interface TableCondition {
  readonly name: string
  readonly bytes: number
  readonly live: number
  readonly dead: number
  readonly inserted: number
  /** This user may read and write it. */
  readonly writable: boolean
}

export const tableConditions = async (db: Db): Promise<ReadonlyArray<TableCondition>> => {
  const { rows } = await sql<Record<string, string> & { name: string; writable: boolean }>`
    select s.relname as name, pg_total_relation_size(s.relid) as bytes, n_live_tup as live,
      n_dead_tup as dead, n_tup_ins as inserted,
      has_table_privilege(s.relid, 'select, insert, update, delete') as writable
    from pg_stat_user_tables s where s.schemaname = 'public'
    order by pg_total_relation_size(s.relid) desc`.execute(db)
  return rows.map(({ bytes, dead, inserted, live, name, writable }) => ({
    name,
    bytes: Number(bytes),
    live: Number(live),
    dead: Number(dead),
    inserted: Number(inserted),
    writable
  }))
}

/** Turns and messages decided in the last `minutes`, and how long there have been any. */
export const recentWork = async (db: Db, minutes: number) => {
  const { rows } = await sql<{ turns: string; messages: string | null }>`
    select count(*) as turns, sum(messages) as messages from turns
    where committed_at > now() - make_interval(mins => ${minutes})`.execute(db)
  return { turns: Number(rows[0]!.turns), messages: Number(rows[0]!.messages ?? 0) }
}

interface CursorCondition {
  readonly family: string
  readonly partition: number
  readonly owner: string
  readonly seq: number
  readonly streamCreated: string
  readonly parked: number
  readonly quarantined: number
  /** The last turn row ends where the cursor stands, with its digest. */
  readonly atItsTurn: boolean
}

export const cursorConditions = async (db: Db): Promise<ReadonlyArray<CursorCondition>> => {
  const { rows } = await sql<{
    family: string
    partition: number
    owner: string
    seq: string
    stream_created: string
    parked: string
    quarantined: string
    at_its_turn: boolean
  }>`
    select c.family, c.partition, c.owner, c.seq, c.stream_created, k.parked, k.quarantined,
      coalesce(t.last_seq = c.seq and t.digest = c.digest, c.seq = 0) as at_its_turn
    from cursors c
    left join lateral (select last_seq, digest from turns t
      where t.family = c.family and t.partition = c.partition
      order by last_seq desc limit 1) t on true
    cross join lateral (select count(*) as parked, count(*) filter (where quarantined) as quarantined
      from parked_keys p where p.family = c.family and p.partition = c.partition) k
    order by c.family, c.partition`.execute(db)
  return rows.map((row) => ({
    family: row.family,
    partition: row.partition,
    owner: row.owner,
    seq: Number(row.seq),
    streamCreated: row.stream_created,
    parked: Number(row.parked),
    quarantined: Number(row.quarantined),
    atItsTurn: row.at_its_turn
  }))
}
