import { Schema } from "effect"
import { sql } from "kysely"
import type { Db } from "../store/database.ts"

export const TrialBalanceLine = Schema.Struct({
  currency: Schema.String,
  debits: Schema.String,
  credits: Schema.String,
  difference: Schema.String,
  pending_difference: Schema.String,
  /** Account totals less the journal they must repeat: not 0 means that one of them was changed. */
  journal_difference: Schema.String
}).annotate({ identifier: "TrialBalanceLine" })
export type TrialBalanceLine = typeof TrialBalanceLine.Type

/** Per currency over every account, and the accounts against the journal itself. */
export const trialBalance = async (db: Db): Promise<ReadonlyArray<TrialBalanceLine>> => {
  const { rows } = await sql<TrialBalanceLine>`
    select a.currency, a.debits::text, a.credits::text, (a.debits - a.credits)::text as difference,
      a.pending_difference::text,
      (a.debits - coalesce(j.posted, 0))::text as journal_difference
    from (
      select currency, sum(posted_debits) as debits, sum(posted_credits) as credits,
        sum(pending_debits) - sum(pending_credits) as pending_difference
      from accounts group by currency
    ) a
    left join (
      select currency, sum(amount) as posted from postings where layer = 'posted'
      group by currency
    ) j using (currency)
    order by a.currency`.execute(db)
  return rows
}

/**
 * The same as of the end of a millisecond, in one statement: the accounts less what came later,
 * against the journal up to then.
 */
export const trialBalanceAsOf = async (
  db: Db,
  asOfMillis: number
): Promise<ReadonlyArray<TrialBalanceLine>> => {
  const { rows } = await sql<TrialBalanceLine>`
    with journal as materialized (
      select p.currency,
        coalesce(sum(amount) filter (where layer = 'posted' and at_millis <= ${asOfMillis}), 0)
          as posted,
        coalesce(sum(amount) filter (where layer = 'posted' and at_millis > ${asOfMillis}), 0)
          as posted_later
      from postings p join journal_entries e on e.id = p.entry_id group by p.currency
    ),
    totals as (
      select currency, sum(posted_debits) as debits, sum(posted_credits) as credits,
        sum(pending_debits) - sum(pending_credits) as pending_difference
      from accounts group by currency
    )
    select currency, (t.debits - j.posted_later)::text as debits,
      (t.credits - j.posted_later)::text as credits,
      (t.debits - t.credits)::text as difference, t.pending_difference::text,
      (t.debits - j.posted_later - j.posted)::text as journal_difference
    from totals t join journal j using (currency)
    where j.posted > 0 or j.posted_later = 0
    order by currency`.execute(db)
  return rows
}
