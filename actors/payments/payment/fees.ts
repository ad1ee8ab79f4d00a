import { feeOf } from "../../../src/domain/allocation.ts"
import type { FeeBearer, FeeTerms } from "../../../streams/messages/fees.ts"
import type { Terms } from "../terms.ts"

/** The price of a payment, fixed when it is made: a later change of the schedule concerns later payments. */
export const feeTermsFor = (
  { fee, fees }: Terms,
  payment: { readonly merchant: string; readonly method: string; readonly currency: string }
): FeeTerms => {
  if (fees === undefined) return fee
  const fits = (wanted: ReadonlyArray<string> | undefined, is: string) =>
    wanted === undefined || wanted.includes(is)
  const rule = fees.find(({ currencies, merchants, methods }) =>
    fits(merchants, payment.merchant) && fits(methods, payment.method) &&
    fits(currencies, payment.currency)
  )
  return rule?.fee ?? fee
}

/** The fee on an amount: never negative, never more than the amount itself. */
export const feeOn = (amount: bigint, terms: FeeTerms): bigint => {
  const { fixed, percentage_basis_points } = terms.tiers?.findLast(({ from }) => amount >= from) ??
    terms
  const fee = feeOf(amount, { percentageBasisPoints: percentage_basis_points, fixed })
  const { maximum, minimum } = terms
  if (minimum !== undefined && fee < minimum) return minimum < amount ? minimum : amount
  return maximum !== undefined && fee > maximum ? maximum : fee
}

/**
 * The largest price, up to a limit, that a total pays together with the fee on it. The rest of the total
 * is that fee; where no price has exactly this total, it is less than one more minor unit would cost.
 */
export const priceWithin = (total: bigint, terms: FeeTerms, limit = total): bigint => {
  const fits = (price: bigint) => price + feeOn(price, terms) <= total
  // Within a tier the fee only grows with the price; at its edge it may fall.
  let end = limit
  for (const { from } of [...terms.tiers ?? []].reverse()) {
    if (from > end) continue
    if (fits(from)) return lastThat(fits, from, end)
    end = from - 1n
  }
  return lastThat(fits, 0n, end)
}

/** By halving: `first` does, and nothing does after one that does not. */
const lastThat = (does: (price: bigint) => boolean, first: bigint, end: bigint): bigint => {
  let [low, high] = [first, end]
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (does(middle)) low = middle
    else high = middle - 1n
  }
  return low
}

/** Who did not say: recipients by share bear their part of the fee, agreed amounts arrive whole. */
export const bearerOf = ({ fee_bearer, splits = [] }: {
  readonly fee_bearer?: FeeBearer
  readonly splits?: ReadonlyArray<{ readonly amount?: bigint }>
}): FeeBearer => fee_bearer ?? (splits[0]?.amount === undefined ? "recipients" : "merchant")
