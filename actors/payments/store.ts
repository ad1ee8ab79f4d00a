import { Effect, Schema } from "effect"
import { sql } from "kysely"
import { writeJournal } from "../../src/ledger/write.ts"
import type { Booked } from "../../src/ledger/journal.ts"
import type { SavedState, StateKey, TurnWrites } from "../../src/runtime/actor.ts"
import { stateKey } from "../../src/runtime/actor.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { Database, type Statement } from "../../src/store/database.ts"
import { isSetAside } from "../../src/store/parked.ts"
import { rowsOf } from "../../src/store/rowsOf.ts"
import { forAny } from "../../src/store/statements.ts"
import { Balance, isBalanceId } from "./wallet/balance.ts"
import { Conversion, isConversionKey } from "./exchange/conversion.ts"
import { Merchant, MERCHANT_KEY } from "./wallet/merchant.ts"
import { isBesidePayment, Past } from "./payment/past.ts"
import { isPayoutId, Payout } from "./wallet/payout.ts"
import { isQuoteKey, Quote, QUOTE_KEPT_MILLIS } from "./exchange/quote.ts"
import { isCommandKey, Refused, REFUSED_MILLIS } from "./refused.ts"
import { isTransferId, Transfer } from "./wallet/transfer.ts"
import {
  isBalance,
  isConversion,
  isMerchant,
  isPast,
  isPayment,
  isPayout,
  isQuote,
  isRefused,
  isTransfer,
  type State
} from "./state.ts"
import { Payment } from "./payment/state.ts"
import type { Row } from "./decision.ts"

const decoders = {
  payments: Schema.decodeUnknownSync(Payment),
  balances: Schema.decodeUnknownSync(Balance),
  payouts: Schema.decodeUnknownSync(Payout),
  transfers: Schema.decodeUnknownSync(Transfer),
  fx_quotes: Schema.decodeUnknownSync(Quote),
  fx_conversions: Schema.decodeUnknownSync(Conversion),
  merchants: Schema.decodeUnknownSync(Merchant),
  payment_past: Schema.decodeUnknownSync(Past),
  refused_commands: Schema.decodeUnknownSync(Refused)
}
type Table = keyof typeof decoders

const tableOf = (key: string): Table =>
  isBalanceId(key)
    ? "balances"
    : isPayoutId(key)
    ? "payouts"
    : isTransferId(key)
    ? "transfers"
    : isQuoteKey(key)
    ? "fx_quotes"
    : isConversionKey(key)
    ? "fx_conversions"
    : isCommandKey(key)
    ? "refused_commands"
    : key === MERCHANT_KEY
    ? "merchants"
    : isBesidePayment(key)
    ? "payment_past"
    : "payments"

/** One query per table that the keys name: nearly always that of the payments alone. */
export const load = Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
  const found = yield* Effect.forEach(
    Map.groupBy(keys, ({ key }) => tableOf(key)),
    ([table, theirs]) => loadFrom(table, theirs),
    { concurrency: "unbounded" }
  )
  return new Map(found.flat())
})

/** What is there, and before it what was refused under its key: the later line of a key counts. */
const loadFrom = Effect.fnUntraced(function* (table: Table, keys: ReadonlyArray<StateKey>) {
  const database = yield* Database
  const from = (one: Table, place: number) =>
    sql`select ${sql.lit(place)} as place, ${sql.lit(one)} as kept_in, p.merchant, p.id, p.doc
      from wanted join ${sql.raw(one)} p on p.id = wanted.id and p.merchant = wanted.merchant`
  const remembers = !["balances", "merchants", "refused_commands"].includes(table)
  const { rows } = yield* database.query(
    `payments.load.${table}`,
    (db) =>
      sql<
        { place: number; kept_in: Table; merchant: string; id: string; doc: unknown }
      >`
      with wanted as (
        select * from unnest(${keys.map(({ merchant }) => merchant)}::text[],
          ${keys.map(({ key }) => key)}::text[]) as wanted (merchant, id))
      ${
        remembers
          ? sql`${from("refused_commands", 0)} union all ${from(table, 1)} order by place`
          : from(table, 0)
      }`.execute(db)
  )
  return rows.map((row): readonly [string, State] => {
    const decode: (doc: unknown) => State = decoders[row.kept_in]
    return [stateKey(row.merchant, row.id), decode(row.doc)]
  })
})

export const save = (writes: TurnWrites<State, Row>): ReadonlyArray<Statement> => {
  const entries: Array<Booked> = []
  const wakes = new Map<string, Located<"Wake">>()
  const reviews = new Map<string, Located<"Review">>()
  const disputes = new Map<string, SavedDispute>()
  for (const { at, merchant, partition, row, seq } of writes.rows) {
    if (row._tag === "Entry") entries.push({ entry: row.entry, partition, merchant, seq, at })
    // The last word of the turn counts.
    else if (row._tag === "Wake") wakes.set(row.timer, { partition, merchant, at, row })
    else if (row._tag === "Dispute") {
      disputes.set(`${row.paymentId} ${row.dispute.id}`, { merchant, row })
    } else reviews.set(row.paymentId, { partition, merchant, at, row })
  }
  const [set, unset] = apart(wakes, ({ row }) => row.dueMillis !== undefined)
  const [opened, closed] = apart(reviews, ({ row }) => row.open)
  const quotes = of(writes, isQuote)
  const refused = of(writes, isRefused)
  return [
    ...forAny(of(writes, isPayment), savePayments),
    ...forAny(of(writes, isPast), savePast),
    ...forAny(of(writes, isBalance), saveBalances),
    ...forAny(of(writes, isPayout), savePayouts),
    ...forAny(of(writes, isTransfer), saveMoves("transfers")),
    ...forAny(quotes, saveMoves("fx_quotes")),
    ...forAny(quotes, forgetQuotes),
    ...forAny(of(writes, isConversion), saveMoves("fx_conversions")),
    ...forAny(of(writes, isMerchant), saveMoves("merchants")),
    ...forAny(refused, saveRefused),
    ...forAny(refused.filter(({ key }) => isQuoteKey(key)), forgetHidden),
    ...forAny(refused, forgetRefused),
    ...writeJournal(entries),
    ...forAny(unset, forgetWakes),
    ...forAny(set, saveWakes),
    ...forAny([...disputes.values()], saveDisputes),
    ...forAny(closed, forgetReviews),
    ...forAny(opened, saveReviews)
  ]
}

const apart = <A>(all: ReadonlyMap<string, A>, is: (one: A) => boolean) => {
  const yes: Array<A> = []
  const no: Array<A> = []
  for (const one of all.values()) (is(one) ? yes : no).push(one)
  return [yes, no] as const
}

const of = <One extends State>(
  { states }: TurnWrites<State, Row>,
  is: (state: State) => state is One
): ReadonlyArray<SavedState<One>> =>
  states.filter((saved): saved is SavedState<One> => is(saved.state))

interface Located<Tag extends Row["_tag"]> {
  readonly partition: number
  readonly merchant: string
  readonly at: number
  readonly row: Extract<Row, { _tag: Tag }>
}

const savePayments = (states: ReadonlyArray<SavedState<Payment>>): Statement =>
  sql`
    insert into payments (id, merchant, status, created_millis, amount, reference, customer, metadata,
      doc)
    select * from ${
    rowsOf(states, {
      id: ["text", ({ key }) => key],
      merchant: ["text", ({ merchant }) => merchant],
      status: ["text", ({ state }) => state.status],
      created_millis: ["bigint", ({ state }) => state.created_at],
      amount: ["bigint", ({ state }) => state.amount],
      reference: ["text", ({ state }) => state.reference],
      customer: ["text", ({ state }) => state.customer?.id],
      metadata: ["jsonb", ({ state }) => state.metadata && canonicalJson(state.metadata)],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (id) do update set status = excluded.status, doc = excluded.doc`

const savePast = (states: ReadonlyArray<SavedState<Past>>): Statement =>
  sql`
    insert into payment_past (merchant, id, doc)
    select * from ${
    rowsOf(states, {
      merchant: ["text", ({ merchant }) => merchant],
      id: ["text", ({ key }) => key],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (merchant, id) do update set doc = excluded.doc`

const saveBalances = (states: ReadonlyArray<SavedState<Balance>>): Statement =>
  sql`
    insert into balances (merchant, id, doc)
    select * from ${
    rowsOf(states, {
      merchant: ["text", ({ merchant }) => merchant],
      id: ["text", ({ key }) => key],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (merchant, id) do update set doc = excluded.doc`

const savePayouts = (states: ReadonlyArray<SavedState<Payout>>): Statement =>
  sql`
    insert into payouts (id, merchant, status, created_millis, doc)
    select * from ${
    rowsOf(states, {
      id: ["text", ({ key }) => key],
      merchant: ["text", ({ merchant }) => merchant],
      status: ["text", ({ state }) => state.status],
      created_millis: ["bigint", ({ state }) => state.created_at],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (id) do update set status = excluded.status, doc = excluded.doc`

/**
 * What was done between wallets. Both merchants of a transfer have a side of their own under the one
 * identifier.
 */
const saveMoves =
  (table: Table) =>
  (states: ReadonlyArray<SavedState<Transfer | Quote | Conversion | Merchant>>): Statement =>
    sql`
    insert into ${sql.raw(table)} (merchant, id, created_millis, doc)
    select * from ${
      rowsOf(states, {
        merchant: ["text", ({ merchant }) => merchant],
        id: ["text", ({ key }) => key],
        created_millis: ["bigint", ({ state }) => state.created_at],
        doc: ["json", ({ json }) => json]
      })
    } as changed
    on conflict (merchant, id) do update set doc = excluded.doc`

/** A merchant's quotes whose time is long over go with its next one, by the decision clock, too. */
const forgetQuotes = (states: ReadonlyArray<SavedState<Quote>>): Statement => {
  const clocks = latest(states, ({ merchant }) => merchant, ({ state }) => state.updated_at)
  return sql`
    delete from fx_quotes q
    using unnest(${[...clocks.keys()]}::text[], ${[...clocks.values()]}::bigint[])
      as now (merchant, millis)
    where q.merchant = now.merchant
      and (q.doc ->> 'expires_at')::bigint <= now.millis - ${QUOTE_KEPT_MILLIS}::bigint`
}

const latest = <A, K>(items: ReadonlyArray<A>, key: (item: A) => K, clock: (item: A) => number) => {
  const clocks = new Map<K, number>()
  for (const item of items) {
    clocks.set(key(item), Math.max(clocks.get(key(item)) ?? 0, clock(item)))
  }
  return clocks
}

const saveRefused = (states: ReadonlyArray<SavedState<Refused>>): Statement =>
  sql`
    insert into refused_commands (merchant, id, partition, until_millis, doc)
    select * from ${
    rowsOf(states, {
      merchant: ["text", ({ merchant }) => merchant],
      id: ["text", ({ key }) => key],
      partition: ["int", ({ partition }) => partition],
      until_millis: ["bigint", ({ state }) => state.until],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (merchant, id)
      do update set until_millis = excluded.until_millis, doc = excluded.doc`

/** What is refused under the key of a quote that counts no more takes its place: the quote would hide it. */
const forgetHidden = (states: ReadonlyArray<SavedState<Refused>>): Statement =>
  sql`
    delete from fx_quotes q
    using unnest(${states.map(({ merchant }) => merchant)}::text[],
      ${states.map(({ key }) => key)}::text[]) as refused (merchant, id)
    where q.merchant = refused.merchant and q.id = refused.id`

/**
 * A partition's refusals whose time is over go with its next one. The decision clock says when, so that
 * a replay keeps the same rows.
 */
const forgetRefused = (states: ReadonlyArray<SavedState<Refused>>): Statement => {
  const clocks = latest(
    states,
    ({ partition }) => partition,
    ({ state }) => state.until - REFUSED_MILLIS
  )
  return sql`
    delete from refused_commands r
    using unnest(${[...clocks.keys()]}::int[], ${[...clocks.values()]}::bigint[])
      as now (partition, millis)
    where r.partition = now.partition and r.until_millis <= now.millis`
}

const forgetWakes = (wakes: ReadonlyArray<Located<"Wake">>): Statement =>
  sql`
    delete from payment_wakes
    where timer = any(${wakes.map(({ row }) => row.timer)}::text[])`

const saveWakes = (wakes: ReadonlyArray<Located<"Wake">>): Statement =>
  sql`
    insert into payment_wakes (timer, partition, merchant, payment_id, due_millis)
    select timer, partition, merchant, payment_id, due_millis
    from unnest(${wakes.map(({ row }) => row.timer)}::text[],
      ${wakes.map(({ partition }) => partition)}::int[],
      ${wakes.map(({ merchant }) => merchant)}::text[],
      ${wakes.map(({ row }) => row.paymentId)}::text[],
      ${wakes.map(({ row }) => row.dueMillis!)}::bigint[])
      as new (timer, partition, merchant, payment_id, due_millis)
    on conflict (timer) do update set due_millis = excluded.due_millis`

const forgetReviews = (reviews: ReadonlyArray<Located<"Review">>): Statement =>
  sql`
    delete from payment_reviews
    where payment_id = any(${reviews.map(({ row }) => row.paymentId)}::text[])`

const saveReviews = (reviews: ReadonlyArray<Located<"Review">>): Statement =>
  sql`
    insert into payment_reviews (payment_id, merchant, opened_millis)
    select * from unnest(${reviews.map(({ row }) => row.paymentId)}::text[],
      ${reviews.map(({ merchant }) => merchant)}::text[],
      ${reviews.map(({ at }) => at)}::bigint[])`

interface SavedDispute {
  readonly merchant: string
  readonly row: Extract<Row, { _tag: "Dispute" }>
}

/** Disputes beside the payments that hold them, so that they can be listed. */
const saveDisputes = (disputes: ReadonlyArray<SavedDispute>): Statement =>
  sql`
    insert into disputes (payment_id, dispute_id, merchant, currency, status, opened_millis, doc)
    select * from ${
    rowsOf(disputes, {
      payment_id: ["text", ({ row }) => row.paymentId],
      dispute_id: ["text", ({ row }) => row.dispute.id],
      merchant: ["text", ({ merchant }) => merchant],
      currency: ["text", ({ row }) => row.currency],
      status: ["text", ({ row }) => row.dispute.status],
      opened_millis: ["bigint", ({ row }) => row.dispute.opened_at],
      doc: ["jsonb", ({ row }) => canonicalJson(row.dispute)]
    })
  } as changed
    on conflict (payment_id, dispute_id)
      do update set status = excluded.status, doc = excluded.doc`

/** Wakes found in one look. The rest is found in the next. */
const OVERDUE_MAX = 200

export const overdue = Effect.fnUntraced(function* (partition: number, beforeMillis: number) {
  const database = yield* Database
  const { rows } = yield* database.query(
    "payments.overdue",
    (db) =>
      sql<{ timer: string; merchant: string; payment_id: string; due_millis: string }>`
      select timer, merchant, payment_id, due_millis from payment_wakes w
      where partition = ${partition} and due_millis < ${beforeMillis}
        and not ${isSetAside("payments", [sql`w.payment_id`, sql`w.timer`])}
      order by due_millis limit ${OVERDUE_MAX}`.execute(db)
  )
  return rows.map((row) => ({
    id: row.timer,
    atMillis: Number(row.due_millis),
    type: "wake",
    merchant: row.merchant,
    body: { payment_id: row.payment_id, timer: row.timer, due: Number(row.due_millis) }
  }))
})
