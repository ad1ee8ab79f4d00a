import { Schema } from "effect"
import { sql } from "kysely"
import type { Db } from "./database.ts"

/** By target: sequence and emission of the last message that a source wrote there. */
type StoredTails = Readonly<
  Record<string, readonly [seq: number, causeSeq: number, ordinal: number]>
>

/** How far a partition was compared: its last turn, and what that still owed its targets. */
export interface MeterPosition {
  readonly family: string
  readonly partition: number
  readonly firstSeq: number
  readonly seq: number
  readonly tails: StoredTails
  /** Null where the turn is older than the counting. */
  readonly owed: Readonly<Record<string, number>> | null
  readonly messages: number
  readonly outputs: number
  readonly cursorSeq: number
  /** Hexadecimal. */
  readonly cursorDigest: string
}

/** Every partition that has a cursor, the longest unsampled first. */
export const meterPositions = async (db: Db): Promise<ReadonlyArray<MeterPosition>> => {
  const { rows } = await sql<{
    family: string
    partition: number
    first_seq: string | null
    seq: string | null
    tails: StoredTails | null
    owed: Record<string, number> | null
    messages: string | null
    outputs: string | null
    cursor_seq: string
    cursor_digest: string
  }>`
    select c.family, c.partition, m.first_seq, m.seq, m.tails, m.owed, m.messages, m.outputs,
      c.seq as cursor_seq, encode(c.digest, 'hex') as cursor_digest
    from cursors c left join meter_positions m using (family, partition)
    order by m.sampled_at nulls first, c.family, c.partition`.execute(db)
  return rows.map((row) => ({
    family: row.family,
    partition: row.partition,
    firstSeq: Number(row.first_seq ?? 0),
    seq: Number(row.seq ?? 0),
    tails: row.tails ?? {},
    // Before its first turn a partition owes nothing.
    owed: row.seq === null ? {} : row.owed,
    messages: Number(row.messages ?? 0),
    outputs: Number(row.outputs ?? 0),
    cursorSeq: Number(row.cursor_seq),
    cursorDigest: row.cursor_digest
  }))
}

export interface MeteredTurn {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly messages: number
  readonly tails: StoredTails
  readonly emitted: Readonly<Record<string, number>> | null
  readonly digest: string
}

export const turnsAfter = async (
  db: Db,
  { cursorSeq, family, partition, seq }: MeterPosition,
  limit: number
): Promise<ReadonlyArray<MeteredTurn>> => {
  const { rows } = await sql<{
    first_seq: string
    last_seq: string
    messages: number
    tails: StoredTails
    emitted: Record<string, number> | null
    digest: string
  }>`
    select first_seq, last_seq, messages, tails, emitted, encode(digest, 'hex') as digest
    from turns where family = ${family} and partition = ${partition}
      and last_seq > ${seq} and last_seq <= ${cursorSeq}
    order by last_seq limit ${limit}`.execute(db)
  return rows.map((row) => ({
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    messages: row.messages,
    tails: row.tails,
    emitted: row.emitted,
    digest: row.digest
  }))
}

/** One meter writes at a time, and only forward: a former holder of the office changes nothing. */
export const savePosition = async (
  db: Db,
  from: number,
  to: Omit<MeterPosition, "cursorSeq" | "cursorDigest">
): Promise<void> => {
  await sql`
    insert into meter_positions (family, partition, first_seq, seq, tails, owed, messages, outputs)
    values (${to.family}, ${to.partition}, ${to.firstSeq}, ${to.seq},
      ${JSON.stringify(to.tails)}::jsonb,
      ${to.owed === null ? null : JSON.stringify(to.owed)}::jsonb, ${to.messages}, ${to.outputs})
    on conflict (family, partition) do update set first_seq = excluded.first_seq,
      seq = excluded.seq, tails = excluded.tails, owed = excluded.owed,
      messages = excluded.messages, outputs = excluded.outputs, sampled_at = now()
      where meter_positions.seq = ${from}`.execute(db)
}

const MeterAlarm = Schema.Struct({
  kind: Schema.Literals(["gap", "repeat"]),
  /** Where it was found: a stream and a sequence. */
  place: Schema.String,
  detail: Schema.String
})
export type MeterAlarm = typeof MeterAlarm.Type

/** An alarm stays until a person has looked; the same one found again changes nothing. */
export const raiseAlarms = async (
  db: Db,
  family: string,
  partition: number,
  alarms: ReadonlyArray<MeterAlarm>
): Promise<void> => {
  await sql`
    insert into meter_alarms (family, partition, kind, place, detail)
    select ${family}::text, ${partition}::int, * from unnest(
      ${alarms.map(({ kind }) => kind)}::text[], ${alarms.map(({ place }) => place)}::text[],
      ${alarms.map(({ detail }) => detail)}::text[])
    on conflict do nothing`.execute(db)
}

export const MeterReading = Schema.Struct({
  /** Messages compared with turns, and messages compared on their targets. */
  messages: Schema.Int,
  outputs: Schema.Int,
  /** Partitions with turns that are not compared yet. */
  behind: Schema.Int,
  /** Age of the latest comparison; null before the first. */
  sampled_seconds_ago: Schema.NullOr(Schema.Int),
  gaps: Schema.Int,
  repeats: Schema.Int,
  alarms: Schema.Array(
    Schema.Struct({
      ...MeterAlarm.fields,
      family: Schema.String,
      partition: Schema.Int,
      found_at: Schema.String
    })
  )
}).annotate({ identifier: "MeterReading" })
export type MeterReading = typeof MeterReading.Type

/** Enough to see what it is about; the table has them all. */
const ALARMS_SHOWN = 10

export const meterReading = async (db: Db): Promise<MeterReading> => {
  const totals = await sql<Record<string, string | null>>`
    select coalesce(sum(m.messages), 0) as messages, coalesce(sum(m.outputs), 0) as outputs,
      extract(epoch from now() - max(m.sampled_at)) as age,
      (select count(*) from cursors c left join meter_positions m using (family, partition)
        where c.seq > coalesce(m.seq, 0)) as behind,
      (select count(*) from meter_alarms where kind = 'gap') as gaps,
      (select count(*) from meter_alarms where kind = 'repeat') as repeats
    from meter_positions m`.execute(db)
  const alarms = await sql<
    Omit<MeterReading["alarms"][number], "found_at"> & { found_at: Date }
  >`
    select family, partition, kind, place, detail, found_at from meter_alarms
    order by id desc limit ${ALARMS_SHOWN}`.execute(db)
  const row = totals.rows[0]!
  return {
    messages: Number(row["messages"]),
    outputs: Number(row["outputs"]),
    behind: Number(row["behind"]),
    sampled_seconds_ago: row["age"] === null ? null : Math.round(Number(row["age"])),
    gaps: Number(row["gaps"]),
    repeats: Number(row["repeats"]),
    alarms: alarms.rows.map((one) => ({ ...one, found_at: one.found_at.toISOString() }))
  }
}

/** Partitions whose turn rows no longer add up to what was compared: rows were deleted afterwards. */
export const meteredTurnsMissing = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ place: string }>`
    select m.family || '-' || m.partition as place
    from meter_positions m
    where m.messages > (select coalesce(sum(t.messages), 0) from turns t
      where t.family = m.family and t.partition = m.partition and t.last_seq <= m.seq)`.execute(db)
  return rows.map(({ place }) => place)
}
