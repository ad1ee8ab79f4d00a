import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface CursorView {
  readonly mailbox: string
  readonly partition: number
  /** Who took it over last; whether it still holds the lease only the bus knows. */
  readonly owner: string
  readonly epoch: number
  readonly seq: number
}

/** Every partition, and the keys that it has set aside. */
export const machineNow = async (db: Db) => ({
  cursors: await cursors(db),
  aside: await keysCounted(db)
})

/** Every partition as PostgreSQL knows it. */
export const cursors = async (db: Db): Promise<ReadonlyArray<CursorView>> => {
  const { rows } = await sql<Omit<CursorView, "seq" | "epoch"> & { seq: string; epoch: string }>`
    select family as mailbox, partition, owner, epoch_revision::text as epoch, seq::text
    from cursors order by family, partition`.execute(db)
  return rows.map((row) => ({ ...row, seq: Number(row.seq), epoch: Number(row.epoch) }))
}

/** Whose partitions were ever taken over here; none where the tables are yet to be made. */
export const cursorFamilies = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows: [tables] } = await sql<{ made: boolean }>`
    select to_regclass('cursors') is not null as made`.execute(db)
  if (!tables!.made) return []
  const { rows } = await sql<{ family: string }>`
    select distinct family from cursors order by family`.execute(db)
  return rows.map(({ family }) => family)
}

export interface KeysCounted {
  readonly family: string
  readonly partition: number
  /** Keys set aside, whatever for. */
  readonly parked: number
  /** Of them, those only a person lets go. */
  readonly quarantined: number
  readonly paused: number
}

/** How many keys each family has set aside, where there are any. */
const keysCounted = async (db: Db): Promise<ReadonlyArray<KeysCounted>> => {
  const { rows } = await sql<KeysCounted>`
    select family, partition, count(*)::int as parked,
      count(*) filter (where quarantined)::int as quarantined,
      count(*) filter (where paused)::int as paused
    from parked_keys group by family, partition`.execute(db)
  return rows
}

export const ping = async (db: Db): Promise<void> => {
  await sql`select 1`.execute(db)
}
