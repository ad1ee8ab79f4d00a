import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { BigAmount } from "../../src/domain/money.ts"

/** Between actors amounts travel as decimal strings, so that one canonical JSON serves all. */
export const InternalAmount = BigAmount
export const MoneyFields = { amount: InternalAmount, currency: Currency }
export const Millis = Schema.Finite
