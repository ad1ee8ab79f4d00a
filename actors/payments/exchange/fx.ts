import { Result } from "effect"
import { buy, type Exchange, sell } from "../../../src/domain/exchange.ts"
import { fingerprint } from "../../../src/domain/fingerprint.ts"
import { AMOUNT_MAX } from "../../../src/domain/money.ts"
import { converted } from "../../../src/ledger/fx.ts"
import type { JournalEntry } from "../../../src/ledger/journal.ts"
import type { MessageOf, Received, States } from "../../../src/runtime/actor.ts"
import type { EventWith } from "../../../streams/events.ts"
import type { FxMessages } from "../../../streams/messages/fx.ts"
import { type Balance, balanceIdOf, ownerOf } from "../wallet/balance.ts"
import {
  answersTo,
  blank,
  book,
  type Decided,
  made,
  NOTHING,
  refuse,
  renewed,
  teller
} from "../decision.ts"
import { answeredAgain, printOf, remembered } from "../remembered.ts"
import { commandKeyOf } from "../refused.ts"
import { isConversion, type State } from "../state.ts"
import type { Terms } from "../terms.ts"
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

const tellQuote = teller<"quote">()
const tellConversion = teller<"conversion">()

/** How long a quote holds where the terms do not say. */
const QUOTE_SECONDS = 60

type Keys = readonly [string, ...Array<string>]

const walletsOf = (pair: readonly [from: string, to: string]): readonly [string, string] => [
  balanceIdOf(pair[0], undefined),
  balanceIdOf(pair[1], undefined)
]

export const newQuoteKeysOf = ({ command_id, from, to }: Body<"quote">, merchant: string): Keys => [
  keyOf(quoteIdOf(merchant, command_id, [from, to]))
]

/** The conversion is the key; the wallets that it moves are named by its identifier. */
export const convertKeysOf = (
  { command_id, quote_id }: Body<"convert">,
  merchant: string
): Keys => {
  const pair = pairOf(quote_id)
  const conversion = conversionIdOf(merchant, command_id, pair)
  return [keyOf(conversion), keyOf(quote_id), ...walletsOf(pair)]
}

export const reversalKeysOf = (
  { command_id, conversion_id }: Body<"reverse_conversion">,
  merchant: string
): Keys => {
  const command = commandKeyOf("reverse_conversion", merchant, command_id)
  return [keyOf(conversion_id), ...walletsOf(pairOf(conversion_id)), command]
}

const conversionIn = (
  states: States<State>,
  { keys: [key] }: Received<Terms>
): Conversion | undefined => {
  const state = states.get(key)
  return state !== undefined && isConversion(state) ? state : undefined
}

/** A payment that had taken it ended without money. */
export const takenBack = (
  states: States<State>,
  { payment_id }: Body<"quote_given_back">,
  { at, keys: [key] }: Received<Terms>
): Decided => {
  const quote = quoteIn(states.get(key), at)
  const open = quote && givenBack(quote, payment_id, at)
  return open === undefined ? NOTHING : Result.succeed({ put: [[keyOf(open.id), open]] })
}

export const quoted = (
  states: States<State>,
  body: Body<"quote">,
  received: Received<Terms>
): Decided => {
  const { at, config, keys: [key], merchant } = received
  const { amount, command_id, from, side, to } = body
  const known = quoteIn(states.get(key), at)
  const print = printOf(body)
  const id = quoteIdOf(merchant, command_id, [from, to])
  if (known !== undefined) {
    return remembered(
      known.fingerprint,
      print,
      id,
      () => answeredAgain(received, () => ({ quote: quoteResourceOf(known) }))
    )
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
  return Result.succeed(made(tellQuote(blank(received), "fx.quoted"), {
    put: [[keyOf(id), quote]],
    about: id,
    told,
    answers: answersTo(asking(received), told)
  }))
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

const asking = ({ replyTo }: Received<Terms>): ReadonlyArray<string> =>
  replyTo === undefined ? [] : [replyTo]

const repeated = (known: Conversion, received: Received<Terms>): Decided =>
  answeredAgain(received, () => ({ conversion: conversionResourceOf(known) }))

export const convert = (
  states: States<State>,
  body: Body<"convert">,
  received: Received<Terms>
): Decided => {
  const { at, keys: [, quoteKey = "", fromId = "", toId = ""], merchant } = received
  const { command_id, quote_id } = body
  const known = conversionIn(states, received)
  const print = printOf(body)
  const id = conversionIdOf(merchant, command_id, pairOf(quote_id))
  if (known !== undefined) {
    return remembered(known.fingerprint, print, id, () => repeated(known, received))
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
  const left = renewed({ ...out, available: out.available - taken }, received)
  const filled = credited(book(blank(received), entry), into, given)
  const full = renewed(filled.balance, received)
  const told = { conversion: conversionResourceOf(conversion) }
  return Result.succeed(made(tellConversion(filled, event), {
    put: [
      [keyOf(conversion.id), conversion],
      ...quotes.map((quote) => [keyOf(quote.id), quote] as const),
      [left.id, left],
      [full.id, full]
    ],
    about: conversion.id,
    told,
    answers: answersTo(asking(received), told)
  }))
}

export const reversed = (
  states: States<State>,
  body: Body<"reverse_conversion">,
  received: Received<Terms>
): Decided => {
  const { at, config, keys: [, fromId = "", toId = ""], merchant, partition } = received
  const { command_id, conversion_id: id, rate: at_rate } = body
  const known = conversionIn(states, received)
  if (known === undefined || known.id !== id) {
    return refuse("conversion_not_found", `${merchant} has no conversion ${id}`)
  }
  const print = fingerprint({ rate: at_rate })
  if (known.reversal !== undefined) {
    if (known.reversal.command_id !== command_id) {
      return refuse("already_reversed", "the conversion was taken back already", id)
    }
    return remembered(known.reversal.fingerprint, print, id, () => repeated(known, received))
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
