import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { CommandId, MerchantId } from "../../src/domain/identifiers.ts"
import { Amount } from "../../src/domain/money.ts"
import { Reference, Text } from "../../src/domain/text.ts"
import { InternalAmount } from "./money.ts"
import { Recipient } from "./payouts.ts"

/** Where money goes: another merchant, or a recipient; a recipient alone is one of the sender's own. */
const TransferTarget = Schema.Struct({
  merchant: Schema.optionalKey(MerchantId),
  recipient: Schema.optionalKey(Recipient)
})

/** Moves what is available from one wallet to another. */
export const TransferFields = {
  currency: Currency,
  amount: Amount,
  /** From the wallet of one of the merchant's recipients; the merchant's own where left out. */
  recipient: Schema.optionalKey(Recipient),
  to: TransferTarget,
  reference: Schema.optionalKey(Reference),
  description: Schema.optionalKey(Text(500))
}
const Transfer = Schema.Struct({ command_id: CommandId, ...TransferFields })

/** The second leg, for the book that receives: sent by the partition that booked the first. */
const TransferArrived = Schema.Struct({
  transfer_id: Schema.String,
  balance: Schema.String,
  amount: InternalAmount,
  from: MerchantId,
  /** The sender's wallet, to which it goes back where nobody has the receiver. Absent in older messages. */
  from_balance: Schema.optionalKey(Schema.String),
  reference: Schema.optionalKey(Schema.String)
})

/** Nobody has the merchant that it went to: the first leg is taken back. */
const TransferRefused = Schema.Struct({
  transfer_id: Schema.String,
  balance: Schema.String,
  code: Schema.String,
  detail: Schema.String
})

/** The second leg is booked. */
const TransferDelivered = Schema.Struct({ transfer_id: Schema.String })

export const TransferMessages = {
  transfer: Transfer,
  transfer_arrived: TransferArrived,
  transfer_refused: TransferRefused,
  transfer_delivered: TransferDelivered
}
