import { sql } from "kysely"
import type { Db } from "../store/database.ts"
import { ownedBy, positionAt, sidesOf } from "./position.ts"

export interface StatementPeriod {
  /** First millisecond of the statement. */
  readonly fromMillis: number
  /** First millisecond after it, or the place where an earlier page found it to end. */
  readonly toMillis: number
  readonly end?: string
}

export interface StatementBounds {
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
 * those places enclose never changes, so that all pages of a statement tell of one moment.
 */
export const statementBounds = async (
  db: Db,
  merchant: string | undefined,
  path: string,
  { end, fromMillis, toMillis }: StatementPeriod
): Promise<StatementBounds | undefined> => {
  const { rows } = await sql<StatementBounds>`
    with bounds as materialized (
      select ${positionAt(path, fromMillis)} as first,
        ${end === undefined ? positionAt(path, toMillis) : sql`${end}::bigint`} as end
    ),
    later as materialized (
      select side, amount, position from ${
    sidesOf(path, sql`position >= (select first from bounds) and layer = 'posted'`)
  } s
    ),
    moved as (
      select
        coalesce(sum(amount) filter (where side = 'debit'), 0) as after_opening_debits,
        coalesce(sum(amount) filter (where side = 'credit'), 0) as after_opening_credits,
        coalesce(sum(amount) filter (where side = 'debit' and position >= b.end), 0)
          as after_closing_debits,
        coalesce(sum(amount) filter (where side = 'credit' and position >= b.end), 0)
          as after_closing_credits
      from bounds b left join later on true
    )
    select a.currency, b.first::text, b.end::text,
      (a.posted_debits - after_opening_debits)::text as opening_debits,
      (a.posted_credits - after_opening_credits)::text as opening_credits,
      (a.posted_debits - after_closing_debits)::text as closing_debits,
      (a.posted_credits - after_closing_credits)::text as closing_credits
    from accounts a, bounds b, moved
    where a.path = ${path} and ${ownedBy(merchant)}`.execute(db)
  return rows[0]
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
