import { type Kysely, sql } from "kysely"

/** Open holds beside the balances they explain, and the journal in the order of time. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Written only where something is reserved or given back: most payments never touch it.
    `create table holds (
      account text not null,
      payment_id text not null,
      side text not null check (side in ('debit', 'credit')),
      amount bigint not null check (amount >= 0),
      placed_millis bigint not null,
      primary key (account, payment_id, side)
    ) with (fillfactor = 70)`,
    `insert into holds (account, payment_id, side, amount, placed_millis)
      select account, payment_id, side, sum(amount), min(at_millis)
      from (
        select p.debit_account as account, 'debit' as side, e.payment_id, p.amount, e.at_millis
        from postings p join journal_entries e on e.id = p.entry_id where p.layer = 'pending'
        union all
        select p.credit_account, 'credit', e.payment_id, p.amount, e.at_millis
        from postings p join journal_entries e on e.id = p.entry_id where p.layer = 'pending'
      ) lines
      group by account, payment_id, side having sum(amount) <> 0`,
    // Both grow at their right edge, so that a turn pays nearly nothing for them.
    `create index journal_entries_by_merchant on journal_entries (merchant, at_millis)`,
    `create index journal_entries_by_time on journal_entries (at_millis)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
