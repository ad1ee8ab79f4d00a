import { type RawBuilder, sql } from "kysely"

/**
 * The position at which the postings of an account reach a time: those below it are older.
 *
 * One partition writes an account, its turns commit one after the other and their clock never goes
 * back, so time grows with the position and the place is found by halving: some twenty probes of two
 * indexes (0.5 ms among a million postings) instead of a join over the account's whole history.
 */
export const positionAt = (account: string, millis: number): RawBuilder<unknown> =>
  sql`(
    with recursive halving (low, high) as (
      select 0::bigint, (select coalesce(max(position), 0) + 1 from (
        (select position from postings where debit_account = ${account}
          order by position desc limit 1)
        union all
        (select position from postings where credit_account = ${account}
          order by position desc limit 1)
      ) newest)
      union all
      select case when probe.at_millis < ${millis} then probe.position + 1 else low end,
        case when probe.at_millis < ${millis} then high else (low + high) / 2 end
      from halving left join lateral (
        select found.position, e.at_millis from (
          (select position, entry_id from postings
            where debit_account = ${account} and position >= (low + high) / 2
            order by position limit 1)
          union all
          (select position, entry_id from postings
            where credit_account = ${account} and position >= (low + high) / 2
            order by position limit 1)
        ) found join journal_entries e on e.id = found.entry_id
        order by found.position limit 1
      ) probe on true
      where low < high
    )
    select high from halving where low >= high limit 1
  )`

/** Both halves of an account's postings: one condition with `or` would scan the table. */
export const sidesOf = (account: string, condition: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(
    select 'debit' as side, p.* from postings p where debit_account = ${account} and ${condition}
    union all
    select 'credit' as side, p.* from postings p where credit_account = ${account} and ${condition}
  )`

/** Operators read every account; a merchant is given only its own. The accounts are `a`. */
export const ownedBy = (merchant: string | undefined): RawBuilder<unknown> =>
  merchant === undefined ? sql`true` : sql`a.merchant = ${merchant}`
