import { sql } from "kysely"
import { storable } from "../domain/text.ts"
import type { Db, Statement } from "./database.ts"
import { rowsOf } from "./rowsOf.ts"

export interface DeadLetterRow {
  readonly id: string
  readonly family: string
  readonly partition: number
  readonly seq: number
  readonly part: number
  readonly step: number
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
export const insertDeadLetters = (rows: ReadonlyArray<DeadLetterRow>): Statement =>
  sql`
    insert into dead_letters (id, family, partition, seq, part, step, subject, merchant, actor_key,
      type, reason, cause, attempts, headers, body, message_at)
    select id, family, partition, seq, part, step, subject, merchant, actor_key, type, reason, cause,
      attempts, headers, body, to_timestamp(at_millis / 1000.0)
    from unnest(${rows.map((row) => row.id)}::text[], ${rows.map((row) => row.family)}::text[],
      ${rows.map((row) => row.partition)}::int[], ${rows.map((row) => row.seq)}::bigint[],
      ${rows.map((row) => row.part)}::smallint[],
      ${rows.map((row) => row.step)}::int[],
      ${rows.map((row) => storable(row.subject))}::text[],
      ${rows.map((row) => storable(row.merchant))}::text[],
      ${rows.map((row) => row.actorKey)}::text[], ${rows.map((row) => storable(row.type))}::text[],
      ${rows.map((row) => row.reason)}::text[], ${rows.map((row) => storable(row.cause))}::text[],
      ${rows.map((row) => row.attempts)}::int[], ${rows.map((row) => row.headers)}::jsonb[],
      ${rows.map((row) => Buffer.from(row.body))}::bytea[],
      ${rows.map((row) => row.atMillis)}::bigint[])
      as r (id, family, partition, seq, part, step, subject, merchant, actor_key, type, reason, cause,
        attempts, headers, body, at_millis)
    on conflict (id) do update set attempts = excluded.attempts, cause = excluded.cause,
      status = 'open', settled_at = null, outcome = null`

/** A letter that a turn dealt with after all, by its place. */
export interface SettledLetter {
  readonly family: string
  readonly partition: number
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly status: "replayed" | "discarded"
  readonly outcome: string
}

/** Before the turn's own dead letters are written: one that failed again is open again. */
export const settleDeadLetters = (settled: ReadonlyArray<SettledLetter>): Statement =>
  sql`
    update dead_letters d set status = s.status, outcome = s.outcome, settled_at = now()
    from ${
    rowsOf(settled, {
      family: ["text", ({ family }) => family],
      partition: ["int", ({ partition }) => partition],
      seq: ["bigint", ({ seq }) => seq],
      part: ["smallint", ({ part }) => part],
      step: ["int", ({ step }) => step],
      status: ["text", ({ status }) => status],
      outcome: ["text", ({ outcome }) => outcome]
    })
  } as s
    where d.family = s.family and d.partition = s.partition and d.seq = s.seq
      and d.part = s.part and d.step = s.step and d.status = 'open'`

/** One that no partition has to deal with. */
export const discardDeadLetter = async (db: Db, id: string): Promise<void> => {
  await sql`
    update dead_letters set status = 'discarded', outcome = 'discarded', settled_at = now()
    where id = ${id} and status = 'open'`.execute(db)
}

/** A dead letter as its partition needs it to decide it again. */
export interface StoredDeadLetter {
  readonly id: string
  readonly status: string
  readonly merchant: string
  readonly actorKey: string | null
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly subject: string
  readonly headers: string
  readonly body: Uint8Array
  /** It stands in its key's queue still: the key was stopped because of it. */
  readonly waits: boolean
}

export const storedDeadLetter = async (
  db: Db,
  family: string,
  partition: number,
  id: string
): Promise<StoredDeadLetter | undefined> => {
  const { rows } = await sql<
    Omit<StoredDeadLetter, "seq" | "headers"> & { seq: string; headers: unknown }
  >`
    select d.id, d.status, d.merchant, d.actor_key as "actorKey", d.seq, d.part, d.step, d.subject,
      d.headers, d.body,
      exists (select 1 from parked_messages p
        where p.family = d.family and p.partition = d.partition and p.merchant = d.merchant
          and p.actor_key = d.actor_key and p.seq = d.seq and p.part = d.part
          and p.step = d.step) as waits
    from dead_letters d
    where d.id = ${id} and d.family = ${family} and d.partition = ${partition}`.execute(db)
  const row = rows[0]
  return row && { ...row, seq: Number(row.seq), headers: JSON.stringify(row.headers) }
}
