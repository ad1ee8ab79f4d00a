import { sql } from "kysely"
import type { Db } from "./database.ts"

/** Attempts without an outcome, or of which the gateway spoke again. */
const OPEN = '$.attempts[*] ? (@.status == "sent" || @.status == "deferred" || ' +
  '@.status == "unknown" || @.status == "requires_action" || exists(@.question))'

/** How many payments there are, and of how many anything is still open. Reads them all. */
export const openCount = async (db: Db): Promise<{ known: number; open: number }> => {
  const { rows } = await sql<{ known: number; open: number }>`
    select count(*)::int as known, count(*) filter (
      where status in ('screening', 'processing', 'requires_action', 'unknown')
        or jsonb_path_exists(doc::jsonb, ${OPEN}::jsonpath)
        or json_array_length(coalesce(doc->'dispute_questions', '[]')) > 0)::int as open
    from payments`.execute(db)
  return rows[0]!
}

interface Charged {
  readonly id: string
  readonly merchant: string
  readonly charge_id: string
}

/** Payments in this state, by their identifiers. */
export const charged = async (db: Db, status: string): Promise<ReadonlyArray<Charged>> => {
  const { rows } = await sql<Charged>`
    select id, merchant, doc->>'charge_id' as charge_id from payments
    where status = ${status} order by id`.execute(db)
  return rows
}

export const disputesByStatus = async (db: Db): Promise<Readonly<Record<string, number>>> => {
  const { rows } = await sql<{ status: string; n: number }>`
    select status, count(*)::int as n from disputes group by status order by status`.execute(db)
  return Object.fromEntries(rows.map(({ n, status }) => [status, n]))
}

/** What the ledger says that accounts with this beginning hold for each payment; nothing is left out. */
export const owedByPayment = async (
  db: Db,
  prefix: string
): Promise<ReadonlyMap<string, bigint>> => {
  const { rows } = await sql<{ payment_id: string; owed: string }>`
    select e.payment_id, sum(case when p.debit_account like ${`${prefix}%`} then p.amount
      else -p.amount end)::text as owed
    from journal_entries e join postings p on p.entry_id = e.id
    where p.layer = 'posted' and
      (p.debit_account like ${`${prefix}%`} or p.credit_account like ${`${prefix}%`})
    group by e.payment_id`.execute(db)
  return new Map(rows.map(({ owed, payment_id }) => [payment_id, BigInt(owed)]))
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
        select coalesce(sum(json_array_length(doc->'contradictions')), 0)::int as n from payments`
    ),
    breaks: await one(
      sql<{ n: number }>`
        select count(*)::int as n from recon_findings where tag = 'Contradicted'`
    ),
    /** Payments with a contradiction that no break tells of. */
    unlisted: await one(
      sql<{ n: number }>`
        select count(*)::int as n from payments p
        where json_array_length(doc->'contradictions') > 0 and not exists (
          select from recon_findings f where f.tag = 'Contradicted' and f.payment_id = p.id)`
    )
  }
}
