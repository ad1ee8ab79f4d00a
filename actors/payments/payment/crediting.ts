import { allocate } from "../../../src/domain/allocation.ts"
import { costOf, sell } from "../../../src/domain/exchange.ts"
import * as ledger from "../../../src/ledger/credit.ts"
import type { LegAmount } from "../../../src/ledger/entries.ts"
import type { Received } from "../../../src/runtime/actor.ts"
import { book, type Decided, refuse } from "../decision.ts"
import { rateFor } from "../exchange/exchanged.ts"
import { keyOf } from "../exchange/pairedId.ts"
import { type Quote, usableQuote, usedBy } from "../exchange/quote.ts"
import type { Leg } from "./leg.ts"
import type { Payment } from "./state.ts"
import type { RefusalCode } from "../refusalCode.ts"
import type { State } from "../state.ts"
import type { Terms } from "../terms.ts"
import type { Credit, CreditBack } from "./credit.ts"
import { takenBack } from "./legs.ts"
import { bookOf, change, type Step } from "./step.ts"

interface Wanted {
  readonly amount: bigint
  readonly currency: string
  readonly capture?: "automatic" | "manual"
  readonly payment_method: Payment["payment_method"]
  readonly quote_id?: string
  readonly refund_rate?: "original" | "current"
}

/** What a payment takes from its quote, and the quote as it is used. */
interface Quoted {
  readonly credit: Credit
  readonly quote: Quote
}

/**
 * The quote that a new payment is credited at. It fixes the rate for the payment's whole life, so it is
 * for what is captured at once, and for what is paid while it holds: who may capture or pay later would
 * choose by how the rate went.
 */
export const quotedFor = (
  id: string,
  wanted: Wanted & { readonly quote_id: string },
  known: State | undefined,
  received: Received<Terms>
): Quoted | Decided => {
  const { amount, capture, currency, payment_method, quote_id, refund_rate = "original" } = wanted
  const { at } = received
  const no = (code: RefusalCode, detail: string) => refuse(code, detail, id)
  const quote = usableQuote(known, quote_id, received)
  if (!("id" in quote)) return no(...quote)
  if (capture === "manual") return no("quote_mismatch", "a quote is for what is captured at once")
  if (quote.from !== currency || quote.sold !== amount) {
    return no("quote_mismatch", `the quote is for ${quote.sold} ${quote.from}`)
  }
  if (mayBePaidAfter(quote.expires_at, payment_method, at)) {
    return no("quote_mismatch", "the payer may pay after the quote: `expires_in` must end with it")
  }
  return {
    credit: {
      quote: quote_id,
      currency: quote.to,
      rate: quote.rate,
      spread_basis_points: quote.spread_basis_points,
      rates_version: quote.rates_version,
      refund_rate,
      spread: 0n,
      rounding: 0n,
      spread_back: 0n,
      rounding_back: 0n
    },
    quote: usedBy(quote, id, at)
  }
}

/** A Pix code without an end of its own is good for as long as the bank likes. */
const mayBePaidAfter = (
  end: number,
  { expires_in, type }: Payment["payment_method"],
  at: number
): boolean => type === "pix" && (expires_in === undefined || at + expires_in * 1_000 > end)

export const quoteKeysOf = ({ quote_id }: { readonly quote_id?: string }) =>
  quote_id === undefined ? [] : [keyOf(quote_id)]

const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)

/** The fee is ours in the currency that was paid: only what others are owed is converted. */
const isCredited = ({ owner }: Pick<Leg, "owner">): boolean => owner._tag !== "Fee"

const ofCredited = (legs: ReadonlyArray<Leg>, amountOf: (leg: Leg) => bigint): bigint =>
  sum(legs.filter(isCredited).map(amountOf))

/** All is captured: what the legs are owed becomes theirs in the other currency. */
export const creditCaptured = (step: Step, cause: string): Step => {
  const { credit, currency, legs } = step.payment
  const paid = ofCredited(legs, (leg) => leg.captured)
  if (credit === undefined || paid === 0n) return step
  const { rate, spread_basis_points: spreadBasisPoints } = credit
  const price = { from: currency, to: credit.currency, rate, spreadBasisPoints }
  const { bought, rounding, spread } = sell(price, paid)
  const parts = allocate(bought, legs.map((leg) => isCredited(leg) ? leg.captured : 0n))
  const given = legs.map((leg, nth): Leg =>
    isCredited(leg) ? { ...leg, credit: { given: parts[nth]!, released: 0n, taken: 0n } } : leg
  )
  const entry = ledger.credited(bookOf(step), credit.currency, cause, {
    legs: creditedLegs(given, (leg) => ({
      paid: leg.captured,
      credited: leg.credit!.given
    })),
    spread,
    rounding
  })
  return book(change(step, { legs: given, credit: { ...credit, spread, rounding } }), entry)
}

const creditedLegs = (
  legs: ReadonlyArray<Leg>,
  of: (leg: Leg, nth: number) => { readonly paid: bigint; readonly credited: bigint }
): ReadonlyArray<ledger.CreditedLeg> =>
  legs.flatMap((leg, nth) => isCredited(leg) ? [{ owner: leg.owner, ...of(leg, nth) }] : [])

const between = (low: bigint, value: bigint, high: bigint): bigint =>
  value < low ? low : value > high ? high : value

/** A part of a whole by cumulative targets: all of it once all is taken back, and never more. */
const partOf = (whole: bigint, back: bigint, of: bigint, done: bigint): bigint =>
  of === 0n ? 0n : between(0n, (whole * back) / of - done, whole - done)

/**
 * What the legs give back (they have it in the other currency) is taken from there first: at the
 * quote's rate, or at what it takes now. `step` has the legs as they are after it. Undefined where there
 * is no rate any more.
 */
export const takeCredit = (
  step: Step,
  cause: string,
  moved: ReadonlyArray<LegAmount>,
  rate: "original" | "current"
): { readonly step: Step; readonly back?: CreditBack } | undefined => {
  const { credit, currency, legs } = step.payment
  const paid = sum(moved.filter(isCredited).map(({ amount }) => amount))
  if (credit === undefined || paid === 0n) return { step }
  const price = { from: currency, to: credit.currency }
  const now = rate === "original"
    ? undefined
    : rateFor(step.received.config, [currency, credit.currency])
  if (rate === "current" && now === undefined) return undefined
  const [back, captured] = [ofCredited(legs, takenBack), ofCredited(legs, (leg) => leg.captured)]
  const spread = partOf(credit.spread, back, captured, credit.spread_back)
  const rounding = partOf(credit.rounding, back, captured, credit.rounding_back)
  const parts = legs.map((leg, nth) => {
    if (leg.credit === undefined) return { paid: 0n, released: 0n, taken: 0n }
    const { given, released: done } = leg.credit
    const released = partOf(given, takenBack(leg), leg.captured, done)
    const amount = moved[nth]!.amount
    return {
      paid: amount,
      released,
      taken: now === undefined ? released : costOf({ ...price, rate: now.rate }, amount)
    }
  })
  const released = sum(parts.map((part) => part.released)) + spread + rounding
  const taken = sum(parts.map((part) => part.taken))
  const gain = now === undefined ? 0n : taken - released
  const made: CreditBack = { legs: parts, spread, rounding, rate, gain }
  return {
    step: book(moves(step, made, 1n), entryOf(ledger.returned, step, cause, made)),
    back: made
  }
}

/** It was not given back after all: every leg has again what was taken. */
export const giveCredit = (step: Step, cause: string, back: CreditBack | undefined): Step =>
  back === undefined
    ? step
    : book(moves(step, back, -1n), entryOf(ledger.returnUndone, step, cause, back))

/** All of the payment was fee: nothing was ever given for a leg. */
const NO_CREDIT: NonNullable<Leg["credit"]> = { given: 0n, released: 0n, taken: 0n }

const moves = (step: Step, { legs, rounding, spread }: CreditBack, sign: 1n | -1n): Step => {
  const credit = step.payment.credit!
  return change(step, {
    credit: {
      ...credit,
      spread_back: credit.spread_back + sign * spread,
      rounding_back: credit.rounding_back + sign * rounding
    },
    legs: step.payment.legs.map((leg, nth): Leg => {
      if (!isCredited(leg)) return leg
      const { given, released, taken } = leg.credit ?? NO_CREDIT
      const moved = legs[nth]!
      return {
        ...leg,
        credit: {
          given,
          released: released + sign * moved.released,
          taken: taken + sign * moved.taken
        }
      }
    })
  })
}

/** What a gateway charges the merchant for a dispute is taken from what it has, too. */
export const takeFee = (step: Step, cause: string, fee: bigint): Step => {
  const { credit, currency, legs } = step.payment
  if (credit === undefined || fee === 0n) return step
  const own = legs.findIndex(({ owner }) => owner._tag === "Merchant")
  const taken = costOf({ from: currency, to: credit.currency, rate: credit.rate }, fee)
  const none = { paid: 0n, released: 0n, taken: 0n }
  const back: CreditBack = {
    legs: legs.map((_, nth) => nth === own ? { paid: fee, released: 0n, taken } : none),
    spread: 0n,
    rounding: 0n,
    rate: "original",
    gain: 0n
  }
  return book(moves(step, back, 1n), entryOf(ledger.returned, step, `${cause}:fee`, back))
}

const entryOf = (
  make: typeof ledger.returned,
  step: Step,
  cause: string,
  { gain, legs, rate, rounding, spread }: CreditBack
) => {
  const { credit, legs: all } = step.payment
  // At another rate what we kept at the capture stays ours.
  const isOriginal = rate === "original"
  return make(bookOf(step), credit!.currency, cause, {
    legs: creditedLegs(all, (_, nth) => ({ paid: legs[nth]!.paid, credited: legs[nth]!.taken })),
    spread: isOriginal ? spread : 0n,
    rounding: isOriginal ? rounding : 0n,
    gain
  })
}
