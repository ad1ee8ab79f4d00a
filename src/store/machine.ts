import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface CursorView {
  readonly family: string
  readonly partition: number
  /** Who took it over last; whether it still holds the lease only the bus knows. */
  readonly owner: string
  readonly epoch: number
  readonly seq: number
  /** Keys set aside, whatever for. */
  readonly parked: number
  /** Of them, those only a person lets go. */
  readonly quarantined: number
  readonly paused: number
}

/** Every partition as PostgreSQL knows it. */
export const cursors = async (db: Db): Promise<ReadonlyArray<CursorView>> => {
  const { rows } = await sql<Omit<CursorView, "seq" | "epoch"> & { seq: string; epoch: string }>`
    select c.family, c.partition, c.owner, c.epoch_revision::text as epoch, c.seq::text,
      p.parked, p.quarantined, p.paused
    from cursors c cross join lateral (
      select count(*)::int as parked, count(*) filter (where quarantined)::int as quarantined,
        count(*) filter (where paused)::int as paused
      from parked_keys p where p.family = c.family and p.partition = c.partition) p
    order by c.family, c.partition`.execute(db)
  return rows.map((row) => ({ ...row, seq: Number(row.seq), epoch: Number(row.epoch) }))
}

export const ping = async (db: Db): Promise<void> => {
  await sql`select 1`.execute(db)
}
