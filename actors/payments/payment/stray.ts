import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"

/**
 * Money that reached a gateway for a payment and is none of what it captured: another amount than was asked
 * for, paid once more, or too late. It stands in suspense and can be given back.
 */
export const Stray = Schema.Struct({
  /** By the gateway's name for it. */
  charge_id: Schema.String,
  gateway: Schema.String,
  amount: BigAmount,
  /** Refunds of it that were made, or are under way. */
  returned: BigAmount
})
export type Stray = typeof Stray.Type

export const leftOf = ({ amount, returned }: Stray): bigint => amount - returned

/** One of them, changed. */
export const replaceStray = (
  strays: ReadonlyArray<Stray> | undefined,
  next: Stray
): ReadonlyArray<Stray> =>
  (strays ?? []).map((one) => one.charge_id === next.charge_id ? next : one)
