import { sql } from "kysely"
import type { Db } from "../store/database.ts"
import { ownedBy, positionAt, sidesOf } from "./position.ts"

/** Holds shown with a balance. Beyond it the rest is counted and summed, not listed. */
const HOLDS_SHOWN_MAX = 1_000

interface OpenHold {
  readonly payment_id: string
  readonly side: "debit" | "credit"
  readonly amount: string
  readonly placed_millis: string
}

export interface ExplainedBalance {
  readonly path: string
  readonly currency: string
  readonly posted_debits: string
  readonly posted_credits: string
  readonly pending_debits: string
  readonly pending_credits: string
  /** Turns that have moved it; null for a balance of the past. */
  readonly version: string | null
  readonly holds: ReadonlyArray<OpenHold>
  readonly holds_count: string
}

/** A balance and the holds that its pending totals consist of, read in one statement: at one version. */
export const explainedBalance = async (
  db: Db,
  merchant: string | undefined,
  path: string
): Promise<ExplainedBalance | undefined> => {
  const { rows } = await sql<ExplainedBalance>`
    select a.path, a.currency, a.posted_debits::text, a.posted_credits::text,
      a.pending_debits::text, a.pending_credits::text, a.version::text,
      coalesce(open.holds, '[]') as holds, (
        select count(*)::text from holds where account = a.path
      ) as holds_count
    from accounts a left join lateral (
      select jsonb_agg(jsonb_build_object('payment_id', payment_id, 'side', side,
        'amount', amount::text, 'placed_millis', placed_millis::text)
        order by placed_millis, payment_id, side) as holds
      from (select * from holds where account = a.path
        order by placed_millis, payment_id, side limit ${HOLDS_SHOWN_MAX}) h
    ) open on true
    where a.path = ${path} and ${ownedBy(merchant)}`.execute(db)
  return rows[0]
}

/**
 * The same as it stood at the end of a millisecond, in one statement: what is there now less what
 * came later. The price is what came later, not what came before.
 */
export const explainedBalanceAsOf = async (
  db: Db,
  merchant: string | undefined,
  path: string,
  asOfMillis: number
): Promise<ExplainedBalance | undefined> => {
  const later = sidesOf(path, sql`position >= (select place from bound)`)
  const { rows } = await sql<ExplainedBalance>`
    with bound as materialized (select ${positionAt(path, asOfMillis + 1)} as place),
    later as materialized (select side, layer, amount, entry_id from ${later} s),
    holds_then as (
      select payment_id, side, sum(amount) as amount from (
        select payment_id, side, amount::numeric from holds where account = ${path}
        union all
        -- A look-up for each reservation: the planner would hash the whole journal for a join.
        select (select payment_id from journal_entries e where e.id = later.entry_id),
          side, -amount
        from later where layer = 'pending'
      ) moved group by payment_id, side having sum(amount) <> 0
    ),
    placed as (
      select h.*, (
        select min(e.at_millis) from journal_entries e join postings p on p.entry_id = e.id
        where e.payment_id = h.payment_id and p.layer = 'pending'
          and ${path} in (p.debit_account, p.credit_account)
      ) as placed_millis from holds_then h
    )
    select a.path, a.currency,
      (a.posted_debits - moved.posted_debits)::text as posted_debits,
      (a.posted_credits - moved.posted_credits)::text as posted_credits,
      (a.pending_debits - moved.pending_debits)::text as pending_debits,
      (a.pending_credits - moved.pending_credits)::text as pending_credits,
      null as version,
      (select count(*)::text from placed) as holds_count,
      (
        select coalesce(jsonb_agg(jsonb_build_object('payment_id', payment_id, 'side', side,
          'amount', amount::text, 'placed_millis', placed_millis::text)
          order by placed_millis, payment_id, side), '[]')
        from (
          select * from placed order by placed_millis, payment_id, side limit ${HOLDS_SHOWN_MAX}
        ) shown
      ) as holds
    from accounts a, (
      select
        coalesce(sum(amount) filter (where layer = 'posted' and side = 'debit'), 0)
          as posted_debits,
        coalesce(sum(amount) filter (where layer = 'posted' and side = 'credit'), 0)
          as posted_credits,
        coalesce(sum(amount) filter (where layer = 'pending' and side = 'debit'), 0)
          as pending_debits,
        coalesce(sum(amount) filter (where layer = 'pending' and side = 'credit'), 0)
          as pending_credits
      from later
    ) moved
    where a.path = ${path} and ${ownedBy(merchant)}`.execute(db)
  return rows[0]
}
