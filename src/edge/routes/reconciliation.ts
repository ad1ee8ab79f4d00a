import { Effect, Schema } from "effect"
import {
  Break,
  breakCursor,
  breaksOf,
  SummaryLine,
  summaryOf
} from "../../../actors/reconciliation/read.ts"
import { read } from "../reading.ts"
import { type Asked, limitOf, limitQuery, MerchantQuery, ok, type Route } from "../route.ts"
import { list, page } from "../shape.ts"
import { invalidCursor } from "../shelf.ts"

const PAGE_MAX = 200

/** A merchant sees its own; an operator everything, or one merchant's. */
const whose = (asked: Asked): string | undefined =>
  asked.caller.merchant === "" ? asked.query["merchant"] : asked.caller.merchant

const summary = (asked: Asked) =>
  Effect.map(
    read("edge.reconciliation", (db) => summaryOf(db, whose(asked))),
    (data) => ok({ data })
  )

const breaks = Effect.fnUntraced(function* (asked: Asked) {
  const given = asked.query["cursor"]
  const after = given === undefined ? undefined : breakCursor(given)
  if (given !== undefined && after === undefined) {
    return yield* invalidCursor
  }
  const limit = limitOf(asked)
  const found = yield* read(
    "edge.breaks",
    (db) => breaksOf(db, whose(asked), { after, limit: limit + 1 })
  )
  const shown = found.slice(0, limit)
  const more = found.length > limit
  return ok({
    data: shown.map(({ cursor: _, ...rest }) => rest),
    has_more: more,
    next_cursor: more ? shown.at(-1)!.cursor : null
  })
})

export const reconciliationRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/reconciliation/summary",
    summary: "Per gateway, day and currency: matched, awaiting, broken",
    operationId: "getReconciliationSummary",
    tag: "Reconciliation",
    audience: "merchant",
    scope: "reports:read",
    query: { merchant: MerchantQuery },
    answers: { 200: list("The newest days", SummaryLine) },
    handle: summary
  },
  {
    method: "GET",
    path: "/v1/reconciliation/breaks",
    summary: "Open breaks with their reasons, the oldest day first",
    operationId: "listBreaks",
    tag: "Reconciliation",
    audience: "merchant",
    scope: "reports:read",
    query: {
      limit: limitQuery(PAGE_MAX),
      cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
      merchant: MerchantQuery
    },
    answers: { 200: page("A page of breaks", Break) },
    handle: breaks
  }
]
