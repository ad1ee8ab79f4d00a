import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface EventRecord {
  /** Opaque: the place of this event in the merchant's order. */
  readonly cursor: string
  readonly id: string
  readonly type: string
  readonly about: string
  readonly at: number
  readonly data: unknown
}

interface Row {
  readonly transaction_id: string
  readonly position: string
  readonly id: string
  readonly type: string
  readonly about: string
  readonly at_millis: string
  readonly body: unknown
}

const recordOf = (row: Row): EventRecord => ({
  cursor: `${row.transaction_id}.${row.position}`,
  id: row.id,
  type: row.type,
  about: row.about,
  at: Number(row.at_millis),
  data: row.body
})

const POSITION_MAX = 9_223_372_036_854_775_807n

export const eventCursor = (text: string): readonly [string, string] | undefined => {
  const match = /^(\d{1,19})\.(\d{1,19})$/.exec(text)
  return match === null || BigInt(match[2]!) > POSITION_MAX ? undefined : [match[1]!, match[2]!]
}

/**
 * A merchant's events in commit order. Only database transactions older than every one under way
 * are shown, and the order is (transaction, position): positions are taken before the commit, so a
 * reader of positions alone would miss what commits late.
 */
export const eventsAfter = async (
  db: Db,
  merchant: string,
  after: readonly [string, string],
  limit: number
): Promise<ReadonlyArray<EventRecord>> => {
  const { rows } = await sql<Row>`
    select transaction_id::text, position::text, id, type, about, at_millis::text, body
    from events
    where merchant = ${merchant}
      and (transaction_id, position) > (${after[0]}::xid8, ${after[1]}::bigint)
      and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by events.transaction_id, events.position limit ${limit}`.execute(db)
  return rows.map(recordOf)
}

/** The same for several merchants at once, each from its own place on; each in its own order. */
export const eventsAfterEach = async (
  db: Db,
  places: ReadonlyArray<{ readonly merchant: string; readonly after: readonly [string, string] }>,
  limitEach: number
): Promise<ReadonlyMap<string, ReadonlyArray<EventRecord>>> => {
  const column = (of: (place: typeof places[number]) => string) => places.map(of)
  const { rows } = await sql<Row & { merchant: string }>`
    select asked.merchant, found.*
    from unnest(
      ${column(({ merchant }) => merchant)}::text[],
      ${column(({ after }) => after[0])}::text[],
      ${column(({ after }) => after[1])}::bigint[]
    ) as asked (merchant, transaction_id, position)
    -- One descent of events_by_merchant for each of them.
    cross join lateral (
      select transaction_id::text, position::text, id, type, about, at_millis::text, body
      from events
      where merchant = asked.merchant
        and (transaction_id, position) > (asked.transaction_id::xid8, asked.position)
        and transaction_id < pg_snapshot_xmin(pg_current_snapshot())
      order by events.transaction_id, events.position limit ${limitEach}
    ) as found`.execute(db)
  return new Map(
    [...Map.groupBy(rows, ({ merchant }) => merchant)].map((
      [merchant, some]
    ) => [merchant, some.map(recordOf).sort((left, right) => byCursor(left.cursor, right.cursor))])
  )
}

const byCursor = (left: string, right: string): number => {
  const [one, other] = [eventCursor(left)!, eventCursor(right)!]
  return isLater(one, other) ? 1 : isLater(other, one) ? -1 : 0
}

/** Whether a place in the order of events comes after another one. */
export const isLater = (
  [transaction, position]: readonly [string, string],
  than: readonly [string, string]
): boolean => {
  const [mine, theirs] = [BigInt(transaction), BigInt(than[0])]
  return mine > theirs || mine === theirs && BigInt(position) > BigInt(than[1])
}

export const eventsAbout = async (
  db: Db,
  merchant: string,
  about: string
): Promise<ReadonlyArray<EventRecord>> => {
  const { rows } = await sql<Row>`
    select transaction_id::text, position::text, id, type, about, at_millis::text, body
    from events where about = ${about} and merchant = ${merchant}
    order by events.position limit 1000`.execute(db)
  return rows.map(recordOf)
}

interface RecentEvent {
  readonly merchant: string
  readonly type: string
  readonly about: string
  readonly at: number
  readonly status: string
  readonly amount: number
  readonly currency: string
  readonly created_at: string
}

/** The newest payment events over all merchants, for operators. */
export const recentEvents = async (db: Db, limit: number): Promise<ReadonlyArray<RecentEvent>> => {
  const { rows } = await sql<
    Omit<RecentEvent, "at" | "amount"> & { at: string; amount: string }
  >`
    select merchant, type, about, at_millis::text as at, body->'payment'->>'status' as status,
      body->'payment'->>'amount' as amount, body->'payment'->>'currency' as currency,
      body->'payment'->>'created_at' as created_at
    from events where type like 'payment.%'
    order by position desc limit ${limit}`.execute(db)
  return rows.map((row) => ({ ...row, at: Number(row.at), amount: Number(row.amount) }))
}
