import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { ReversalRate } from "../../../streams/messages/fx.ts"
import type { ConversionResource } from "../../../streams/resources/wallet.ts"
import { ExchangedFields, exchangedResourceOf, time } from "./exchanged.ts"
import { pairedId } from "./pairedId.ts"

/** How a conversion was taken back. */
const Reversal = Schema.Struct({
  command_id: Schema.String,
  fingerprint: Schema.String,
  at_rate: ReversalRate,
  rate: Schema.String,
  rates_version: Schema.String,
  /** What left the wallet of the currency that was bought, and what came back to the other. */
  taken: BigAmount,
  given: BigAmount,
  /** Ours, in the currency that was sold: below nothing where it is a loss. */
  gain: BigAmount,
  at: Schema.Finite
})
type Reversal = typeof Reversal.Type

/** What was available in one currency became available in another, and perhaps came back. */
export const Conversion = Schema.TaggedStruct("Conversion", {
  ...ExchangedFields,
  quote: Schema.String,
  reversal: Schema.optionalKey(Reversal)
})
export type Conversion = typeof Conversion.Type

const PREFIX = "fxc"

export const conversionIdOf = (
  merchant: string,
  commandId: string,
  pair: readonly [from: string, to: string]
): string => pairedId(PREFIX, merchant, commandId, pair)

export const isConversionKey = (key: string): boolean => key.startsWith(`${PREFIX}_`)

const reversalResourceOf = (reversal: Reversal) => ({
  at_rate: reversal.at_rate,
  rate: reversal.rate,
  rates_version: reversal.rates_version,
  to_amount: Number(reversal.taken),
  from_amount: Number(reversal.given),
  created_at: time(reversal.at)
})

/** A conversion is booked in one turn: there is none that is under way. What we gain is not told. */
export const conversionResourceOf = (conversion: Conversion): ConversionResource => ({
  ...exchangedResourceOf(conversion),
  status: conversion.reversal === undefined ? "completed" : "reversed",
  quote: conversion.quote,
  ...(conversion.reversal !== undefined && { reversal: reversalResourceOf(conversion.reversal) }),
  updated_at: time(conversion.updated_at)
})
