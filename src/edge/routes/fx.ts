import { Effect, Schema } from "effect"
import {
  type Conversion,
  conversionIdOf,
  conversionResourceOf
} from "../../../actors/payments/exchange/conversion.ts"
import { keyOf, pairOf } from "../../../actors/payments/exchange/pairedId.ts"
import { type Quote, quoteIdOf, quoteResourceOf } from "../../../actors/payments/exchange/quote.ts"
import { findConversion, findQuote, listConversions } from "../../../actors/payments/read.ts"
import { ConvertFields, QuoteFields, ReverseFields } from "../../../streams/messages/fx.ts"
import { type Asked, merchantOf, MerchantQuery, type Route } from "../route.ts"
import { command, listed, lookUp, notFound, pageQuery, type Shelf } from "../shelf.ts"

const quotes: Shelf<Quote> = {
  name: "quote",
  madeBy: "quote",
  path: "/v1/fx/quotes",
  id: /^fxq_[0-9a-z]{26}_[a-z]{6}$/,
  find: findQuote,
  shown: quoteResourceOf
}

const conversions: Shelf<Conversion> = {
  name: "conversion",
  madeBy: "convert",
  path: "/v1/fx/conversions",
  id: /^fxc_[0-9a-z]{26}_[a-z]{6}$/,
  find: findConversion,
  shown: conversionResourceOf
}

const quote = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const { from, to } = asked.json as { readonly from: string; readonly to: string }
  return yield* command(asked, quotes, "quote", {
    merchant,
    idOf: (key) => quoteIdOf(merchant, key, [from, to]),
    isOutcome: () => true
  })
})

const convert = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const { quote_id } = asked.json as { readonly quote_id: string }
  return yield* command(asked, conversions, "convert", {
    merchant,
    idOf: (key) => conversionIdOf(merchant, key, pairOf(quote_id)),
    isOutcome: () => true
  })
})

/** An operator's: a merchant who may choose the old rate afterwards would never lose by it. */
const reverse = Effect.fnUntraced(function* (asked: Asked) {
  const conversion_id = asked.path["id"]!
  if (!conversions.id.test(conversion_id)) return yield* notFound(conversions)
  const merchant = yield* merchantOf(asked)
  return yield* command(asked, conversions, "reverse_conversion", {
    merchant,
    idOf: () => conversion_id,
    more: { conversion_id }
  })
})

const taken = "Taken durably; `Location` says where it will be."

export const fxRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/fx/quotes",
    summary: "Ask what an amount is worth in another currency, as a price that holds for a while",
    audience: "merchant",
    scope: "transfers:write",
    body: Schema.Struct(QuoteFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The quote (with `Prefer: wait=…`).",
      202: taken,
      422: "Not valid, no rate for this direction, or worth nothing."
    },
    handle: quote
  },
  lookUp(quotes, "A quote as it is now"),
  {
    method: "POST",
    path: "/v1/fx/conversions",
    summary: "Convert what is available into another currency, at a quote",
    audience: "merchant",
    scope: "transfers:write",
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
    scope: "ledger:read",
    query: pageQuery,
    answers: { 200: "A page" },
    handle: listed(conversions, listConversions, "fxc", { placeOf: keyOf })
  },
  lookUp(conversions, "A conversion as it is now"),
  {
    method: "POST",
    path: "/v1/fx/conversions/{id}/reverse",
    summary: "Take a merchant's conversion back, at its own rate or at the current one",
    audience: "operator",
    scope: "finance:write",
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
