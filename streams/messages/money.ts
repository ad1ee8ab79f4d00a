import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { AMOUNT_MAX, BigAmount } from "../../src/domain/money.ts"

/** Between actors amounts travel as decimal strings, so that one canonical JSON serves all. */
export const InternalAmount = BigAmount
const between = (minimum: bigint, maximum: bigint) =>
  BigAmount.check(
    Schema.makeFilter((value: bigint) =>
      (value >= minimum && value <= maximum) || `must be from ${minimum} to ${maximum}`
    )
  )

const WHOLE_BASIS_POINTS = 10_000n

/** What a configuration may say: a part of a whole, and an amount that may be nothing. */
export const GivenBasisPoints = between(0n, WHOLE_BASIS_POINTS)
export const GivenAmount = between(0n, AMOUNT_MAX)

export const MoneyFields = { amount: InternalAmount, currency: Currency }
export const Millis = Schema.Finite
