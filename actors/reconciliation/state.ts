import { Schema } from "effect"
import { BigAmount } from "../../src/domain/money.ts"
import { SettlementKind } from "../../streams/messages/reconciliation.ts"

/** Copies of one operation's line that are kept. More are counted only: no file can swell a state. */
export const OPERATION_LINES_MAX = 100

/** Money the payments say the gateway took or gave back. Amounts are signed: a refund is negative. */
export const Expectation = Schema.Struct({
  /** The event that said so. */
  id: Schema.String,
  payment_id: Schema.String,
  amount: BigAmount,
  currency: Schema.String,
  at: Schema.Finite,
  day: Schema.String
})
export type Expectation = typeof Expectation.Type

/** What the gateway says in a file. */
export const Line = Schema.Struct({
  /** Where it stands: file, part and row. */
  id: Schema.String,
  file_seq: Schema.Int,
  settlement_id: Schema.String,
  line: Schema.Int,
  payment_id: Schema.optionalKey(Schema.String),
  amount: BigAmount,
  fee: BigAmount,
  currency: Schema.String,
  /** The day of its file: once that is closed, a line nobody expected is a break. */
  day: Schema.String
})
export type Line = typeof Line.Type

export const BreakKind = Schema.Literals([
  "missing",
  "unexpected",
  "amount",
  "duplicate",
  "malformed"
])
export type BreakKind = typeof BreakKind.Type

/** What files settle, and payouts: of those only what a gateway says against itself. */
const OperationKind = Schema.Literals([...SettlementKind.literals, "payout"])
type OperationKind = typeof OperationKind.Type

/**
 * One gateway operation seen from both sides: a charge, the refunds of a charge, or a payout. Its findings follow
 * from what is here and nothing else, so the order in which events and lines came cannot matter.
 */
export const Operation = Schema.TaggedStruct("Operation", {
  source: Schema.String,
  kind: OperationKind,
  charge_id: Schema.String,
  expected: Schema.Array(Expectation),
  lines: Schema.Array(Line),
  /** Lines beyond `OPERATION_LINES_MAX`. */
  uncounted: Schema.Int,
  /** The gateway contradicted an answer of its own about this charge, or nobody asked for it. */
  contradicted: Schema.optionalKey(
    Schema.Struct({
      /** The event that said so. */
      id: Schema.String,
      /** Left out where it is nobody's. */
      payment_id: Schema.optionalKey(Schema.String),
      detail: Schema.String,
      amount: Schema.optionalKey(BigAmount),
      currency: Schema.String,
      day: Schema.String
    })
  )
})
export type Operation = typeof Operation.Type

/** A settlement file as far as it has come. */
export const SettlementFile = Schema.TaggedStruct("File", {
  id: Schema.String,
  source: Schema.String,
  date: Schema.String,
  parts: Schema.Int,
  /** Sequence of its first part at the source: later files restate earlier ones. */
  seq: Schema.Int,
  received: Schema.Array(Schema.Struct({
    part: Schema.Int,
    fingerprint: Schema.String,
    lines: Schema.Int,
    malformed: Schema.Int
  }))
})
export type SettlementFile = typeof SettlementFile.Type

export const State = Schema.Union([Operation, SettlementFile])
export type State = typeof State.Type

/** What a save does beside the states. */
export type Row =
  | { readonly _tag: "Close"; readonly source: string; readonly date: string }
  | {
    readonly _tag: "Malformed"
    readonly source: string
    readonly date: string
    readonly file: string
    readonly part: number
    readonly row: number
    readonly reason: string
  }

export type RefusalCode = "source_differs" | "file_differs" | "unreadable_file"

export const fileKey = (id: string): string => `file:${id}`

export const operationKey = (source: string, kind: OperationKind, chargeId: string): string =>
  `${kind}:${source}:${chargeId}`

export const newOperation = (
  source: string,
  kind: OperationKind,
  chargeId: string
): Operation => ({
  _tag: "Operation",
  source,
  kind,
  charge_id: chargeId,
  expected: [],
  lines: [],
  uncounted: 0
})
