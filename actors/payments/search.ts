import { Schema } from "effect"
import { type RawBuilder, sql } from "kysely"
import type { Db } from "../../src/store/database.ts"
import { Payment } from "./payment/state.ts"

/** What a payment is about, as its merchant wrote it. Each is compared as a whole. */
export interface PaymentAbout {
  readonly reference?: string
  readonly customer?: string
  readonly metadata?: Readonly<Record<string, string>>
}

export interface PageAfter {
  readonly createdMillis: number
  readonly id: string
}

/** What a payment must be to be found. What is left out, any payment is. */
export interface PaymentQuestion extends PaymentAbout {
  readonly after?: PageAfter
  readonly status?: string
  readonly fromMillis?: number
  /** First millisecond that is too late. */
  readonly toMillis?: number
  /** Minor units, both inclusive. */
  readonly amountMin?: number
  readonly amountMax?: number
  readonly limit: number
}

export const isAsked = ({ customer, metadata, reference }: PaymentAbout): boolean =>
  reference !== undefined || customer !== undefined || metadata !== undefined

/** The payments of one merchant that are about this: `p`, from the indexes of migration 0063. */
const aboutConditions = (
  merchant: string,
  { customer, metadata, reference }: PaymentAbout
): ReadonlyArray<RawBuilder<unknown> | false> => [
  sql`p.merchant = ${merchant}`,
  reference !== undefined && sql`p.reference = ${reference}`,
  customer !== undefined && sql`p.customer = ${customer}`,
  metadata !== undefined && sql`p.metadata @> ${JSON.stringify(metadata)}::jsonb`
]

const all = (conditions: ReadonlyArray<RawBuilder<unknown> | false>): RawBuilder<unknown> =>
  sql.join(conditions.filter((one) => one !== false), sql` and `)

/** Identifiers of the payments that are about this, as an array: found before anything that belongs to them. */
export const paymentsAbout = (merchant: string, about: PaymentAbout): RawBuilder<unknown> =>
  sql`array(select p.id from payments p where ${all(aboutConditions(merchant, about))})`

/**
 * Newest first. State and amount are looked at along the way: an index of what changes would be written with
 * every step of a payment.
 */
export const paymentsQuery = (
  merchant: string,
  question: PaymentQuestion
): RawBuilder<{ readonly doc: unknown }> => {
  const { after, amountMax, amountMin, fromMillis, status, toMillis } = question
  return sql`
    select p.doc from payments p where ${
    all([
      ...aboutConditions(merchant, question),
      fromMillis !== undefined && sql`p.created_millis >= ${fromMillis}::bigint`,
      toMillis !== undefined && sql`p.created_millis < ${toMillis}::bigint`,
      amountMin !== undefined && sql`p.amount >= ${amountMin}::bigint`,
      amountMax !== undefined && sql`p.amount <= ${amountMax}::bigint`,
      status !== undefined && sql`p.status = ${status}`,
      after !== undefined &&
      sql`(p.created_millis, p.id) < (${after.createdMillis}::bigint, ${after.id}::text)`
    ])
  }
    order by p.created_millis desc, p.id desc limit ${question.limit}`
}

const decode = Schema.decodeUnknownSync(Payment)

export const listPayments = async (
  db: Db,
  merchant: string,
  question: PaymentQuestion
): Promise<ReadonlyArray<Payment>> => {
  const { rows } = await paymentsQuery(merchant, question).execute(db)
  return rows.map(({ doc }) => decode(doc))
}
