import { sql } from "kysely"
import type { Db } from "./database.ts"

/** Attempts without an outcome. */
const OPEN = '$.attempts[*] ? (@.status == "sent" || @.status == "deferred" || ' +
  '@.status == "unknown" || @.status == "requires_action")'

/** How many payments there are, and of how many anything is still open. Reads them all. */
export const openCount = async (db: Db): Promise<{ known: number; open: number }> => {
  const { rows } = await sql<{ known: number; open: number }>`
    select count(*)::int as known, count(*) filter (
      where status in ('screening', 'processing', 'requires_action', 'unknown')
        or jsonb_path_exists(doc, ${OPEN}::jsonpath))::int as open
    from payments`.execute(db)
  return rows[0]!
}

export const captured = async (
  db: Db
): Promise<ReadonlyArray<{ readonly id: string; readonly merchant: string }>> => {
  const { rows } = await sql<{ id: string; merchant: string }>`
    select id, merchant from payments where status = 'captured' order by id`.execute(db)
  return rows
}

/** Debits less credits of the accounts whose path begins so, by currency; those of 0 are left out. */
export const balances = async (
  db: Db,
  prefix: string
): Promise<Readonly<Record<string, string>>> => {
  const { rows } = await sql<{ currency: string; balance: string }>`
    select currency, sum(posted_debits - posted_credits)::text as balance from accounts
    where path like ${`${prefix}%`} group by currency
    having sum(posted_debits - posted_credits) <> 0 order by currency`.execute(db)
  return Object.fromEntries(rows.map(({ balance, currency }) => [currency, balance]))
}

/** Payments by state, and what gateways said against their own earlier word, twice: as noted and as told. */
export const outcomes = async (db: Db) => {
  const one = async (query: ReturnType<typeof sql<{ n: number }>>) =>
    (await query.execute(db)).rows[0]!.n
  const statuses = await sql<{ status: string; n: number }>`
    select status, count(*)::int as n from payments group by status order by status`.execute(db)
  return {
    statuses: Object.fromEntries(statuses.rows.map(({ n, status }) => [status, n])),
    contradictions: await one(
      sql<{ n: number }>`
        select coalesce(sum(jsonb_array_length(doc->'contradictions')), 0)::int as n from payments`
    ),
    breaks: await one(
      sql<{ n: number }>`
        select count(*)::int as n from events where type = 'payment.charge_contradicted'`
    )
  }
}
