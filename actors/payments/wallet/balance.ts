import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import type { Owner } from "../../../src/ledger/clearing.ts"
import type { Received } from "../../../src/runtime/actor.ts"
import type { PayoutRule } from "../../../streams/messages/payouts.ts"
import type { Terms } from "../terms.ts"

/**
 * What a merchant, or a recipient of its splits, can be paid in one currency. The one writer of its
 * available and reserve accounts: payments tell it what they cleared.
 */
export const Balance = Schema.TaggedStruct("Balance", {
  id: Schema.String,
  merchant: Schema.String,
  currency: Schema.String,
  recipient: Schema.optionalKey(Schema.String),
  /** Below nothing where more was taken back than there was: what comes next fills it up. */
  available: BigAmount,
  /** Kept back, each part until its time (milliseconds). The earliest first. */
  reserves: Schema.Array(Schema.Struct({ until: Schema.Finite, amount: BigAmount })),
  /** Paid out and not yet confirmed. */
  in_transit: BigAmount,
  /** The gateway's token for the bank account of the last payout. */
  destination: Schema.optionalKey(Schema.String),
  /** When the next payout is due by schedule: the timer that is awaited. */
  payout_at: Schema.optionalKey(Schema.Finite),
  version: Schema.Int,
  updated_at: Schema.Finite
})
export type Balance = typeof Balance.Type

const PREFIX = "balance:"

export const balanceIdOf = (currency: string, recipient: string | undefined): string =>
  `${PREFIX}${currency}${recipient === undefined ? "" : `:${recipient}`}`

export const isBalanceId = (id: string): boolean => id.startsWith(PREFIX)

export const newBalance = (id: string, merchant: string): Balance => {
  const [currency = "", recipient] = id.slice(PREFIX.length).split(":")
  return {
    _tag: "Balance",
    id,
    merchant,
    currency,
    ...(recipient !== undefined && { recipient }),
    available: 0n,
    reserves: [],
    in_transit: 0n,
    version: 0,
    updated_at: 0
  }
}

export const ownerOf = (balance: Balance, partition: number): Owner => ({
  merchant: balance.merchant,
  partition,
  currency: balance.currency,
  recipient: balance.recipient
})

const byHand: PayoutRule = { schedule: "manual" }

/** The first rule that fits has its say; money that no rule is for is paid out by hand. */
export const payoutRuleFor = (balance: Balance, { payouts = [] }: Terms): PayoutRule =>
  payouts.find(({ currencies, merchants }) =>
    (merchants === undefined || (merchants as ReadonlyArray<string>).includes(balance.merchant)) &&
    (currencies === undefined || (currencies as ReadonlyArray<string>).includes(balance.currency))
  ) ?? byHand

export const payoutTimerOf = (id: string): string => `${id}.payout`
export const reserveTimerOf = (id: string): string => `${id}.reserve`

/** Timers are one namespace over all merchants, balances are named within one. */
export const timerNameOf = ({ merchant }: Balance, timer: string): string => `${merchant}/${timer}`

const DAY_MILLIS = 86_400_000
const DAYS_IN_WEEK = 7
/** 1 January 1970 was a Thursday: days since then, plus this, are days since a Monday. */
const MONDAY_OFFSET = 3

/** The next day of the schedule, at midnight UTC, always after now. */
export const nextPayoutAt = (
  schedule: PayoutRule["schedule"],
  nowMillis: number
): number | undefined => {
  const day = Math.floor(nowMillis / DAY_MILLIS)
  switch (schedule) {
    case "manual":
      return undefined
    case "daily":
      return (day + 1) * DAY_MILLIS
    case "weekly":
      return (day + DAYS_IN_WEEK - ((day + MONDAY_OFFSET) % DAYS_IN_WEEK)) * DAY_MILLIS
    case "monthly": {
      const now = new Date(nowMillis)
      return Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)
    }
  }
}

/** Kept back until the end of the day that many days from now, so that a day is one part. */
export const reservedUntil = (days: number, { at }: Pick<Received, "at">): number =>
  (Math.floor(at / DAY_MILLIS) + days + 1) * DAY_MILLIS
