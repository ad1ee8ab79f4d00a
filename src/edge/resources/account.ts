import { Schema } from "effect"
import { Time } from "../../../streams/resources/parts.ts"
import type { Balance, PostingRow } from "../../ledger/read.ts"
import { shownMoment } from "../../domain/moment.ts"

/** Totals may exceed what a JSON number carries: they are strings. */
export const AccountTotals = {
  currency: Schema.String,
  posted_debits: Schema.String,
  posted_credits: Schema.String,
  pending_debits: Schema.String,
  pending_credits: Schema.String
}

export const Account = Schema.Struct({
  id: Schema.String,
  ...AccountTotals,
  version: Schema.String
}).annotate({ identifier: "Account" })

export const accountOf = ({ path, ...rest }: Balance): typeof Account.Type => ({
  id: path,
  ...rest
})

export const Posting = Schema.Struct({
  entry_id: Schema.String,
  kind: Schema.String,
  payment_id: Schema.String,
  layer: Schema.String,
  debit_account: Schema.String,
  credit_account: Schema.String,
  amount: Schema.String,
  currency: Schema.String,
  at: Time
}).annotate({ identifier: "Posting" })

export const postingOf = (
  { at_millis, position: _, ...rest }: PostingRow
): typeof Posting.Type => ({
  ...rest,
  at: shownMoment(at_millis)
})
