import { Schema } from "effect"
import { Time } from "../../../streams/resources/parts.ts"
import { TrialBalanceLine } from "../../ledger/trialBalance.ts"
import { AccountTotals } from "./account.ts"

/** A balance with the holds behind it, at one version; or as it stood at the end of a millisecond. */
export const BalanceSheet = Schema.Struct({
  id: Schema.String,
  as_of: Schema.NullOr(Time),
  ...AccountTotals,
  /** Turns that have moved it; null for a balance of the past. */
  version: Schema.NullOr(Schema.String),
  balance: Schema.String,
  available: Schema.String,
  holds: Schema.Array(
    Schema.Struct({
      payment_id: Schema.String,
      side: Schema.Literals(["debit", "credit"]),
      amount: Schema.String,
      placed_at: Time
    })
  ),
  holds_count: Schema.Int
}).annotate({ identifier: "BalanceSheet" })

export const Statement = Schema.Struct({
  account: Schema.String,
  currency: Schema.String,
  from: Time,
  to: Time,
  opening_balance: Schema.String,
  closing_balance: Schema.String,
  data: Schema.Array(
    Schema.Struct({
      entry_id: Schema.String,
      kind: Schema.String,
      payment_id: Schema.String,
      side: Schema.Literals(["debit", "credit"]),
      other_account: Schema.String,
      amount: Schema.String,
      at: Time,
      balance: Schema.String
    })
  ),
  has_more: Schema.Boolean,
  next_cursor: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Statement" })

export const JournalEntry = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  payment_id: Schema.String,
  kind: Schema.String,
  /** The entry that this one takes back exactly. */
  reverses: Schema.NullOr(Schema.String),
  postings: Schema.Array(
    Schema.Struct({
      layer: Schema.String,
      debit_account: Schema.String,
      credit_account: Schema.String,
      amount: Schema.String,
      currency: Schema.String
    })
  ),
  at: Time
}).annotate({ identifier: "JournalEntry" })

export const TrialBalance = Schema.Struct({
  as_of: Schema.optionalKey(Time),
  data: Schema.Array(TrialBalanceLine)
}).annotate({ identifier: "TrialBalance" })
