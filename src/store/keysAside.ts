import { Schema } from "effect"
import { sql } from "kysely"
import type { Db } from "./database.ts"

export const KeyAside = Schema.Struct({
  family: Schema.String,
  merchant: Schema.String,
  key: Schema.String,
  partition: Schema.Int,
  /** Who lets it go: a person (`paused`, `quarantined`), a timer, or another key. */
  state: Schema.Literals(["paused", "quarantined", "retrying", "waiting"]),
  reason: Schema.String,
  attempts: Schema.Int,
  letters: Schema.Int,
  since: Schema.String,
  wakes_at: Schema.NullOr(Schema.String)
}).annotate({ identifier: "KeyAside" })
export type KeyAside = typeof KeyAside.Type

/** Keys of a family (or of all) that are set aside, those a person holds first, then the longest set aside. */
export const keysAside = async (
  db: Db,
  family: string | undefined,
  limit: number
): Promise<ReadonlyArray<KeyAside>> => {
  const { rows } = await sql<
    Omit<KeyAside, "since" | "wakes_at"> & { since: Date; wake_at_millis: string }
  >`
    select k.family, k.merchant, k.actor_key as key, k.partition,
      case when k.paused then 'paused' when k.quarantined then 'quarantined'
        when k.waits_for is not null then 'waiting' else 'retrying' end as state,
      k.reason, k.attempts, k.since, k.wake_at_millis::text,
      (select count(*)::int from parked_messages m
        where m.family = k.family and m.partition = k.partition and m.merchant = k.merchant
          and m.actor_key = k.actor_key) as letters
    from parked_keys k
    where ${family === undefined ? sql`true` : sql`k.family = ${family}`}
    order by not (k.paused or k.quarantined), k.since, k.family, k.merchant, k.actor_key
    limit ${limit}`.execute(db)
  return rows.map(({ since, wake_at_millis, ...row }) => ({
    ...row,
    since: since.toISOString(),
    wakes_at: row.state === "retrying" ? new Date(Number(wake_at_millis)).toISOString() : null
  }))
}
