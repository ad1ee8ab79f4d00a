import { Schema } from "effect"
import { ReversalRate } from "../messages/fx.ts"
import { Failure, MinorUnits, Time } from "./parts.ts"

/** Sent and not yet answered, or on its way by the gateway's word; asked about; paid; or its money is available again. */
export const PayoutStatus = Schema.Literals(["in_transit", "unknown", "paid", "failed", "returned"])

/** Money on its way to a bank account, as the world sees it. */
export const PayoutResource = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  currency: Schema.String,
  recipient: Schema.optionalKey(Schema.String),
  amount: MinorUnits,
  status: PayoutStatus,
  destination: Schema.String,
  scheduled: Schema.Boolean,
  failure: Schema.optionalKey(Failure),
  created_at: Time,
  updated_at: Time,
  version: Schema.Int
}).annotate({ identifier: "Payout" })
export type PayoutResource = typeof PayoutResource.Type

/** `sent`: gone from here, and not yet booked there. `failed`: it came back. */
export const TransferStatus = Schema.Literals(["sent", "completed", "failed"])

const Wallet = Schema.Struct({
  merchant: Schema.String,
  recipient: Schema.optionalKey(Schema.String)
})

/** A transfer as the merchant of one side sees it: `to` somebody, or `from` somebody. */
export const TransferResource = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  direction: Schema.Literals(["out", "in"]),
  status: TransferStatus,
  currency: Schema.String,
  amount: MinorUnits,
  recipient: Schema.optionalKey(Schema.String),
  to: Schema.optionalKey(Wallet),
  from: Schema.optionalKey(Wallet),
  reference: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  failure: Schema.optionalKey(Failure),
  created_at: Time,
  updated_at: Time,
  version: Schema.Int
}).annotate({ identifier: "Transfer" })
export type TransferResource = typeof TransferResource.Type

const ExchangedFields = {
  id: Schema.String,
  merchant: Schema.String,
  from: Schema.String,
  to: Schema.String,
  from_amount: MinorUnits,
  to_amount: MinorUnits,
  rate: Schema.String,
  rates_version: Schema.String,
  spread_basis_points: Schema.Int,
  spread: MinorUnits,
  rounding: MinorUnits,
  created_at: Time,
  version: Schema.Int
}

/** A price that holds until its time. */
export const QuoteResource = Schema.Struct({
  ...ExchangedFields,
  status: Schema.Literals(["open", "used"]),
  side: Schema.Literals(["from", "to"]),
  used_by: Schema.optionalKey(Schema.String),
  expires_at: Time
}).annotate({ identifier: "Quote" })
export type QuoteResource = typeof QuoteResource.Type

/** What was available in one currency became available in another, and perhaps came back. */
export const ConversionResource = Schema.Struct({
  ...ExchangedFields,
  status: Schema.Literals(["completed", "reversed"]),
  quote: Schema.String,
  reversal: Schema.optionalKey(
    Schema.Struct({
      at_rate: ReversalRate,
      rate: Schema.String,
      rates_version: Schema.String,
      to_amount: MinorUnits,
      from_amount: MinorUnits,
      created_at: Time
    })
  ),
  updated_at: Time
}).annotate({ identifier: "Conversion" })
export type ConversionResource = typeof ConversionResource.Type
