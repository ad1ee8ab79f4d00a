import type { Balance } from "./wallet/balance.ts"
import type { Conversion } from "./exchange/conversion.ts"
import type { Merchant } from "./wallet/merchant.ts"
import type { Past } from "./payment/past.ts"
import type { Payment } from "./payment/state.ts"
import type { Payout } from "./wallet/payout.ts"
import type { Quote } from "./exchange/quote.ts"
import type { Refused } from "./refused.ts"
import type { Transfer } from "./wallet/transfer.ts"

/** What this family keeps by key: payments, balances, what is done with them, and what was refused. */
export type State =
  | Payment
  | Balance
  | Payout
  | Transfer
  | Quote
  | Conversion
  | Merchant
  | Past
  | Refused

export const isPayment = (state: State): state is Payment => !("_tag" in state)

export const isBalance = (state: State): state is Balance =>
  "_tag" in state && state._tag === "Balance"

export const isPayout = (state: State): state is Payout =>
  "_tag" in state && state._tag === "Payout"

export const isTransfer = (state: State): state is Transfer =>
  "_tag" in state && state._tag === "Transfer"

export const isQuote = (state: State): state is Quote => "_tag" in state && state._tag === "Quote"

export const isConversion = (state: State): state is Conversion =>
  "_tag" in state && state._tag === "Conversion"

export const isMerchant = (state: State): state is Merchant =>
  "_tag" in state && state._tag === "Merchant"

export const isPast = (state: State): state is Past => "_tag" in state && state._tag === "Past"

export const isRefused = (state: State): state is Refused =>
  "_tag" in state && state._tag === "Refused"
