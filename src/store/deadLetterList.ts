import { Schema } from "effect"
import { millisOf } from "../domain/moment.ts"
import { sql } from "kysely"
import type { Db } from "./database.ts"

export const DeadLetterView = Schema.Struct({
  id: Schema.String,
  family: Schema.String,
  partition: Schema.Int,
  type: Schema.String,
  merchant: Schema.String,
  key: Schema.NullOr(Schema.String),
  reason: Schema.String,
  cause: Schema.String,
  attempts: Schema.Int,
  created_at: Schema.String,
  status: Schema.String,
  outcome: Schema.NullOr(Schema.String),
  settled_at: Schema.NullOr(Schema.String),
  /** Its key stands still because of it, with this letter at the head of the queue. */
  holds_its_key: Schema.Boolean
}).annotate({ identifier: "DeadLetter" })
export type DeadLetterView = typeof DeadLetterView.Type

export interface DeadLetterFilter {
  readonly id?: string
  readonly family?: string
  readonly reason?: string
  readonly merchant?: string
  readonly key?: string
  /** `all` for every one. */
  readonly status?: string
  readonly since?: string
  readonly until?: string
  /** The last of the page before: its time and its id. */
  readonly after?: readonly [createdAt: string, id: string]
}

type Row = Omit<DeadLetterView, "created_at" | "settled_at"> & {
  readonly created_at: Date
  readonly created_at_text: string
  readonly settled_at: Date | null
}

/** The newest first, without bodies and headers: they may hold personal data (G17). */
export const deadLetterList = async (
  db: Db,
  filter: DeadLetterFilter,
  limit: number
): Promise<ReadonlyArray<DeadLetterView & { readonly cursor: string }>> => {
  const equal = (column: string, value: string | undefined) =>
    value === undefined ? sql`true` : sql`d.${sql.ref(column)} = ${value}`
  const { after, since, until } = filter
  const { rows } = await sql<Row>`
    select d.id, d.family, d.partition, d.type, d.merchant, d.actor_key as key, d.reason, d.cause,
      d.attempts, d.created_at, 
      to_char(d.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at_text, d.status, d.outcome,
      d.settled_at,
      d.status = 'open' and exists (select 1 from parked_messages p
        where p.family = d.family and p.partition = d.partition and p.merchant = d.merchant
          and p.actor_key = d.actor_key and p.seq = d.seq and p.part = d.part
          and p.step = d.step) as holds_its_key
    from dead_letters d
    where ${equal("id", filter.id)} and ${equal("family", filter.family)}
      and ${equal("reason", filter.reason)} and ${equal("merchant", filter.merchant)}
      and ${equal("actor_key", filter.key)}
      and ${filter.status === "all" ? sql`true` : equal("status", filter.status ?? "open")}
      and ${since === undefined ? sql`true` : sql`d.created_at >= ${since}::timestamptz`}
      and ${until === undefined ? sql`true` : sql`d.created_at < ${until}::timestamptz`}
      and ${
    after === undefined
      ? sql`true`
      : sql`(d.created_at, d.id) < (${after[0]}::timestamptz, ${after[1]})`
  }
    order by d.created_at desc, d.id desc limit ${limit}`.execute(db)
  return rows.map(({ created_at, created_at_text, settled_at, ...row }) => ({
    ...row,
    created_at: created_at.toISOString(),
    settled_at: settled_at?.toISOString() ?? null,
    cursor: Buffer.from(`${created_at_text}|${row.id}`).toString("base64url")
  }))
}

export const deadLetterCursor = (text: string): readonly [string, string] | undefined => {
  const match = /^([^|]+)\|(dl_[0-9a-z]{26})$/
    .exec(Buffer.from(text, "base64url").toString("utf8"))
  const at = match?.[1]
  return at === undefined || millisOf(at) === undefined ? undefined : [at, match![2]!]
}

/** What stands in the letter itself. Whoever reads it is written down. */
export const deadLetterContent = async (db: Db, id: string) => {
  const { rows } = await sql<
    { subject: string; seq: string; headers: unknown; body: Uint8Array; message_at: Date }
  >`
    select subject, seq::text, headers, body, message_at from dead_letters where id = ${id}`
    .execute(db)
  const row = rows[0]
  return row && {
    subject: row.subject,
    seq: Number(row.seq),
    sent_at: row.message_at.toISOString(),
    headers: row.headers,
    body: row.body
  }
}

/** How many wait for a person. */
export const openDeadLetters = async (db: Db): Promise<number> => {
  const { rows } = await sql<{ open: number }>`
    select count(*)::int as open from dead_letters where status = 'open'`.execute(db)
  return rows[0]!.open
}
