import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import type { FxRate } from "../../../streams/messages/fx.ts"
import type { Terms } from "../terms.ts"

/** What was exchanged or is promised to be, whose and when: minor units, at which rate of which table. */
export const ExchangedFields = {
  id: Schema.String,
  merchant: Schema.String,
  from: Schema.String,
  to: Schema.String,
  sold: BigAmount,
  bought: BigAmount,
  spread: BigAmount,
  rounding: BigAmount,
  rate: Schema.String,
  spread_basis_points: Schema.Int,
  rates_version: Schema.String,
  /** What the command said: the same again changes nothing. */
  fingerprint: Schema.String,
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
  version: Schema.Int
}
const Exchanged = Schema.Struct(ExchangedFields)

/** The line of the table for one direction. The other direction is a line of its own. */
export const rateFor = (
  { fx }: Terms,
  [from, to]: readonly [string, string]
): FxRate | undefined => fx?.rates.find((rate) => rate.from === from && rate.to === to)

export const time = (millis: number): string => new Date(millis).toISOString()

export const exchangedResourceOf = (one: typeof Exchanged.Type) => ({
  id: one.id,
  merchant: one.merchant,
  from: one.from,
  to: one.to,
  from_amount: Number(one.sold),
  to_amount: Number(one.bought),
  rate: one.rate,
  rates_version: one.rates_version,
  spread_basis_points: one.spread_basis_points,
  spread: Number(one.spread),
  rounding: Number(one.rounding),
  created_at: time(one.created_at),
  version: one.version
})
