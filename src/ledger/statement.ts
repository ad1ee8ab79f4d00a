import { sql } from "kysely"
import type { Db } from "../store/database.ts"
import { ownedBy, positionAt, sidesOf } from "./position.ts"

interface StatementPeriod {
  /** First millisecond of the statement; 0 is the beginning. */
  readonly fromMillis: number
  /** First millisecond after it. */
  readonly toMillis: number
}

interface StatementBounds {
  readonly currency: string
  /** Postings of the statement lie from `first` up to but not at `end`. */
  readonly first: string
  readonly end: string
  readonly opening_debits: string
  readonly opening_credits: string
  readonly closing_debits: string
  readonly closing_credits: string
}

/**
 * Opening and closing totals and the places between which the postings lie, in one statement. What
 * those places enclose never changes, so whoever keeps them needs not ask again: all pages of a
 * statement tell of one moment. Only what came after a place is read to know the totals there, and
 * before the beginning there is nothing.
 */
export const statementBounds = async (
  db: Db,
  merchant: string | undefined,
  path: string,
  { fromMillis, toMillis }: StatementPeriod
): Promise<StatementBounds | undefined> => {
  const after = (place: "first" | "end") =>
    sql`(
      select coalesce(sum(amount) filter (where side = 'debit'), 0) as debits,
        coalesce(sum(amount) filter (where side = 'credit'), 0) as credits
      from ${
      sidesOf(path, sql`position >= (select ${sql.ref(place)} from bounds) and layer = 'posted'`)
    } s)`
  const { rows } = await sql<StatementBounds>`
    with bounds as materialized (
      select ${positionAt(path, fromMillis)} as first, ${positionAt(path, toMillis)} as end
    )
    select a.currency, b.first::text, b.end::text,
      (a.posted_debits - opening.debits)::text as opening_debits,
      (a.posted_credits - opening.credits)::text as opening_credits,
      (a.posted_debits - closing.debits)::text as closing_debits,
      (a.posted_credits - closing.credits)::text as closing_credits
    from accounts a, bounds b, ${after("end")} closing, ${
    fromMillis === 0
      ? sql`lateral (select a.posted_debits as debits, a.posted_credits as credits)`
      : after("first")
  } opening
    where a.path = ${path} and ${ownedBy(merchant)}`.execute(db)
  return rows[0]
}

/** The currency of an account that may be read. Later pages of its statement need no more of it. */
export const currencyOf = async (
  db: Db,
  merchant: string | undefined,
  path: string
): Promise<string | undefined> => {
  const { rows } = await sql<{ currency: string }>`
    select a.currency from accounts a where a.path = ${path} and ${ownedBy(merchant)}`.execute(db)
  return rows[0]?.currency
}

export interface StatementLine {
  readonly position: string
  readonly entry_id: string
  readonly kind: string
  readonly payment_id: string
  readonly at_millis: string
  readonly side: "debit" | "credit"
  readonly other_account: string
  readonly amount: string
}

/** Posted lines of one account, oldest first. Reservations are no part of a statement. */
export const statementLines = async (
  db: Db,
  path: string,
  between: { readonly first: string; readonly end: string },
  limit: number
): Promise<ReadonlyArray<StatementLine>> => {
  const half = (side: "debit" | "credit", mine: string, other: string) =>
    sql`(
      select position, entry_id, ${sql.lit(side)} as side, ${
      sql.ref(other)
    } as other_account, amount
      from postings
      where ${sql.ref(mine)} = ${path} and layer = 'posted'
        and position >= ${between.first}::bigint and position < ${between.end}::bigint
      order by position limit ${limit}
    )`
  const { rows } = await sql<StatementLine>`
    select p.position::text, p.entry_id, e.kind, e.payment_id, e.at_millis::text, p.side,
      p.other_account, p.amount::text
    from (
      ${half("debit", "debit_account", "credit_account")}
      union all
      ${half("credit", "credit_account", "debit_account")}
    ) p join journal_entries e on e.id = p.entry_id
    order by p.position, p.side limit ${limit}`.execute(db)
  return rows
}
