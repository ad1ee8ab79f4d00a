import { Result } from "effect"
import { buy, type Exchange, sell } from "../../../src/domain/exchange.ts"
import { fingerprint } from "../../../src/domain/fingerprint.ts"
import { AMOUNT_MAX } from "../../../src/domain/money.ts"
import { converted } from "../../../src/ledger/fx.ts"
import type { JournalEntry } from "../../../src/ledger/journal.ts"
import type { MessageOf, Received, States } from "../../../src/runtime/actor.ts"
import type { EventWith } from "../../../streams/events.ts"
import { FxMessages } from "../../../streams/messages/fx.ts"
import { type Balance, balanceIdOf, ownerOf } from "../wallet/balance.ts"
import * as books from "../wallet/books.ts"
import { type Decided, NOTHING, refuse } from "../decided.ts"
import { eventOf } from "../event.ts"
import { commandKeyOf } from "../refused.ts"
import { isConversion, type State, type Terms } from "../state.ts"
import { balanceOf, credited } from "../wallet/transfers.ts"
import { type Conversion, conversionIdOf, conversionResourceOf } from "./conversion.ts"
import { rateFor } from "./exchanged.ts"
import { reverse } from "./fxReversal.ts"
import { keyOf, pairOf } from "./pairedId.ts"
import {
  givenBack,
  type Quote,
  quoteIdOf,
  quoteIn,
  quoteResourceOf,
  usableQuote,
  usedBy
} from "./quote.ts"

type Message = MessageOf<typeof FxMessages>
type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

export const isFxMessage = (
  message: { readonly type: string }
): message is Message => Object.hasOwn(FxMessages, message.type)

/** How long a quote holds where the terms do not say. */
const QUOTE_SECONDS = 60

const walletsOf = (pair: readonly [from: string, to: string]): readonly [string, string] => [
  balanceIdOf(pair[0], undefined),
  balanceIdOf(pair[1], undefined)
]

/** The quote or the conversion is the key; the wallets that it moves are named by its identifier. */
export const fxKeysOf = (
  message: Message,
  merchant: string
): readonly [string, ...Array<string>] => {
  switch (message.type) {
    case "quote": {
      const { command_id, from, to } = message.body
      return [keyOf(quoteIdOf(merchant, command_id, [from, to]))]
    }
    case "quote_given_back":
      return [keyOf(message.body.quote_id)]
    case "convert": {
      const { command_id, quote_id } = message.body
      const pair = pairOf(quote_id)
      const conversion = conversionIdOf(merchant, command_id, pair)
      return [keyOf(conversion), keyOf(quote_id), ...walletsOf(pair)]
    }
    case "reverse_conversion": {
      const { command_id, conversion_id } = message.body
      const command = commandKeyOf(message.type, merchant, command_id)
      return [keyOf(conversion_id), ...walletsOf(pairOf(conversion_id)), command]
    }
  }
}

export const decideFx = (
  states: States<State>,
  message: Message,
  received: Received<Terms>
): Decided => {
  const state = states.get(received.keys[0])
  switch (message.type) {
    case "quote":
      return quoted(quoteIn(state, received.at), message.body, received)
    case "quote_given_back": {
      const quote = quoteIn(state, received.at)
      const open = quote && givenBack(quote, message.body.payment_id, received.at)
      return open === undefined ? NOTHING : Result.succeed({ put: [[keyOf(open.id), open]] })
    }
    case "convert":
      return convert(states, conversionIn(state), message.body, received)
    case "reverse_conversion":
      return reversed(states, conversionIn(state), message.body, received)
  }
}

const conversionIn = (state: State | undefined): Conversion | undefined =>
  state !== undefined && isConversion(state) ? state : undefined

const quoted = (
  known: Quote | undefined,
  body: Body<"quote">,
  received: Received<Terms>
): Decided => {
  const { at, config, merchant } = received
  const { amount, command_id, from, side, to } = body
  const { command_id: _, ...wanted } = body
  const print = fingerprint(wanted)
  const id = quoteIdOf(merchant, command_id, [from, to])
  if (known !== undefined) {
    return known.fingerprint === print
      ? answered({ quote: quoteResourceOf(known) }, received)
      : refuse("command_reused", "this command_id was used with another body", id)
  }
  const rate = rateFor(config, [from, to])
  if (rate === undefined || config.fx === undefined) {
    return refuse("unknown_pair", `there is no rate from ${from} to ${to}`, id)
  }
  const price = { from, to, rate: rate.rate, spreadBasisPoints: rate.spread_basis_points }
  const exchange = side === "from" ? sell(price, amount) : buy(price, amount)
  const wrong = unfit(exchange, to)
  if (wrong !== undefined) return refuse(...wrong, id)
  const quote: Quote = {
    _tag: "Quote",
    id,
    merchant,
    from,
    to,
    ...exchange,
    side,
    rate: rate.rate,
    spread_basis_points: rate.spread_basis_points,
    rates_version: config.fx.version,
    fingerprint: print,
    expires_at: at + (config.fx.quote_seconds ?? QUOTE_SECONDS) * 1_000,
    created_at: at,
    updated_at: at,
    version: 1
  }
  const told = { quote: quoteResourceOf(quote) }
  return Result.succeed({
    put: [[keyOf(id), quote]],
    events: [eventOf(id, "fx.quoted", told, received)],
    answers: answersOf(told, received)
  })
}

/** Outside amounts are JSON numbers: none may be beyond what those carry exactly. */
const unfit = (
  { bought, sold, spread }: Exchange,
  to: string
): readonly ["below_minimum" | "amount_too_large", string] | undefined => {
  if (bought === 0n) return ["below_minimum", `it is worth nothing in ${to}`]
  return [bought, sold, spread].some((amount) => amount > AMOUNT_MAX)
    ? ["amount_too_large", `an amount is at most ${AMOUNT_MAX}`]
    : undefined
}

const answersOf = (body: unknown, { replyTo }: Received<Terms>) =>
  replyTo === undefined ? [] : [{ to: replyTo, body }]

/** A repeat: who asks gets the answer, and nothing else happens. */
const answered = (body: unknown, received: Received<Terms>): Decided =>
  received.replyTo === undefined ? NOTHING : Result.succeed({ answers: answersOf(body, received) })

const convert = (
  states: States<State>,
  known: Conversion | undefined,
  body: Body<"convert">,
  received: Received<Terms>
): Decided => {
  const { at, keys: [, quoteKey = "", fromId = "", toId = ""], merchant } = received
  const { command_id, quote_id } = body
  const print = fingerprint({ quote_id })
  const id = conversionIdOf(merchant, command_id, pairOf(quote_id))
  if (known !== undefined) {
    return known.fingerprint === print
      ? answered({ conversion: conversionResourceOf(known) }, received)
      : refuse("command_reused", "this command_id was used with another body", id)
  }
  const quote = usableQuote(states.get(quoteKey), quote_id, received)
  if (!("id" in quote)) return refuse(...quote, id)
  const from = balanceOf(states, fromId, merchant)
  if (quote.sold > from.available) {
    return refuse("insufficient_funds", `${from.available} is available`, id)
  }
  const { bought, rate, rates_version, rounding, sold, spread, spread_basis_points } = quote
  const exchange = { sold, bought, spread, rounding }
  const conversion: Conversion = {
    _tag: "Conversion",
    id,
    merchant,
    quote: quote_id,
    from: quote.from,
    to: quote.to,
    ...exchange,
    rate,
    spread_basis_points,
    rates_version,
    fingerprint: print,
    created_at: at,
    updated_at: at,
    version: 1
  }
  const to = balanceOf(states, toId, merchant)
  const entry = converted(
    ownerOf(from, received.partition),
    ownerOf(to, received.partition),
    id,
    exchange
  )
  const moved = { out: from, taken: sold, into: to, given: bought }
  return booked("fx.converted", conversion, entry, moved, [usedBy(quote, id, at)], received)
}

/** What leaves one wallet and what comes into another, of other currencies. */
interface Moved {
  readonly out: Balance
  readonly taken: bigint
  readonly into: Balance
  readonly given: bigint
}

const booked = (
  event: EventWith<"conversion">,
  conversion: Conversion,
  entry: JournalEntry,
  { given, into, out, taken }: Moved,
  quotes: ReadonlyArray<Quote>,
  received: Received<Terms>
): Decided => {
  const left = {
    ...out,
    available: out.available - taken,
    version: out.version + 1,
    updated_at: received.at
  }
  const filled = books.finish(credited(into, given, received))
  const told = { conversion: conversionResourceOf(conversion) }
  return Result.succeed({
    put: [
      [keyOf(conversion.id), conversion],
      ...quotes.map((quote) => [keyOf(quote.id), quote] as const),
      [left.id, left],
      ...(filled.put ?? [])
    ],
    rows: [{ _tag: "Entry", entry }, ...(filled.rows ?? [])],
    timers: filled.timers ?? [],
    events: [eventOf(conversion.id, event, told, received)],
    answers: answersOf(told, received)
  })
}

const reversed = (
  states: States<State>,
  known: Conversion | undefined,
  body: Body<"reverse_conversion">,
  received: Received<Terms>
): Decided => {
  const { at, config, keys: [, fromId = "", toId = ""], merchant, partition } = received
  const { command_id, conversion_id: id, rate: at_rate } = body
  if (known === undefined || known.id !== id) {
    return refuse("conversion_not_found", `${merchant} has no conversion ${id}`)
  }
  const print = fingerprint({ rate: at_rate })
  if (known.reversal !== undefined) {
    if (known.reversal.command_id !== command_id) {
      return refuse("already_reversed", "the conversion was taken back already", id)
    }
    return known.reversal.fingerprint === print
      ? answered({ conversion: conversionResourceOf(known) }, received)
      : refuse("command_reused", "this command_id was used with another body", id)
  }
  const current = rateFor(config, [known.from, known.to])
  if (at_rate === "current" && current === undefined) {
    return refuse("unknown_pair", `there is no rate from ${known.from} to ${known.to}`, id)
  }
  const into = balanceOf(states, fromId, merchant)
  const out = balanceOf(states, toId, merchant)
  if (known.bought > out.available) {
    return refuse("insufficient_funds", `${out.available} is available`, id)
  }
  const { entry, given, gain, rate } = reverse(
    known,
    ownerOf(into, partition),
    ownerOf(out, partition),
    at_rate === "original" ? undefined : current!.rate
  )
  if (given === 0n) return refuse("below_minimum", `it is worth nothing in ${known.from}`, id)
  if (given > AMOUNT_MAX) {
    return refuse("amount_too_large", `an amount is at most ${AMOUNT_MAX}`, id)
  }
  const conversion: Conversion = {
    ...known,
    reversal: {
      command_id,
      fingerprint: print,
      at_rate,
      rate,
      rates_version: at_rate === "original" ? known.rates_version : config.fx!.version,
      taken: known.bought,
      given,
      gain,
      at
    },
    updated_at: at,
    version: known.version + 1
  }
  const moved = { out, taken: known.bought, into, given }
  return booked("fx.reversed", conversion, entry, moved, [], received)
}
