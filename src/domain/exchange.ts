import { Schema } from "effect"
import { exponentOf } from "./currency.ts"

const RATE = /^(\d{1,12})(?:\.(\d{1,12}))?$/

/** What one unit of a currency costs in another, as an exact decimal above nothing: "5.1234". */
export const Rate = Schema.String.check(
  Schema.makeFilter((text: string) =>
    (RATE.test(text) && /[1-9]/.test(text)) ||
    `must be a decimal above 0 with up to 12 places on each side, such as "5.1234"`
  )
)

/** One direction between two currencies. The other direction has a price of its own. */
interface Price {
  readonly from: string
  readonly to: string
  readonly rate: string
  /** Below 10000: what is kept of the value at the rate. */
  readonly spreadBasisPoints: number
}

/**
 * Minor units: `sold` of one currency, the rest of the other. `bought`, `spread` and `rounding` are
 * together the value of what is sold at the rate, whole minor units of it.
 */
export interface Exchange {
  readonly sold: bigint
  readonly bought: bigint
  readonly spread: bigint
  readonly rounding: bigint
}

const WHOLE = 10_000n

/** Minor units of `to` for one minor unit of `from`, as a fraction: nothing is lost to a decimal. */
const fractionOf = ({ from, rate, to }: Omit<Price, "spreadBasisPoints">) => {
  const match = RATE.exec(rate)
  if (match === null) throw new RangeError(`${rate} is not a rate`)
  const places = match[2] ?? ""
  return {
    numerator: BigInt(match[1]! + places) * 10n ** BigInt(exponentOf(to)),
    denominator: 10n ** BigInt(places.length) * 10n ** BigInt(exponentOf(from))
  }
}

const exchanged = (price: Price, sold: bigint, bought: bigint): Exchange => {
  const { denominator, numerator } = fractionOf(price)
  const value = (sold * numerator) / denominator
  const spread = (sold * numerator * BigInt(price.spreadBasisPoints)) / (denominator * WHOLE)
  return { sold, bought, spread, rounding: value - bought - spread }
}

/** What an exact amount of the one currency buys: rounded down, so the book never gives too much. */
export const sell = (price: Price, sold: bigint): Exchange => {
  const { denominator, numerator } = fractionOf(price)
  const kept = WHOLE - BigInt(price.spreadBasisPoints)
  return exchanged(price, sold, (sold * numerator * kept) / (denominator * WHOLE))
}

/** What an exact amount of the other currency costs: rounded up, for the same reason. */
export const buy = (price: Price, bought: bigint): Exchange => {
  const { denominator, numerator } = fractionOf(price)
  const divisor = numerator * (WHOLE - BigInt(price.spreadBasisPoints))
  const sold = (bought * denominator * WHOLE + divisor - 1n) / divisor
  return exchanged(price, sold, bought)
}

/**
 * What of `to` has to be given for an amount of `from` at the rate itself: rounded up, so that no amount
 * is so small that it costs nothing, and no number of small ones costs less than their sum.
 */
export const costOf = (price: Omit<Price, "spreadBasisPoints">, amount: bigint): bigint => {
  const { denominator, numerator } = fractionOf(price)
  return (amount * numerator + denominator - 1n) / denominator
}

/** What an amount of `to` is worth in `from` at the rate itself: rounded down. */
export const worthOf = (price: Omit<Price, "spreadBasisPoints">, bought: bigint): bigint => {
  const { denominator, numerator } = fractionOf(price)
  return (bought * denominator) / numerator
}
