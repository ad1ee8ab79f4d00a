import { Schema } from "effect"
import { BigAmount } from "../../src/domain/money.ts"
import { pairedId } from "./pairedId.ts"

/** What was exchanged or is promised to be: minor units, at which rate of which table. */
export const ExchangeFields = {
  from: Schema.String,
  to: Schema.String,
  sold: BigAmount,
  bought: BigAmount,
  spread: BigAmount,
  rounding: BigAmount,
  rate: Schema.String,
  spread_basis_points: Schema.Int,
  rates_version: Schema.String
}

/** A price that holds until its time, for one conversion. */
export const Quote = Schema.TaggedStruct("Quote", {
  id: Schema.String,
  merchant: Schema.String,
  ...ExchangeFields,
  side: Schema.Literals(["from", "to"]),
  /** What became of it. Open where left out, also after its time: that is the clock's to say. */
  conversion: Schema.optionalKey(Schema.String),
  /** What the command said: the same again changes nothing. */
  fingerprint: Schema.String,
  expires_at: Schema.Finite,
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
  version: Schema.Int
})
export type Quote = typeof Quote.Type

/** How long a quote is known after its time: whoever repeats a command does it sooner. */
export const QUOTE_KEPT_MILLIS = 86_400_000

/** After this it counts for nothing, and its row may go. */
export const isKept = ({ expires_at }: Quote, at: number): boolean =>
  at < expires_at + QUOTE_KEPT_MILLIS

const PREFIX = "fxq"

export const quoteIdOf = (
  merchant: string,
  commandId: string,
  pair: readonly [from: string, to: string]
): string => pairedId(PREFIX, merchant, commandId, pair)

export const isQuoteKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

export const time = (millis: number): string => new Date(millis).toISOString()

const Exchanged = Schema.Struct(ExchangeFields)

export const exchangeResourceOf = (one: typeof Exchanged.Type) => ({
  from: one.from,
  to: one.to,
  from_amount: Number(one.sold),
  to_amount: Number(one.bought),
  rate: one.rate,
  rates_version: one.rates_version,
  spread_basis_points: one.spread_basis_points,
  spread: Number(one.spread),
  rounding: Number(one.rounding)
})

export const quoteResourceOf = (quote: Quote) => ({
  id: quote.id,
  merchant: quote.merchant,
  status: quote.conversion === undefined ? "open" : "used",
  side: quote.side,
  ...exchangeResourceOf(quote),
  ...(quote.conversion !== undefined && { conversion: quote.conversion }),
  expires_at: time(quote.expires_at),
  created_at: time(quote.created_at),
  version: quote.version
})
