import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { CommandId, MerchantId } from "../../src/domain/identifiers.ts"
import { Amount } from "../../src/domain/money.ts"
import { Text, Token } from "../../src/domain/text.ts"
import { GivenAmount, InternalAmount } from "./money.ts"

export const Recipient = Text(64).check(Schema.isPattern(/^[a-z0-9_\-]{1,64}$/u))

/** Pays out of what is available: everything where no amount is named. */
export const PayoutFields = {
  currency: Currency,
  amount: Schema.optionalKey(Amount),
  /** A recipient of the merchant's splits; the merchant itself where left out. */
  recipient: Schema.optionalKey(Recipient),
  /** The gateway's token for a bank account; remembered for the next payout. */
  destination: Schema.optionalKey(Token)
}
export const Payout = Schema.Struct({ command_id: CommandId, ...PayoutFields })

export const PayoutId = Text(64).check(Schema.isPattern(/^po_[0-9a-z]{26}$/u))

export const PayoutReturnedFields = { code: Text(64), detail: Schema.optionalKey(Text(255)) }

/** The bank sent a payout back that it had made. Only the platform's own systems may say so. */
const PayoutReturned = Schema.Struct({
  command_id: CommandId,
  payout_id: PayoutId,
  /** Whose it was: the payout's own currency and recipient. */
  currency: Currency,
  recipient: Schema.optionalKey(Recipient),
  ...PayoutReturnedFields
})

/** Reconciliation found the gateway's line for money that a payment expected. */
export const Settled = Schema.Struct({
  payment_id: Schema.String,
  /** Names the capture or refund: settling it twice changes nothing. */
  settlement: Schema.String,
  /** Signed: a refund is negative. */
  gross: InternalAmount,
  /** What the gateway keeps. */
  fee: InternalAmount,
  /** A refund, also one whose money comes back: it says nothing of what was captured. */
  refund: Schema.optionalKey(Schema.Boolean)
})

/** A payment moved money between pending and available: signed, what is negative is taken back. */
const Cleared = Schema.Struct({
  balance: Schema.String,
  payment_id: Schema.String,
  amount: InternalAmount,
  /** What of it was available before and was taken back since: its reserve was kept then. */
  again: Schema.optionalKey(InternalAmount)
})

const Schedule = Schema.Literals(["manual", "daily", "weekly", "monthly"])
type Schedule = typeof Schedule.Type

const RULES_MAX = 200
/** A reserve is kept for a year at most. */
const RESERVE_DAYS_MAX = 366
const WHOLE_BASIS_POINTS = 10_000

/** When whose money is paid out, and what of it is kept back for a while. What is left out fits all. */
export const PayoutRule = Schema.Struct({
  merchants: Schema.optionalKey(Schema.Array(MerchantId)),
  currencies: Schema.optionalKey(Schema.Array(Currency)),
  schedule: Schedule,
  /** Nothing smaller is paid out (minor units). */
  minimum: Schema.optionalKey(InternalAmount),
  /** The part of what becomes available that is kept in reserve, and for how many days. */
  reserve: Schema.optionalKey(Schema.Struct({
    basis_points: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: WHOLE_BASIS_POINTS })),
    days: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: RESERVE_DAYS_MAX }))
  }))
})
export type PayoutRule = typeof PayoutRule.Type

export const PayoutRules = Schema.Array(PayoutRule).check(Schema.isMaxLength(RULES_MAX))

/** As they may be given: a rule that fits nothing is a mistake. */
export const GivenPayoutRules = Schema.Array(Schema.Struct({
  ...PayoutRule.fields,
  merchants: Schema.optionalKey(Schema.Array(MerchantId).check(Schema.isMinLength(1))),
  currencies: Schema.optionalKey(Schema.Array(Currency).check(Schema.isMinLength(1))),
  minimum: Schema.optionalKey(GivenAmount)
})).check(Schema.isMaxLength(RULES_MAX))

export const PayoutMessages = {
  payout: Payout,
  payout_returned: PayoutReturned,
  settled: Settled,
  cleared: Cleared
}
