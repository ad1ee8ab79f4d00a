import { Effect, Schema } from "effect"
import { isAsked, paymentsAbout } from "../../../actors/payments/search.ts"
import { formatMinorUnits } from "../../domain/currency.ts"
import { isStorable } from "../../domain/text.ts"
import { balanceOf } from "../../ledger/read.ts"
import { type FoundEntry, type JournalPlace, searchJournal } from "../../ledger/search.ts"
import { trialBalance, trialBalanceAsOf } from "../../ledger/trialBalance.ts"
import { Database } from "../../store/database.ts"
import { type Cell, csvAnswer, FormatQuery, once, wantsCsv } from "../csv.ts"
import { shownMoment } from "../../domain/moment.ts"
import { momentQuery, pastMomentOf, periodOf } from "../moment.ts"
import { read } from "../reading.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  merchantOf,
  MerchantQuery,
  ok,
  readableMerchantOf,
  type Route
} from "../route.ts"
import { JournalEntry, TrialBalance } from "../resources/ledger.ts"
import { json, orCsv, page } from "../shape.ts"
import { aboutOf, aboutQuery, periodQuery } from "../search.ts"
import { invalidCursor } from "../shelf.ts"

const PAGE_MAX = 200
/** Entries read at once for an export. */
const EXPORT_ENTRIES = 500
const NAME_CHARACTERS_MAX = 200

const parseCursor = (cursor: string): JournalPlace | undefined => {
  const match = /^(\d{1,15})\.([a-z]{2,4}_[0-9a-z]{26})$/.exec(cursor)
  return match === null ? undefined : { atMillis: Number(match[1]), id: match[2]! }
}

const placeOf = (entry: FoundEntry): JournalPlace => ({
  atMillis: Number(entry.at_millis),
  id: entry.id
})

/** A merchant searches its own accounts: through the platform's it would read through everybody's. */
const assertOwnAccount = Effect.fnUntraced(function* (
  merchant: string | undefined,
  account: string | undefined
) {
  if (merchant === undefined || account === undefined) return true
  return (yield* read("edge.account", (db) => balanceOf(db, merchant, account))) !== undefined
})

const questionOf = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = readableMerchantOf(asked)
  const { account, cursor, kind, payment_id: paymentId } = asked.query
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor !== undefined && after === undefined) {
    return yield* invalidCursor
  }
  const about = aboutOf(asked)
  return {
    ...yield* periodOf(asked),
    ...(isAsked(about) && { payments: paymentsAbout(yield* merchantOf(asked), about) }),
    ...(merchant !== undefined && { merchant }),
    ...(paymentId !== undefined && { paymentId }),
    ...(account !== undefined && { account }),
    ...(kind !== undefined && { kind }),
    ...(after && { after })
  }
})

type Question = Effect.Success<ReturnType<typeof questionOf>>

const search = Effect.fnUntraced(function* (asked: Asked) {
  const question = yield* questionOf(asked)
  const known = yield* assertOwnAccount(question.merchant, question.account)
  if (wantsCsv(asked)) return yield* searchCsv(known ? question : undefined)
  const limit = limitOf(asked)
  const found = known
    ? yield* read("edge.journal", (db) => searchJournal(db, { ...question, limit: limit + 1 }))
    : []
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  const more = found.length > limit && last !== undefined
  return ok({
    data: shown.map(({ at_millis, ...entry }) => ({ ...entry, at: shownMoment(at_millis) })),
    has_more: more,
    next_cursor: more ? `${last.at_millis}.${last.id}` : null
  })
})

const journalColumns = [
  "entry_id",
  "at",
  "kind",
  "merchant",
  "payment_id",
  "layer",
  "debit_account",
  "credit_account",
  "amount",
  "currency"
]

const linesOf = (entry: FoundEntry): ReadonlyArray<ReadonlyArray<Cell>> =>
  entry.postings.map((posting) => [
    entry.id,
    shownMoment(entry.at_millis),
    entry.kind,
    entry.merchant,
    entry.payment_id,
    posting.layer,
    posting.debit_account,
    posting.credit_account,
    formatMinorUnits(BigInt(posting.amount), posting.currency),
    posting.currency
  ])

const searchCsv = Effect.fnUntraced(function* (question: Question | undefined) {
  const database = yield* Database
  async function* rows() {
    for (let asked = question; asked !== undefined;) {
      const next: Question = asked
      const found = await Effect.runPromise(
        database.query(
          "edge.journal.export",
          (db) => searchJournal(db, { ...next, limit: EXPORT_ENTRIES })
        )
      )
      yield found.flatMap(linesOf)
      const last = found.at(-1)
      asked = found.length < EXPORT_ENTRIES || last === undefined
        ? undefined
        : { ...next, after: placeOf(last) }
    }
  }
  return csvAnswer("journal", journalColumns, rows())
})

const trial = Effect.fnUntraced(function* (asked: Asked) {
  const asOf = yield* pastMomentOf(asked, "as_of")
  const data = yield* read(
    "edge.trialBalance",
    (db) => asOf === undefined ? trialBalance(db) : trialBalanceAsOf(db, asOf)
  )
  if (!wantsCsv(asked)) {
    return ok({ ...(asOf !== undefined && { as_of: shownMoment(asOf) }), data })
  }
  return csvAnswer(
    "trial-balance",
    trialBalanceColumns,
    once(data.map((line) => [
      line.currency,
      asOf === undefined ? null : shownMoment(asOf),
      ...[
        line.debits,
        line.credits,
        line.difference,
        line.pending_difference,
        line.journal_difference
      ].map((minorUnits) => formatMinorUnits(BigInt(minorUnits), line.currency))
    ]))
  )
})

const trialBalanceColumns = [
  "currency",
  "as_of",
  "debits",
  "credits",
  "difference",
  "pending_difference",
  "journal_difference"
]

const name = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(NAME_CHARACTERS_MAX),
  Schema.makeFilter((text: string) => isStorable(text) || "must be well-formed text")
)

export const journalRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/journal",
    summary: "Journal entries with their postings, newest first",
    operationId: "listJournalEntries",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: {
      payment_id: { schema: name, about: "Only entries of this payment." },
      account: { schema: name, about: "Only entries that post on this account." },
      kind: { schema: name, about: "Only entries of this kind, such as `capture`." },
      ...aboutQuery,
      ...periodQuery,
      limit: limitQuery(PAGE_MAX),
      cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
      format: FormatQuery,
      merchant: MerchantQuery
    },
    answers: { 200: orCsv(page("A page of entries", JournalEntry), journalColumns) },
    handle: search
  },
  {
    method: "GET",
    path: "/v1/reports/trial-balance",
    summary: "Debits and credits per currency; the difference is always 0",
    operationId: "getTrialBalance",
    tag: "Ledger",
    audience: "operator",
    scope: "reports:read",
    query: { as_of: momentQuery("The end of this millisecond."), format: FormatQuery },
    answers: { 200: orCsv(json("One line per currency", TrialBalance), trialBalanceColumns) },
    handle: trial
  }
]
