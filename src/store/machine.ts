import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface CursorView {
  readonly family: string
  readonly partition: number
  readonly owner: string
  readonly seq: number
  readonly parked: number
}

/** Every partition as PostgreSQL knows it. */
export const cursors = async (db: Db): Promise<ReadonlyArray<CursorView>> => {
  const { rows } = await sql<CursorView & { seq: string; parked: string }>`
    select c.family, c.partition, c.owner, c.seq::text,
      (select count(*) from parked_keys p
        where p.family = c.family and p.partition = c.partition)::text as parked
    from cursors c order by c.family, c.partition`.execute(db)
  return rows.map((row) => ({ ...row, seq: Number(row.seq), parked: Number(row.parked) }))
}

export interface DeadLetterView {
  readonly id: string
  readonly family: string
  readonly type: string
  readonly merchant: string
  readonly reason: string
  readonly cause: string
  readonly attempts: number
  readonly created_at: string
}

/** Without bodies and headers: they may hold personal data (G17). */
export const openDeadLetters = async (
  db: Db,
  limit: number
): Promise<ReadonlyArray<DeadLetterView>> => {
  const { rows } = await sql<DeadLetterView & { created_at: Date }>`
    select id, family, type, merchant, reason, cause, attempts, created_at
    from dead_letters where status = 'open' order by created_at desc limit ${limit}`.execute(db)
  return rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }))
}

export const ping = async (db: Db): Promise<void> => {
  await sql`select 1`.execute(db)
}
