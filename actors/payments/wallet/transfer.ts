import { Schema } from "effect"
import { derivedId } from "../../../src/domain/identifiers.ts"
import { BigAmount } from "../../../src/domain/money.ts"
import { type TransferResource, TransferStatus } from "../../../streams/resources/wallet.ts"

/** One side of a transfer, in the book of the merchant who sees it. Both sides share the identifier. */
export const Transfer = Schema.TaggedStruct("Transfer", {
  id: Schema.String,
  merchant: Schema.String,
  direction: Schema.Literals(["out", "in"]),
  status: TransferStatus,
  failure: Schema.optionalKey(Schema.Struct({ code: Schema.String, detail: Schema.String })),
  currency: Schema.String,
  amount: BigAmount,
  /** The wallet of a recipient in this merchant's book; the merchant's own where left out. */
  recipient: Schema.optionalKey(Schema.String),
  other: Schema.Struct({
    merchant: Schema.String,
    recipient: Schema.optionalKey(Schema.String)
  }),
  reference: Schema.optionalKey(Schema.String),
  description: Schema.optionalKey(Schema.String),
  /** What the command said: the same again changes nothing. */
  fingerprint: Schema.optionalKey(Schema.String),
  waiters: Schema.Array(Schema.String),
  created_at: Schema.Finite,
  updated_at: Schema.Finite,
  version: Schema.Int
})
export type Transfer = typeof Transfer.Type

const PREFIX = "trf"

export const transferIdOf = (merchant: string, commandId: string): string =>
  derivedId(PREFIX, merchant, commandId)

export const isTransferId = (id: string): boolean => id.startsWith(`${PREFIX}_`)

const time = (millis: number): string => new Date(millis).toISOString()

/** A transfer as the merchant of this side sees it. */
export const transferResourceOf = (transfer: Transfer): TransferResource => ({
  id: transfer.id,
  merchant: transfer.merchant,
  direction: transfer.direction,
  status: transfer.status,
  currency: transfer.currency,
  amount: Number(transfer.amount),
  ...(transfer.recipient !== undefined && { recipient: transfer.recipient }),
  ...(transfer.direction === "out" ? { to: transfer.other } : { from: transfer.other }),
  ...(transfer.reference !== undefined && { reference: transfer.reference }),
  ...(transfer.description !== undefined && { description: transfer.description }),
  ...(transfer.failure && { failure: transfer.failure }),
  created_at: time(transfer.created_at),
  updated_at: time(transfer.updated_at),
  version: transfer.version
})
