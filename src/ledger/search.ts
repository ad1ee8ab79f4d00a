import { type RawBuilder, sql } from "kysely"
import type { Db } from "../store/database.ts"
import { positionAt } from "./position.ts"

/** What an entry must be to be found. What is left out, any entry is. */
interface JournalQuestion {
  readonly merchant?: string
  readonly paymentId?: string
  /** Identifiers of payments, as an array: only their entries. */
  readonly payments?: RawBuilder<unknown>
  readonly account?: string
  readonly kind?: string
  readonly fromMillis?: number
  /** First millisecond that is too late. */
  readonly toMillis?: number
  readonly after?: JournalPlace
  readonly limit: number
}

/** The last entry of the page before: entries come newest first. */
export interface JournalPlace {
  readonly atMillis: number
  readonly id: string
}

export interface FoundEntry {
  readonly id: string
  readonly merchant: string
  readonly payment_id: string
  readonly kind: string
  /** The entry that this one takes back exactly. */
  readonly reverses: string | null
  readonly at_millis: string
  readonly postings: ReadonlyArray<{
    readonly layer: string
    readonly debit_account: string
    readonly credit_account: string
    readonly amount: string
    readonly currency: string
  }>
}

/**
 * The place of an entry in the journal's own order, of those of one millisecond: a partition's turns
 * write one after the other. A subquery, so that it is looked up only for what is shown or tied.
 */
const placeOf = (entry: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`(select f.position from postings f where f.entry_id = ${entry} and f.line = 0)`

const newestFirst = sql`e.at_millis desc, ${placeOf(sql`e.id`)} desc`

const conditionsOf = (question: JournalQuestion): RawBuilder<unknown> => {
  const { after, fromMillis, kind, merchant, paymentId, payments, toMillis } = question
  const conditions = [
    merchant !== undefined && sql`e.merchant = ${merchant}`,
    paymentId !== undefined && sql`e.payment_id = ${paymentId}`,
    payments !== undefined && sql`e.payment_id = any(${payments})`,
    kind !== undefined && sql`e.kind = ${kind}`,
    fromMillis !== undefined && sql`e.at_millis >= ${fromMillis}`,
    toMillis !== undefined && sql`e.at_millis < ${toMillis}`,
    after && sql`e.at_millis <= ${after.atMillis} and (e.at_millis < ${after.atMillis}
      or ${placeOf(sql`e.id`)} < ${placeOf(sql`${after.id}`)})`
  ].filter((condition) => condition !== false && condition !== undefined)
  return conditions.length === 0 ? sql`true` : sql.join(conditions, sql` and `)
}

/** Where to begin and end in the account's own order, so that a deep page costs what the first one does. */
const placesOf = (question: JournalQuestion, account: string): RawBuilder<unknown> => {
  const { after, fromMillis, toMillis } = question
  const end = Math.min(toMillis ?? Infinity, (after?.atMillis ?? Infinity) + 1)
  const conditions = [
    end < Infinity ? sql`p.position < ${positionAt(account, end)}` : sql`true`,
    fromMillis === undefined ? sql`true` : sql`p.position >= ${positionAt(account, fromMillis)}`
  ]
  return sql.join(conditions, sql` and `)
}

/** The entries that post on one account, newest first, straight from the account's own indexes. */
const ofAccount = (question: JournalQuestion, account: string): RawBuilder<unknown> => {
  const half = (column: string) =>
    sql`(
      select e.* from postings p join journal_entries e on e.id = p.entry_id
      where ${sql.ref(`p.${column}`)} = ${account} and ${placesOf(question, account)}
        and ${conditionsOf(question)}
        -- An entry with several lines on the account is found by its first.
        and not exists (select from postings q where q.entry_id = p.entry_id and q.line < p.line
          and ${sql.ref(`q.${column}`)} = ${account})
      order by p.position desc limit ${question.limit}
    )`
  return sql`(${half("debit_account")} union ${half("credit_account")})`
}

/** Entries with all their postings, newest first. */
export const searchJournal = async (
  db: Db,
  question: JournalQuestion
): Promise<ReadonlyArray<FoundEntry>> => {
  const source = question.account === undefined
    ? sql`(select * from journal_entries e where ${conditionsOf(question)}
        order by ${newestFirst} limit ${question.limit})`
    : ofAccount(question, question.account)
  const { rows } = await sql<FoundEntry>`
    with found as materialized (
      select * from ${source} e order by ${newestFirst} limit ${question.limit}
    )
    select e.id, e.merchant, e.payment_id, e.kind, e.reverses, e.at_millis::text, (
      select jsonb_agg(jsonb_build_object('layer', layer, 'debit_account', debit_account,
        'credit_account', credit_account, 'amount', amount::text, 'currency', currency)
        order by line)
      from postings p where p.entry_id = e.id
    ) as postings
    from found e order by ${newestFirst}`.execute(db)
  return rows
}
