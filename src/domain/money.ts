import { Schema, SchemaGetter } from "effect"

/** The largest integer JSON numbers carry exactly. */
const SAFE_MAX = 2 ** 53 - 1

export const AMOUNT_MAX = BigInt(SAFE_MAX)

const minorUnits = (minimum: number) =>
  Schema.Finite.check(
    Schema.makeFilter(
      (value: number) =>
        (Number.isSafeInteger(value) && value >= minimum) ||
        `must be an integer of minor units from ${minimum} to ${SAFE_MAX}`,
      { toJsonSchema: () => ({ type: "integer", minimum, maximum: SAFE_MAX }) }
    )
  ).pipe(
    Schema.decodeTo(Schema.BigInt, {
      decode: SchemaGetter.transform((value: number) => BigInt(value)),
      encode: SchemaGetter.transform((value: bigint) => Number(value))
    })
  )

/** An amount of money to move: a JSON number outside, a positive bigint of minor units inside. */
export const Amount = minorUnits(1)
export type Amount = typeof Amount.Type

/** An amount that may be nothing. */
export const AmountOrZero = minorUnits(0)
export type AmountOrZero = typeof AmountOrZero.Type

/** Balances, sums and amounts between actors: a decimal string outside, any bigint inside. */
export const BigAmount = Schema.BigIntFromString
export type BigAmount = typeof BigAmount.Type
