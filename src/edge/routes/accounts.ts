import { Effect, Schema } from "effect"
import { balanceOf, balancesOf, postingsOf } from "../../ledger/read.ts"
import { isStorable } from "../../domain/text.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  merchantOf,
  MerchantQuery,
  ok,
  type Route
} from "../route.ts"
import { Account, accountOf, Posting, postingOf } from "../resources/account.ts"
import { json, page } from "../shape.ts"
import { invalidCursor } from "../shelf.ts"

const PAGE_MAX = 100
const POSITION_MAX = 9_223_372_036_854_775_807n
const ID_CHARACTERS_SHOWN = 100

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = limitOf(asked)
  const cursor = asked.query["cursor"] ?? ""
  if (!isStorable(cursor)) return yield* invalidCursor
  const found = yield* read("edge.accounts", (db) => balancesOf(db, merchant, cursor, limit + 1))
  const shown = found.slice(0, limit)
  const more = found.length > limit
  return ok({
    data: shown.map(accountOf),
    has_more: more,
    next_cursor: more ? shown.at(-1)!.path : null
  })
})

const find = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const balance = isStorable(id)
    ? yield* read("edge.account", (db) => balanceOf(db, merchant, id))
    : undefined
  if (balance === undefined) {
    const shown = id.slice(0, ID_CHARACTERS_SHOWN)
    return yield* problem("account_not_found", `there is no account ${shown}`)
  }
  return accountOf(balance)
})

const postings = Effect.fnUntraced(function* (asked: Asked) {
  const { id } = yield* find(asked)
  const limit = limitOf(asked)
  const cursor = asked.query["cursor"] ?? String(POSITION_MAX)
  if (!/^\d{1,19}$/.test(cursor) || BigInt(cursor) > POSITION_MAX) return yield* invalidCursor
  const found = yield* read("edge.postings", (db) => postingsOf(db, id, cursor, limit + 1))
  const shown = found.slice(0, limit)
  const more = found.length > limit
  return ok({
    data: shown.map(postingOf),
    has_more: more,
    next_cursor: more ? shown.at(-1)!.position : null
  })
})

const cursor = { schema: Schema.String, about: "The next_cursor of the page before." }

export const accountRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/accounts",
    summary: "Balances: posted and pending debits and credits",
    operationId: "listAccounts",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: { limit: limitQuery(PAGE_MAX), cursor, merchant: MerchantQuery },
    answers: { 200: page("A page of accounts", Account) },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/accounts/{id}",
    summary: "One account's balance",
    operationId: "getAccount",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: { merchant: MerchantQuery },
    answers: { 200: json("The account", Account) },
    problems: ["account_not_found"],
    handle: (asked) => Effect.map(find(asked), (account) => ok(account))
  },
  {
    method: "GET",
    path: "/v1/accounts/{id}/postings",
    summary: "An account's postings, newest first",
    operationId: "listPostings",
    tag: "Ledger",
    audience: "merchant",
    scope: "ledger:read",
    query: { limit: limitQuery(PAGE_MAX), cursor, merchant: MerchantQuery },
    answers: { 200: page("A page of postings", Posting) },
    problems: ["account_not_found"],
    handle: postings
  }
]
