import { Effect, Schema } from "effect"
import { conversionIdOf, conversionResourceOf } from "../../../actors/payments/conversion.ts"
import { keyOf, pairOf } from "../../../actors/payments/pairedId.ts"
import { quoteIdOf, quoteResourceOf } from "../../../actors/payments/quote.ts"
import { findConversion, findQuote, listConversions } from "../../../actors/payments/read.ts"
import { ConvertFields, QuoteFields, ReverseFields } from "../../../streams/messages/fx.ts"
import { Database } from "../../store/database.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitQuery, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"

const PAGE_MAX = 100
const PAGE_DEFAULT = 20

const QUOTE = /^fxq_[0-9a-z]{26}_[a-z]{6}$/
const CONVERSION = /^fxc_[0-9a-z]{26}_[a-z]{6}$/

/** The conversion as it is now, for who waits; nothing where it cannot be read. */
const currentOf = Effect.fnUntraced(function* (merchant: string, id: string) {
  const database = yield* Database
  return database.query("edge.conversion", (db) => findConversion(db, merchant, id)).pipe(
    Effect.map((conversion) => conversion && conversionResourceOf(conversion)),
    Effect.orElseSucceed(() => undefined)
  )
})

const quote = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const { from, to } = asked.json as { readonly from: string; readonly to: string }
  const id = quoteIdOf(merchant, key, [from, to])
  const database = yield* Database
  return yield* perform(asked, {
    family: "payments",
    type: "quote",
    merchant,
    about: id,
    location: `/v1/fx/quotes/${id}`,
    body: { ...(asked.json as object), command_id: key },
    current: database.query("edge.quote", (db) => findQuote(db, merchant, id)).pipe(
      Effect.map((found) => found && quoteResourceOf(found)),
      Effect.orElseSucceed(() => undefined)
    ),
    isOutcome: () => true
  })
})

const getQuote = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const found = QUOTE.test(id)
    ? yield* read("edge.quote", (db) => findQuote(db, merchant, id))
    : undefined
  if (found?.id !== id) return yield* problem(404, "quote_not_found", "there is no such quote")
  return ok(quoteResourceOf(found))
})

const convert = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const { quote_id } = asked.json as { readonly quote_id: string }
  const id = conversionIdOf(merchant, key, pairOf(quote_id))
  return yield* perform(asked, {
    family: "payments",
    type: "convert",
    merchant,
    about: id,
    location: `/v1/fx/conversions/${id}`,
    body: { ...(asked.json as object), command_id: key },
    current: yield* currentOf(merchant, id),
    isOutcome: () => true
  })
})

const conversionNotFound = problem(404, "conversion_not_found", "there is no such conversion")

const getConversion = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const found = CONVERSION.test(id)
    ? yield* read("edge.conversion", (db) => findConversion(db, merchant, id))
    : undefined
  if (found?.id !== id) return yield* conversionNotFound
  return ok(conversionResourceOf(found))
})

/** An operator's: a merchant who may choose the old rate afterwards would never lose by it. */
const reverse = Effect.fnUntraced(function* (asked: Asked) {
  const id = asked.path["id"]!
  if (!CONVERSION.test(id)) return yield* conversionNotFound
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  return yield* perform(asked, {
    family: "payments",
    type: "reverse_conversion",
    merchant,
    about: id,
    location: `/v1/fx/conversions/${id}`,
    body: { ...(asked.json as object), conversion_id: id, command_id: key },
    current: yield* currentOf(merchant, id)
  })
})

const parseCursor = (cursor: string) => {
  const match = /^(\d{1,15})\.(fxc_[0-9a-z]{26})$/.exec(cursor)
  return match === null ? undefined : { createdMillis: Number(match[1]), id: match[2]! }
}

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = Number(asked.query["limit"] ?? PAGE_DEFAULT)
  const { cursor } = asked.query
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor !== undefined && after === undefined) {
    return yield* problem(400, "invalid_cursor", "this cursor is not one of ours")
  }
  const found = yield* read(
    "edge.conversions",
    (db) => listConversions(db, merchant, { ...(after && { after }), limit: limit + 1 })
  )
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const more = found.length > limit && last !== undefined
  return ok({
    data: page.map(conversionResourceOf),
    has_more: more,
    next_cursor: more ? `${last.created_at}.${keyOf(last.id)}` : null
  })
})

const taken = "Taken durably; `Location` says where it will be."

export const fxRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/fx/quotes",
    summary: "Ask what an amount is worth in another currency, as a price that holds for a while",
    audience: "merchant",
    body: Schema.Struct(QuoteFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The quote (with `Prefer: wait=…`).",
      202: taken,
      422: "Not valid, no rate for this direction, or worth nothing."
    },
    handle: quote
  },
  {
    method: "GET",
    path: "/v1/fx/quotes/{id}",
    summary: "A quote as it is now",
    audience: "merchant",
    query: { merchant: MerchantQuery },
    answers: { 200: "The quote", 404: "No such quote" },
    handle: getQuote
  },
  {
    method: "POST",
    path: "/v1/fx/conversions",
    summary: "Convert what is available into another currency, at a quote",
    audience: "merchant",
    body: Schema.Struct(ConvertFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The conversion (with `Prefer: wait=…`), booked.",
      202: taken,
      404: "No such quote.",
      409: "The quote expired or was used, or not so much is available.",
      422: "Not valid."
    },
    handle: convert
  },
  {
    method: "GET",
    path: "/v1/fx/conversions",
    summary: "List conversions, newest first",
    audience: "merchant",
    query: {
      limit: limitQuery(PAGE_MAX),
      cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
      merchant: MerchantQuery
    },
    answers: { 200: "A page" },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/fx/conversions/{id}",
    summary: "A conversion as it is now",
    audience: "merchant",
    query: { merchant: MerchantQuery },
    answers: { 200: "The conversion", 404: "No such conversion" },
    handle: getConversion
  },
  {
    method: "POST",
    path: "/v1/fx/conversions/{id}/reverse",
    summary: "Take a merchant's conversion back, at its own rate or at the current one",
    audience: "operator",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(ReverseFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The conversion (with `Prefer: wait=…`), taken back.",
      202: taken,
      404: "No such conversion.",
      409: "It was taken back already, or what was bought is not available.",
      422: "Not valid, or no current rate."
    },
    handle: reverse
  }
]
