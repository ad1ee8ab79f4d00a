import { Schema } from "effect"

/** Decimal places of a share: millionths are finer than any contract. */
const SHARE_DIGITS = 6
const SHARE_ONE = 10n ** BigInt(SHARE_DIGITS)

/** A part of a whole as an exact decimal, above 0 and at most 1: "0.70". */
export const Share = Schema.String.check(
  Schema.makeFilter((text: string) => {
    const millionths = shareMillionths(text)
    return (millionths !== undefined && millionths > 0n && millionths <= SHARE_ONE) ||
      `must be a decimal above 0 and at most 1 with up to ${SHARE_DIGITS} places, such as "0.70"`
  })
)
export type Share = typeof Share.Type

const shareMillionths = (text: string): bigint | undefined => {
  const match = /^([01])(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null) return undefined
  return BigInt(match[1]! + (match[2] ?? "").padEnd(SHARE_DIGITS, "0"))
}

/** Shares as integer weights on one scale; what is missing to the whole is the last weight. */
export const shareWeights = (shares: ReadonlyArray<string>): ReadonlyArray<bigint> | undefined => {
  const weights = shares.map((share) => shareMillionths(share) ?? 0n)
  const rest = SHARE_ONE - weights.reduce((sum, weight) => sum + weight, 0n)
  return rest < 0n ? undefined : [...weights, rest]
}

/**
 * Splits a whole by weights so that the parts sum to it exactly: largest remainder, ties to the
 * earlier part.
 */
export const allocate = (total: bigint, weights: ReadonlyArray<bigint>): Array<bigint> => {
  const sum = weights.reduce((all, weight) => all + weight, 0n)
  if (total < 0n || sum <= 0n || weights.some((weight) => weight < 0n)) {
    throw new RangeError("allocate takes a non-negative total and weights with a positive sum")
  }
  const parts = weights.map((weight) => (total * weight) / sum)
  const missing = Number(total - parts.reduce((all, part) => all + part, 0n))
  const byRemainder = weights
    .map((weight, index) => ({ index, remainder: (total * weight) % sum }))
    .sort((left, right) =>
      left.remainder === right.remainder
        ? left.index - right.index
        : left.remainder > right.remainder
        ? -1
        : 1
    )
  for (const { index } of byRemainder.slice(0, missing)) parts[index]! += 1n
  return parts
}

/**
 * One more step of `amount` towards cumulative targets.
 *
 * Targets come from largest remainder over everything so far, which is not monotone (weights 6, 6, 2:
 * the third leg gets 2 of 10 but 1 of 11), so a plain difference could take back what a leg already
 * has. Each step is therefore at least nothing, and what that adds is taken from the last legs that
 * move. Every step sums exactly, and a leg that reached its target at the whole has exactly its part.
 */
export const stepTowards = (
  targets: ReadonlyArray<bigint>,
  done: ReadonlyArray<bigint>,
  amount: bigint
): Array<bigint> => {
  const steps = targets.map((goal, index) => (goal > done[index]! ? goal - done[index]! : 0n))
  let excess = steps.reduce((sum, step) => sum + step, 0n) - amount
  for (let index = steps.length - 1; excess > 0n && index >= 0; index--) {
    const given = steps[index]! < excess ? steps[index]! : excess
    steps[index]! -= given
    excess -= given
  }
  return steps
}

/** How one more refund falls on the legs of a capture: no leg goes back or beyond its capture. */
export const refundLegs = (
  captured: ReadonlyArray<bigint>,
  refunded: ReadonlyArray<bigint>,
  amount: bigint
): Array<bigint> => {
  const before = refunded.reduce((sum, leg) => sum + leg, 0n)
  const whole = captured.reduce((sum, leg) => sum + leg, 0n)
  if (amount <= 0n || before + amount > whole) {
    throw new RangeError("a refund is positive and at most what is left of the capture")
  }
  return stepTowards(allocate(before + amount, captured), refunded, amount)
}

interface FeeSchedule {
  readonly percentageBasisPoints: bigint
  readonly fixed: bigint
}

/** A fee in minor units, rounded half up, never more than the amount itself. */
export const feeOf = (amount: bigint, schedule: FeeSchedule): bigint => {
  const percentage = (amount * schedule.percentageBasisPoints + 5_000n) / 10_000n
  const fee = percentage + schedule.fixed
  return fee < amount ? fee : amount
}
