import { Schema } from "effect"
import { sql } from "kysely"
import type { Db } from "../../src/store/database.ts"
import type { ChargeCount } from "./health.ts"
import { Balance, newBalance } from "./wallet/balance.ts"
import { Conversion } from "./exchange/conversion.ts"
import { Past, whole } from "./payment/past.ts"
import { Payout } from "./wallet/payout.ts"
import { keyOf } from "./exchange/pairedId.ts"
import { Quote } from "./exchange/quote.ts"
import { commandKeyOf, Refused, refusedKeyOf } from "./refused.ts"
import type { PageAfter } from "./search.ts"
import { Dispute } from "./payment/dispute.ts"
import { Payment } from "./payment/state.ts"
import { Transfer } from "./wallet/transfer.ts"

const decode = Schema.decodeUnknownSync(Payment)

const decodePast = Schema.decodeUnknownSync(Past)
const decodeRefused = Schema.decodeUnknownSync(Refused)

/** With all that has left its document, and the refused commands beside it. */
export const findPayment = async (
  db: Db,
  merchant: string,
  id: string
): Promise<Payment | undefined> => {
  const { rows } = await sql<{ doc: unknown; past: ReadonlyArray<unknown>; refused: unknown }>`
    select p.doc, r.doc as refused, case when p.doc -> 'past' is not null then array(
      select o.doc from payment_past o
      where o.merchant = p.merchant and o.id > p.id || '.' and o.id < p.id || '/') else '{}' end as past
    from payments p
    left join refused_commands r on r.merchant = p.merchant and r.id = ${refusedKeyOf(id)}
    where p.id = ${id} and p.merchant = ${merchant}`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const known = decode(row.doc)
  const refused = row.refused === null ? [] : decodeRefused(row.refused).commands
  return whole(
    { ...known, commands: [...known.commands, ...refused] },
    row.past.map((doc) => decodePast(doc))
  )
}

/** For operators, who know a payment by its identifier alone. */
export const merchantOfPayment = async (db: Db, id: string): Promise<string | undefined> => {
  const { rows } = await sql<{ merchant: string }>`
    select merchant from payments where id = ${id}`.execute(db)
  return rows[0]?.merchant
}

/** Whose a payout is, and from which of its balances. */
export const ownerOfPayout = async (
  db: Db,
  id: string
): Promise<{ readonly merchant: string; readonly balance: string } | undefined> => {
  const { rows } = await sql<{ merchant: string; balance: string }>`
    select merchant, doc->>'balance' as balance from payouts where id = ${id}`.execute(db)
  return rows[0]
}

interface CommandRefused {
  readonly code: string
  readonly detail: string
}

/**
 * Why a command was refused, for as long as that is remembered: with what it would have made or concerns,
 * beside it, or under a name of its own. Without the command's identifier: of the type that makes `about`.
 */
export const findRefusal = async (
  db: Db,
  merchant: string,
  command: { readonly about: string; readonly type: string; readonly id?: string }
): Promise<CommandRefused | undefined> => {
  const about = keyOf(command.about)
  const { id = null, type } = command
  const places = [
    about,
    refusedKeyOf(about),
    ...id === null ? [] : [commandKeyOf(type, merchant, id)]
  ]
  const { rows } = await sql<{ refused: CommandRefused }>`
    select one -> 'refused' as refused
    from (
      select doc from refused_commands where merchant = ${merchant} and id = any(${places}::text[])
      union all
      select doc from payments where merchant = ${merchant} and id = ${about}
    ) kept, json_array_elements(kept.doc -> 'commands') one
    where one -> 'refused' is not null and one ->> 'type' = ${type}
      and (${id}::text is null or one ->> 'id' = ${id}::text)
    limit 1`.execute(db)
  return rows[0]?.refused
}

/** Payments that wait for a person, the oldest first. */
export const openReviews = async (
  db: Db,
  limit: number
): Promise<ReadonlyArray<{ readonly payment: Payment; readonly openedMillis: number }>> => {
  const { rows } = await sql<{ doc: unknown; opened_millis: string }>`
    select p.doc, r.opened_millis from payment_reviews r join payments p on p.id = r.payment_id
    order by r.opened_millis, r.payment_id limit ${limit}`.execute(db)
  return rows.map((row) => ({
    payment: decode(row.doc),
    openedMillis: Number(row.opened_millis)
  }))
}

/** Payments created since then, over all merchants. The block-range index makes it a short scan. */
export const createdSince = async (db: Db, sinceMillis: number): Promise<number> => {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from payments where created_millis >= ${sinceMillis}`.execute(db)
  return rows[0]!.n
}

interface ListedDispute {
  readonly payment_id: string
  readonly currency: string
  readonly dispute: Dispute
}

export interface DisputeAfter {
  readonly openedMillis: number
  readonly paymentId: string
  readonly disputeId: string
}

const decodeDispute = Schema.decodeUnknownSync(Dispute)

/** Newest first. */
export const listDisputes = async (
  db: Db,
  merchant: string,
  options: { readonly after?: DisputeAfter; readonly status?: string; readonly limit: number }
): Promise<ReadonlyArray<ListedDispute>> => {
  const { after, limit, status } = options
  const { rows } = await sql<{ payment_id: string; currency: string; doc: unknown }>`
    select payment_id, currency, doc from disputes
    where merchant = ${merchant}
      and (opened_millis, payment_id, dispute_id) < (
        ${after?.openedMillis ?? Number.MAX_SAFE_INTEGER}::bigint,
        ${after?.paymentId ?? "~"}::text, ${after?.disputeId ?? "~"}::text)
      and (${status ?? null}::text is null or status = ${status ?? null}::text)
    order by opened_millis desc, payment_id desc, dispute_id desc limit ${limit}`.execute(db)
  return rows.map(({ currency, doc, payment_id }) => ({
    payment_id,
    currency,
    dispute: decodeDispute(doc)
  }))
}

const decodeBalance = Schema.decodeUnknownSync(Balance)
const decodePayout = Schema.decodeUnknownSync(Payout)

interface BalanceView {
  readonly balance: Balance
  /** What is captured and not yet available: credits less debits, minor units. */
  readonly pending: string
}

/** The balance that a pending account's money will be in: the index `accounts_pending` is on this. */
const balanceOfPending =
  sql`('balance:' || currency || case when split_part(path, ':', 4) = 'recipient'
  then ':' || split_part(path, ':', 5) else '' end)`

const isPending = sql`path like 'liabilities:merchant:%'
  and (split_part(path, ':', 4) = 'pending' or split_part(path, ':', 6) = 'pending')`

/**
 * All of a merchant's balances, its recipients' among them, by name. Before anything was settled there
 * is only the account of what is pending; what was only transferred or converted has no such account.
 */
export const balancesOfMerchant = async (
  db: Db,
  merchant: string,
  { after, limit }: { readonly after: string; readonly limit: number }
): Promise<ReadonlyArray<BalanceView>> => {
  const { rows } = await sql<{ id: string; doc: unknown; pending: string }>`
    select id, b.doc, coalesce(a.pending, 0)::text as pending
    from (
      select id, doc from balances where merchant = ${merchant} and id > ${after}
      order by id limit ${limit}
    ) b full join (
      select ${balanceOfPending} as id, posted_credits - posted_debits as pending from accounts
      where merchant = ${merchant} and ${isPending} and ${balanceOfPending} > ${after}
        and posted_credits + posted_debits > 0
      order by ${balanceOfPending} limit ${limit}
    ) a using (id)
    order by id limit ${limit}`.execute(db)
  return rows.map(({ doc, id, pending }) => ({
    balance: doc === null ? newBalance(id, merchant) : decodeBalance(doc),
    pending
  }))
}

export const findPayout = async (
  db: Db,
  merchant: string,
  id: string
): Promise<Payout | undefined> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from payouts where id = ${id} and merchant = ${merchant}`.execute(db)
  return rows[0] && decodePayout(rows[0].doc)
}

/** Newest first. */
export const listPayouts = async (
  db: Db,
  merchant: string,
  options: { readonly after?: PageAfter; readonly status?: string; readonly limit: number }
): Promise<ReadonlyArray<Payout>> => {
  const { after, limit, status } = options
  const { rows } = await sql<{ doc: unknown }>`
    select doc from payouts
    where merchant = ${merchant}
      and (created_millis, id) < (${after?.createdMillis ?? Number.MAX_SAFE_INTEGER}::bigint,
        ${after?.id ?? "~"}::text)
      and (${status ?? null}::text is null or status = ${status ?? null}::text)
    order by created_millis desc, id desc limit ${limit}`.execute(db)
  return rows.map(({ doc }) => decodePayout(doc))
}

const decodeTransfer = Schema.decodeUnknownSync(Transfer)

export const findTransfer = async (
  db: Db,
  merchant: string,
  id: string
): Promise<Transfer | undefined> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from transfers where id = ${id} and merchant = ${merchant}`.execute(db)
  return rows[0] && decodeTransfer(rows[0].doc)
}

/** Whether this merchant's partition knows that somebody has it. */
export const isOpen = async (db: Db, merchant: string): Promise<boolean> => {
  const { rows } = await sql`select 1 from merchants where merchant = ${merchant}`.execute(db)
  return rows.length > 0
}

/** Sent and received, newest first. */
export const listTransfers = async (
  db: Db,
  merchant: string,
  options: { readonly after?: PageAfter; readonly limit: number }
): Promise<ReadonlyArray<Transfer>> => {
  const { after, limit } = options
  const { rows } = await sql<{ doc: unknown }>`
    select doc from transfers
    where merchant = ${merchant}
      and (created_millis, id) < (${after?.createdMillis ?? Number.MAX_SAFE_INTEGER}::bigint,
        ${after?.id ?? "~"}::text)
    order by created_millis desc, id desc limit ${limit}`.execute(db)
  return rows.map(({ doc }) => decodeTransfer(doc))
}

/** Payments looked at for the gateways' health. More would say the same. */
const HEALTH_PAYMENTS_MAX = 2_000

/** How the charges of recent payments ended, by gateway. */
export const recentCharges = async (
  db: Db,
  sinceMillis: number
): Promise<ReadonlyArray<ChargeCount>> => {
  const { rows } = await sql<ChargeCount>`
    select coalesce(attempt->>'gateway', recent.doc->>'gateway') as gateway,
      attempt->>'status' as status, attempt->>'code' as code, count(*)::int as count
    from (select doc from payments where created_millis >= ${sinceMillis}
      limit ${HEALTH_PAYMENTS_MAX}) as recent,
      json_array_elements(recent.doc->'attempts') as attempt
    where attempt->>'operation' = 'charge' group by 1, 2, 3`.execute(db)
  return rows
}

const decodeQuote = Schema.decodeUnknownSync(Quote)
const decodeConversion = Schema.decodeUnknownSync(Conversion)

export const findQuote = async (
  db: Db,
  merchant: string,
  id: string
): Promise<Quote | undefined> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from fx_quotes where id = ${keyOf(id)} and merchant = ${merchant}`.execute(db)
  return rows[0] && decodeQuote(rows[0].doc)
}

export const findConversion = async (
  db: Db,
  merchant: string,
  id: string
): Promise<Conversion | undefined> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from fx_conversions
    where id = ${keyOf(id)} and merchant = ${merchant}`.execute(db)
  return rows[0] && decodeConversion(rows[0].doc)
}

/** Newest first. */
export const listConversions = async (
  db: Db,
  merchant: string,
  options: { readonly after?: PageAfter; readonly limit: number }
): Promise<ReadonlyArray<Conversion>> => {
  const { after, limit } = options
  const { rows } = await sql<{ doc: unknown }>`
    select doc from fx_conversions
    where merchant = ${merchant}
      and (created_millis, id) < (${after?.createdMillis ?? Number.MAX_SAFE_INTEGER}::bigint,
        ${after?.id ?? "~"}::text)
    order by created_millis desc, id desc limit ${limit}`.execute(db)
  return rows.map(({ doc }) => decodeConversion(doc))
}
