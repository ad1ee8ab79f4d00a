import { Schema } from "effect"
import { derivedId } from "../../../src/domain/identifiers.ts"
import { BigAmount } from "../../../src/domain/money.ts"
import { type PayoutResource, PayoutStatus } from "../../../streams/resources/wallet.ts"

/** Where each state can lead. `docs/payments.md` shows this table. */
export const payoutMoves: ReadonlyArray<readonly [from: Status, why: string, to: Status]> = [
  ["in_transit", "the gateway pays", "paid"],
  ["in_transit", "the gateway refuses, or never got it", "failed"],
  ["in_transit", "the gateway does not answer", "unknown"],
  ["unknown", "the inquiry finds it on its way", "in_transit"],
  ["unknown", "the inquiry finds it paid", "paid"],
  ["unknown", "the inquiry finds a refusal, or nothing for good", "failed"],
  ["paid", "the bank sends it back", "returned"]
]

type Status = typeof PayoutStatus.Type

/** Money on its way to a bank account. One intent at the gateway under one key: its own identifier. */
export const Payout = Schema.TaggedStruct("Payout", {
  id: Schema.String,
  merchant: Schema.String,
  balance: Schema.String,
  currency: Schema.String,
  recipient: Schema.optionalKey(Schema.String),
  amount: BigAmount,
  destination: Schema.String,
  gateway: Schema.String,
  status: PayoutStatus,
  /** What the command said, where one asked for it: the same again changes nothing. */
  fingerprint: Schema.optionalKey(Schema.String),
  failure: Schema.optionalKey(Schema.Struct({ code: Schema.String, detail: Schema.String })),
  waiters: Schema.Array(Schema.String),
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
  /** Waits so far; the next is longer. */
  tries: Schema.Int,
  /** When the awaited timer is due; any other wake is a no-op. */
  wake_at: Schema.optionalKey(Schema.Finite),
  /** Since when it may be at the gateway without an answer. */
  unknown_since: Schema.optionalKey(Schema.Finite),
  /** Who told that the bank sent it back: the same again is answered, another body is refused. */
  returned_by: Schema.optionalKey(
    Schema.Struct({ command_id: Schema.String, fingerprint: Schema.String })
  ),
  /** The gateway paid what it had refused, or another amount: told and booked once. */
  contradicted: Schema.optionalKey(Schema.Boolean),
  /** What of it stands in suspense, and by which name. */
  suspense: Schema.optionalKey(Schema.Struct({ name: Schema.String, amount: BigAmount })),
  /** How often the gateway took its word back. */
  turns: Schema.optionalKey(Schema.Int),
  version: Schema.Int
})
export type Payout = typeof Payout.Type

const PREFIX = "po"

export const payoutIdOf = (merchant: string, commandId: string): string =>
  derivedId(PREFIX, merchant, commandId)

/** A payout that nobody asked for: its balance's schedule and day name it. */
export const scheduledPayoutIdOf = (merchant: string, balance: string, due: number): string =>
  derivedId(PREFIX, merchant, balance, String(due))

export const isPayoutId = (id: string): boolean => id.startsWith(`${PREFIX}_`)

/** The gateway may have it: from now on it is asked about, and not sent again. */
export const isAskedAbout = ({ unknown_since }: Payout): boolean => unknown_since !== undefined

export const isPayoutOpen = ({ status }: Payout): boolean =>
  status === "in_transit" || status === "unknown"

const time = (millis: number): string => new Date(millis).toISOString()

/** A payout as the world sees it. The destination is a token, but still its owner's business. */
export const payoutResourceOf = (payout: Payout): PayoutResource => ({
  id: payout.id,
  merchant: payout.merchant,
  currency: payout.currency,
  ...(payout.recipient !== undefined && { recipient: payout.recipient }),
  amount: Number(payout.amount),
  status: payout.status,
  destination: payout.destination,
  scheduled: payout.fingerprint === undefined,
  ...(payout.failure && { failure: payout.failure }),
  created_at: time(payout.created_at),
  updated_at: time(payout.updated_at),
  version: payout.version
})
