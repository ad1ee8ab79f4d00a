import { Effect, Schema } from "effect"
import { verifierKeys } from "../../ledger/receipt.ts"
import { actionLinks } from "../../store/actionChain.ts"
import { Database } from "../../store/database.ts"
import { read } from "../reading.ts"
import { json, text } from "../shape.ts"
import {
  type Asked,
  limitOf,
  limitQuery,
  MerchantQuery,
  ok,
  readableMerchantOf,
  type Route
} from "../route.ts"

const PAGE_MAX = 200
const EXPORTED_AT_ONCE = 500
const JSON_LINES = "application/jsonl"

const maybe = Schema.optionalKey(Schema.NullOr(Schema.String))
/** An act, or what came of one that is named by the same identifier. */
const Entry = Schema.Struct({
  number: Schema.Int,
  kind: Schema.Literals(["act", "outcome"]),
  id: Schema.String,
  at: Schema.String,
  who: maybe,
  action: maybe,
  family: maybe,
  merchant: maybe,
  key: maybe,
  dead_letter: maybe,
  why: maybe,
  outcome: maybe
}).annotate({ identifier: "AuditEntry" })

/** What was done, oldest first: all of it for the platform's people, a merchant's own for the merchant's. */
const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = readableMerchantOf(asked)
  const limit = limitOf(asked)
  const after = Number(asked.query["after"] ?? 0)
  const found = yield* read(
    "edge.actionLog",
    (db) => actionLinks(db, { after, limit: limit + 1, merchant })
  )
  const page = found.slice(0, limit)
  return ok({
    data: page.map(({ entry, number }) => ({ number, ...JSON.parse(entry) })),
    has_more: found.length > limit,
    next_cursor: page.at(-1)?.number ?? after
  })
})

/** The chain as it lies there, with the keys it is signed by in the first line. */
const exported = Effect.fnUntraced(function* () {
  const database = yield* Database
  const keys = yield* read("edge.actionLog.keys", verifierKeys)
  const utf8 = new TextEncoder()
  let after = 0
  return {
    status: 200,
    headers: { "content-type": JSON_LINES, "cache-control": "no-store" },
    raw: new ReadableStream<Uint8Array>({
      start: (controller) =>
        controller.enqueue(
          utf8.encode(JSON.stringify({ format: "lastro-actions-1", keys }) + "\n")
        ),
      pull: async (controller) => {
        const links = await Effect.runPromise(database.query(
          "edge.actionLog.export",
          (db) => actionLinks(db, { after, limit: EXPORTED_AT_ONCE })
        ))
        if (links.length === 0) return controller.close()
        after = links.at(-1)!.number
        controller.enqueue(
          utf8.encode(links.map((link) => JSON.stringify(link) + "\n").join(""))
        )
      }
    })
  }
})

export const actionLogRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/audit/actions",
    summary: "Who did what, in the order of the signed chain; a merchant's people see their own",
    audience: "merchant",
    scope: "audit:read",
    query: {
      after: {
        schema: Schema.String.check(Schema.isPattern(/^\d{1,15}$/)),
        about: "The number of the last entry seen."
      },
      limit: limitQuery(PAGE_MAX),
      merchant: MerchantQuery
    },
    operationId: "listAuditEntries",
    tag: "Audit",
    answers: {
      200: json(
        "A page of entries",
        Schema.Struct({
          data: Schema.Array(Entry),
          has_more: Schema.Boolean,
          next_cursor: Schema.Int
        })
      )
    },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/audit/actions/export",
    summary: "The whole chain as JSON lines, for `lastro audit actions verify`",
    audience: "operator",
    scope: "audit:read",
    operationId: "exportAuditEntries",
    tag: "Audit",
    answers: { 200: text("One JSON object a line, in the order of the chain", JSON_LINES) },
    handle: exported
  }
]
