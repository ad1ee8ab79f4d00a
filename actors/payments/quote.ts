import { Schema } from "effect"
import { ExchangedFields, exchangedResourceOf, time } from "./exchanged.ts"
import { pairedId } from "./pairedId.ts"
import { isQuote, type State } from "./state.ts"

/** A price that holds until its time, for one conversion. */
export const Quote = Schema.TaggedStruct("Quote", {
  ...ExchangedFields,
  side: Schema.Literals(["from", "to"]),
  /** What became of it. Open where left out, also after its time: that is the clock's to say. */
  conversion: Schema.optionalKey(Schema.String),
  expires_at: Schema.Finite
})
export type Quote = typeof Quote.Type

/** How long a quote is known after its time: whoever repeats a command does it sooner. */
export const QUOTE_KEPT_MILLIS = 86_400_000

/** After this it counts for nothing, and its row may go. */
export const isKept = ({ expires_at }: Quote, at: number): boolean =>
  at < expires_at + QUOTE_KEPT_MILLIS

/** The quote of a state, as long as it counts: the row may be there longer. */
export const quoteIn = (state: State | undefined, at: number): Quote | undefined =>
  state !== undefined && isQuote(state) && isKept(state, at) ? state : undefined

const PREFIX = "fxq"

export const quoteIdOf = (
  merchant: string,
  commandId: string,
  pair: readonly [from: string, to: string]
): string => pairedId(PREFIX, merchant, commandId, pair)

export const isQuoteKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

export const quoteResourceOf = (quote: Quote) => ({
  ...exchangedResourceOf(quote),
  status: quote.conversion === undefined ? "open" : "used",
  side: quote.side,
  ...(quote.conversion !== undefined && { conversion: quote.conversion }),
  expires_at: time(quote.expires_at)
})
