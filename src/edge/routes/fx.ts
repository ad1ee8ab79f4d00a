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
import { ConversionResource, QuoteResource } from "../../../streams/resources/wallet.ts"
import { refusalsOf } from "../problems/commands.ts"
import { type Asked, merchantOf, MerchantQuery, type Route } from "../route.ts"
import { commandAnswers, page } from "../shape.ts"
import { command, listed, lookUp, notFound, pageQuery, type Shelf } from "../shelf.ts"

const quotes: Shelf<Quote> = {
  name: "quote",
  tag: "Exchange",
  commands: ["quote"],
  path: "/v1/fx/quotes",
  id: /^fxq_[0-9a-z]{26}_[a-z]{6}$/,
  find: findQuote,
  shown: quoteResourceOf,
  resource: QuoteResource
}

const conversions: Shelf<Conversion> = {
  name: "conversion",
  tag: "Exchange",
  commands: ["convert", "reverse_conversion"],
  path: "/v1/fx/conversions",
  id: /^fxc_[0-9a-z]{26}_[a-z]{6}$/,
  find: findConversion,
  shown: conversionResourceOf,
  resource: ConversionResource
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

export const fxRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/fx/quotes",
    summary: "Ask what an amount is worth in another currency, as a price that holds for a while",
    operationId: "createQuote",
    tag: "Exchange",
    audience: "merchant",
    scope: "transfers:write",
    body: Schema.Struct(QuoteFields),
    idempotent: true,
    answers: commandAnswers(QuoteResource, "The quote, with `Prefer: wait=…`."),
    problems: refusalsOf("quote"),
    handle: quote
  },
  lookUp(quotes, "A quote as it is now"),
  {
    method: "POST",
    path: "/v1/fx/conversions",
    summary: "Convert what is available into another currency, at a quote",
    operationId: "createConversion",
    tag: "Exchange",
    audience: "merchant",
    scope: "transfers:write",
    body: Schema.Struct(ConvertFields),
    idempotent: true,
    answers: commandAnswers(ConversionResource, "The conversion, booked, with `Prefer: wait=…`."),
    problems: refusalsOf("convert"),
    handle: convert
  },
  {
    method: "GET",
    path: "/v1/fx/conversions",
    summary: "List conversions, newest first",
    operationId: "listConversions",
    tag: "Exchange",
    audience: "merchant",
    scope: "ledger:read",
    query: pageQuery,
    answers: { 200: page("A page of conversions", ConversionResource) },
    handle: listed(conversions, listConversions, "fxc", { placeOf: keyOf })
  },
  lookUp(conversions, "A conversion as it is now"),
  {
    method: "POST",
    path: "/v1/fx/conversions/{id}/reverse",
    summary: "Take a merchant's conversion back, at its own rate or at the current one",
    operationId: "reverseConversion",
    tag: "Exchange",
    audience: "operator",
    scope: "finance:write",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(ReverseFields),
    idempotent: true,
    answers: commandAnswers(
      ConversionResource,
      "The conversion, taken back, with `Prefer: wait=…`."
    ),
    problems: refusalsOf("reverse_conversion"),
    handle: reverse
  }
]
