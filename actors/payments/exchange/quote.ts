import { Schema } from "effect"
import type { Received } from "../../../src/runtime/actor.ts"
import type { QuoteResource } from "../../../streams/resources/wallet.ts"
import { isQuote, type State } from "../state.ts"
import type { RefusalCode } from "../refusalCode.ts"
import type { Terms } from "../terms.ts"
import { ExchangedFields, exchangedResourceOf, time } from "./exchanged.ts"
import { pairedId } from "./pairedId.ts"

/** A price that holds until its time, for one conversion or one payment. */
export const Quote = Schema.TaggedStruct("Quote", {
  ...ExchangedFields,
  side: Schema.Literals(["from", "to"]),
  /** The conversion or payment that took it. Open where left out, also after its time: that is the clock's to say. */
  used_by: Schema.optionalKey(Schema.String),
  expires_at: Schema.Finite
})
export type Quote = typeof Quote.Type

/** How long a quote is known after its time: whoever repeats a command does it sooner. */
export const QUOTE_KEPT_MILLIS = 86_400_000

/** After this it counts for nothing, and its row may go. */
const isKept = ({ expires_at }: Quote, at: number): boolean => at < expires_at + QUOTE_KEPT_MILLIS

/** The quote of a state, as long as it counts: the row may be there longer. */
export const quoteIn = (state: State | undefined, at: number): Quote | undefined =>
  state !== undefined && isQuote(state) && isKept(state, at) ? state : undefined

/** The quote that may be used now, or why there is none. */
export const usableQuote = (
  state: State | undefined,
  id: string,
  { at, merchant }: Pick<Received<Terms>, "at" | "merchant">
): Quote | readonly [code: RefusalCode, detail: string] => {
  const quote = quoteIn(state, at)
  if (quote?.id !== id) return ["quote_not_found", `${merchant} has no quote ${id}`]
  if (quote.used_by !== undefined) return ["quote_used", `the quote was used by ${quote.used_by}`]
  if (at < quote.expires_at) return quote
  return ["quote_expired", `the quote held until ${time(quote.expires_at)}`]
}

/** It is used by one thing, and by no other after it. */
export const usedBy = (quote: Quote, id: string, at: number): Quote => ({
  ...quote,
  used_by: id,
  updated_at: at,
  version: quote.version + 1
})

/** What had it took no money at it: while it holds, something else may use it. */
export const givenBack = (quote: Quote, by: string, at: number): Quote | undefined => {
  const { used_by, ...open } = quote
  return used_by === by && at < quote.expires_at
    ? { ...open, updated_at: at, version: quote.version + 1 }
    : undefined
}

const PREFIX = "fxq"

export const quoteIdOf = (
  merchant: string,
  commandId: string,
  pair: readonly [from: string, to: string]
): string => pairedId(PREFIX, merchant, commandId, pair)

export const isQuoteKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

export const quoteResourceOf = (quote: Quote): QuoteResource => ({
  ...exchangedResourceOf(quote),
  status: quote.used_by === undefined ? "open" : "used",
  side: quote.side,
  ...(quote.used_by !== undefined && { used_by: quote.used_by }),
  expires_at: time(quote.expires_at)
})
