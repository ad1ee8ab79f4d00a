import { sql } from "kysely"
import type { Db } from "../store/database.ts"

export interface Balance {
  readonly path: string
  readonly currency: string
  readonly posted_debits: string
  readonly posted_credits: string
  readonly pending_debits: string
  readonly pending_credits: string
  readonly version: string
}

const columns = sql`path, currency, posted_debits::text, posted_credits::text,
  pending_debits::text, pending_credits::text, version::text`

export const balancesOf = async (
  db: Db,
  merchant: string,
  after: string,
  limit: number
): Promise<ReadonlyArray<Balance>> => {
  const { rows } = await sql<Balance>`
    select ${columns} from accounts where merchant = ${merchant} and path > ${after}
    order by path limit ${limit}`.execute(db)
  return rows
}

export const balanceOf = async (
  db: Db,
  merchant: string,
  path: string
): Promise<Balance | undefined> => {
  const { rows } = await sql<Balance>`
    select ${columns} from accounts where merchant = ${merchant} and path = ${path}`.execute(db)
  return rows[0]
}

export interface PostingRow {
  readonly position: string
  readonly entry_id: string
  readonly kind: string
  readonly payment_id: string
  readonly layer: string
  readonly debit_account: string
  readonly credit_account: string
  readonly amount: string
  readonly currency: string
  readonly at_millis: string
}

/** Newest first. Two indexed halves: one condition with `or` would scan the table. */
export const postingsOf = async (
  db: Db,
  path: string,
  before: string,
  limit: number
): Promise<ReadonlyArray<PostingRow>> => {
  const { rows } = await sql<PostingRow>`
    select p.position::text, p.entry_id, e.kind, e.payment_id, p.layer, p.debit_account,
      p.credit_account, p.amount::text, p.currency, e.at_millis::text
    from (
      (select * from postings where debit_account = ${path} and position < ${before}::bigint
        order by position desc limit ${limit})
      union all
      (select * from postings where credit_account = ${path} and position < ${before}::bigint
        order by position desc limit ${limit})
    ) p join journal_entries e on e.id = p.entry_id
    order by p.position desc limit ${limit}`.execute(db)
  return rows
}

export const postingsOfPayment = async (
  db: Db,
  paymentId: string
): Promise<ReadonlyArray<PostingRow>> => {
  const { rows } = await sql<PostingRow>`
    select p.position::text, p.entry_id, e.kind, e.payment_id, p.layer, p.debit_account,
      p.credit_account, p.amount::text, p.currency, e.at_millis::text
    from journal_entries e join postings p on p.entry_id = e.id
    where e.payment_id = ${paymentId} order by p.position`.execute(db)
  return rows
}
