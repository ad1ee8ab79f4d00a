import { Schema } from "effect"
import type { balancesOfMerchant } from "../../../actors/payments/read.ts"
import { Time } from "../../../streams/resources/parts.ts"
import { shownMoment } from "../../domain/moment.ts"

/** What is pending, available, in reserve and on its way. Sums may exceed a JSON number: they are strings. */
export const WalletBalance = Schema.Struct({
  currency: Schema.String,
  recipient: Schema.optionalKey(Schema.String),
  pending: Schema.String,
  available: Schema.String,
  reserve: Schema.String,
  in_transit: Schema.String,
  payout_at: Schema.optionalKey(Time)
}).annotate({ identifier: "WalletBalance" })

export const walletBalanceOf = (
  { balance, pending }: Awaited<ReturnType<typeof balancesOfMerchant>>[number]
): typeof WalletBalance.Type => ({
  currency: balance.currency,
  ...(balance.recipient !== undefined && { recipient: balance.recipient }),
  pending,
  available: String(balance.available),
  reserve: String(balance.reserves.reduce((sum, { amount }) => sum + amount, 0n)),
  in_transit: String(balance.in_transit),
  ...(balance.payout_at !== undefined && { payout_at: shownMoment(balance.payout_at) })
})
