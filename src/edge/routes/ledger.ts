import { Effect, Schema } from "effect"
import { formatMinorUnits } from "../../domain/currency.ts"
import { isStorable } from "../../domain/text.ts"
import {
  type ExplainedBalance,
  explainedBalance,
  explainedBalanceAsOf
} from "../../ledger/balance.ts"
import { normalSide } from "../../ledger/chart.ts"
import {
  currencyOf,
  statementBounds,
  type StatementLine,
  statementLines
} from "../../ledger/statement.ts"
import { Database } from "../../store/database.ts"
import { type Cell, csvAnswer, FormatQuery, once, wantsCsv } from "../csv.ts"
import { shownMoment } from "../../domain/moment.ts"
import { momentQuery, pastMomentOf, periodOf } from "../moment.ts"
import { type Problem, problem } from "../problem.ts"
import { read } from "../reading.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  MerchantQuery,
  ok,
  readableMerchantOf,
  type Route
} from "../route.ts"
import { BalanceSheet, Statement } from "../resources/ledger.ts"
import { json, orCsv } from "../shape.ts"
import { invalidCursor } from "../shelf.ts"

const PAGE_MAX = 500
/** Lines read at once for an export. */
const EXPORT_LINES = 1_000
const ID_CHARACTERS_SHOWN = 100

const accountNotFound = (id: string) =>
  problem("account_not_found", `there is no account ${id.slice(0, ID_CHARACTERS_SHOWN)}`)

/** Positive on the side on which the account grows. */
const signed = (path: string, debits: string, credits: string): bigint =>
  normalSide(path) === "debit" ? BigInt(debits) - BigInt(credits) : BigInt(credits) - BigInt(debits)

const balanceShown = (found: ExplainedBalance, asOfMillis: number | undefined) => {
  const { holds, holds_count, path, ...rest } = found
  const posted = signed(path, rest.posted_debits, rest.posted_credits)
  const leaving = normalSide(path) === "debit" ? rest.pending_credits : rest.pending_debits
  return {
    id: path,
    as_of: asOfMillis === undefined ? null : shownMoment(asOfMillis),
    ...rest,
    balance: posted.toString(),
    // What is held to leave is not there to be used; what is held to come is not there yet.
    available: (posted - BigInt(leaving)).toString(),
    holds: holds.map(({ placed_millis, ...hold }) => ({
      ...hold,
      placed_at: shownMoment(placed_millis)
    })),
    holds_count: Number(holds_count)
  }
}

const balance = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = readableMerchantOf(asked)
  const id = asked.path["id"]!
  const asOf = yield* pastMomentOf(asked, "as_of")
  const found = isStorable(id)
    ? yield* read(
      "edge.balance",
      (db) =>
        asOf === undefined
          ? explainedBalance(db, merchant, id)
          : explainedBalanceAsOf(db, merchant, id, asOf)
    )
    : undefined
  if (found === undefined) return yield* accountNotFound(id)
  const shown = balanceShown(found, asOf)
  if (!wantsCsv(asked)) return ok(shown)
  const money = (minorUnits: string) => formatMinorUnits(BigInt(minorUnits), found.currency)
  const line = (
    what: string,
    paymentId: Cell,
    placedAt: Cell,
    amount: string
  ) => [id, found.currency, shown.as_of, shown.version, what, paymentId, placedAt, money(amount)]
  return csvAnswer(
    "balance",
    balanceColumns,
    once([
      line("balance", null, null, shown.balance),
      line("available", null, null, shown.available),
      line("posted_debits", null, null, shown.posted_debits),
      line("posted_credits", null, null, shown.posted_credits),
      line("pending_debits", null, null, shown.pending_debits),
      line("pending_credits", null, null, shown.pending_credits),
      ...shown.holds.map((hold) =>
        line(`hold_${hold.side}`, hold.payment_id, hold.placed_at, hold.amount)
      )
    ])
  )
})

const balanceColumns = [
  "account",
  "currency",
  "as_of",
  "version",
  "what",
  "payment_id",
  "placed_at",
  "amount"
]

/**
 * A statement as its first page found it, and where a page of it begins: with that, every page tells
 * of one moment, and a later one reads no more than its own lines.
 */
interface Place {
  readonly currency: string
  readonly first: string
  readonly end: string
  /** The balance before the page. */
  readonly running: string
  readonly opening: string
  readonly closing: string
  readonly toMillis: number
}

const CURSOR = /^(\d{1,18})\.(\d{1,18})\.(-?\d{1,38})\.(-?\d{1,38})\.(-?\d{1,38})\.(\d{1,15})$/

const parseCursor = (cursor: string): Omit<Place, "currency"> | undefined => {
  const [, first, end, running, opening, closing, toMillis] = CURSOR.exec(cursor) ?? []
  return toMillis === undefined ? undefined : {
    first: first!,
    end: end!,
    running: running!,
    opening: opening!,
    closing: closing!,
    toMillis: Number(toMillis)
  }
}

const cursorOf = ({ closing, end, first, opening, running, toMillis }: Place): string =>
  [first, end, running, opening, closing, toMillis].join(".")

const linesShown = (path: string, lines: ReadonlyArray<StatementLine>, running: bigint) => {
  let balance = running
  return lines.map(({ at_millis, position: _, ...line }) => {
    balance += line.side === normalSide(path) ? BigInt(line.amount) : -BigInt(line.amount)
    return { ...line, at: shownMoment(at_millis), balance: balance.toString() }
  })
}

/** Where the asked page begins. Only the first page looks for what the statement encloses. */
const placeOf = Effect.fnUntraced(function* (
  asked: Asked,
  path: string,
  period: { readonly fromMillis: number; readonly toMillis: number }
): Effect.fn.Return<Place, Problem, Database> {
  const merchant = readableMerchantOf(asked)
  if (!isStorable(path)) return yield* accountNotFound(path)
  const { cursor } = asked.query
  // An export is of the whole statement.
  if (cursor !== undefined && !wantsCsv(asked)) {
    const after = parseCursor(cursor)
    if (after === undefined) return yield* invalidCursor
    const currency = yield* read("edge.account", (db) => currencyOf(db, merchant, path))
    if (currency === undefined) return yield* accountNotFound(path)
    return { ...after, currency }
  }
  const bounds = yield* read("edge.statement", (db) => statementBounds(db, merchant, path, period))
  if (bounds === undefined) return yield* accountNotFound(path)
  const { currency, end, first } = bounds
  const opening = signed(path, bounds.opening_debits, bounds.opening_credits).toString()
  const closing = signed(path, bounds.closing_debits, bounds.closing_credits).toString()
  return { currency, first, end, running: opening, opening, closing, toMillis: period.toMillis }
})

const statement = Effect.fnUntraced(function* (asked: Asked) {
  const id = asked.path["id"]!
  const given = yield* periodOf(asked)
  const fromMillis = given.fromMillis ?? 0
  const place = yield* placeOf(asked, id, {
    fromMillis,
    toMillis: given.toMillis ?? Date.now() + 1
  })
  if (wantsCsv(asked)) return yield* statementCsv(id, place)
  const limit = limitOf(asked)
  const found = yield* read(
    "edge.statement.lines",
    (db) => statementLines(db, id, place, limit + 1)
  )
  const lines = linesShown(id, found.slice(0, limit), BigInt(place.running))
  const next = found[limit]
  return ok({
    account: id,
    currency: place.currency,
    from: shownMoment(fromMillis),
    to: shownMoment(place.toMillis),
    opening_balance: place.opening,
    closing_balance: place.closing,
    data: lines,
    has_more: next !== undefined,
    next_cursor: next === undefined
      ? null
      : cursorOf({ ...place, first: next.position, running: lines.at(-1)!.balance })
  })
})

const statementColumns = [
  "account",
  "currency",
  "at",
  "entry_id",
  "kind",
  "payment_id",
  "side",
  "other_account",
  "amount",
  "balance"
]

const statementCsv = Effect.fnUntraced(function* (path: string, place: Place) {
  const database = yield* Database
  const { currency } = place
  const money = (minorUnits: string | bigint) => formatMinorUnits(BigInt(minorUnits), currency)
  const edge = (
    kind: string,
    amount: bigint
  ): ReadonlyArray<Cell> => [
    path,
    currency,
    null,
    null,
    kind,
    null,
    null,
    null,
    null,
    money(amount)
  ]
  const opening = BigInt(place.opening)
  async function* rows() {
    yield [edge("opening_balance", opening)]
    let { first } = place
    let running = opening
    for (;;) {
      const found = await Effect.runPromise(
        database.query(
          "edge.statement.export",
          (db) => statementLines(db, path, { first, end: place.end }, EXPORT_LINES + 1)
        )
      )
      const lines = linesShown(path, found.slice(0, EXPORT_LINES), running)
      running = BigInt(lines.at(-1)?.balance ?? running)
      yield lines.map((line): ReadonlyArray<Cell> => [
        path,
        currency,
        line.at,
        line.entry_id,
        line.kind,
        line.payment_id,
        line.side,
        line.other_account,
        money(line.amount),
        money(line.balance)
      ])
      const next = found[EXPORT_LINES]
      if (next === undefined) break
      first = next.position
    }
    yield [edge("closing_balance", BigInt(place.closing))]
  }
  return csvAnswer("statement", statementColumns, rows())
})

export const ledgerRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/accounts/{id}/balance",
    summary: "A balance with the holds behind it, at one version; now or as of a time",
    operationId: "getBalance",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: {
      as_of: momentQuery("The end of this millisecond."),
      format: FormatQuery,
      merchant: MerchantQuery
    },
    answers: { 200: orCsv(json("The balance", BalanceSheet), balanceColumns) },
    problems: ["account_not_found"],
    handle: balance
  },
  {
    method: "GET",
    path: "/v1/accounts/{id}/statement",
    summary: "Opening balance, every posting with the balance after it, closing balance",
    operationId: "getStatement",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: {
      from: momentQuery("The first moment of the statement; from the beginning without it."),
      to: momentQuery("The first moment after it; until now without it."),
      limit: limitQuery(PAGE_MAX),
      cursor: {
        schema: Schema.String,
        about: "The next_cursor of the page before, with the same from and to."
      },
      format: FormatQuery,
      merchant: MerchantQuery
    },
    answers: { 200: orCsv(json("A page of the statement", Statement), statementColumns) },
    problems: ["account_not_found"],
    handle: statement
  }
]
