import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { Day } from "../../src/domain/day.ts"
import { CommandId, MerchantId } from "../../src/domain/identifiers.ts"
import { Amount } from "../../src/domain/money.ts"
import { Text } from "../../src/domain/text.ts"
import { RoutedEvent } from "./event.ts"
import { InternalAmount, Millis } from "./money.ts"

/** Parts of one file. With parts of half a megabyte this is about a million lines. */
export const FILE_PARTS_MAX = 256

const PartNumber = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: FILE_PARTS_MAX }))

/**
 * A gateway's settlement file, or a part of it; each part starts with the header. `command_id` names
 * the file and is the same in all its parts. The subject's key is the source.
 */
export const File = Schema.Struct({
  command_id: CommandId,
  source: MerchantId,
  date: Day,
  format: Schema.Literals(["csv"]),
  part: PartNumber,
  parts: PartNumber,
  body: Schema.String
}).check(
  Schema.makeFilter((file: { part: number; parts: number }) =>
    file.part <= file.parts || "part must not be above parts"
  )
)

export const SettlementKind = Schema.Literals(["charge", "refund"])
export type SettlementKind = typeof SettlementKind.Type

/** One line of a settlement file. `part` and `row` say where it stands; `line` is the gateway's own number. */
export const SettlementLine = Schema.Struct({
  part: Schema.Int,
  row: Schema.Int,
  settlement_id: Schema.String,
  line: Schema.Int,
  payment_id: Schema.optionalKey(Schema.String),
  charge_id: Schema.String,
  kind: SettlementKind,
  currency: Currency,
  /** Signed: a refund is negative. */
  gross: InternalAmount,
  fee: InternalAmount,
  net: InternalAmount,
  occurred_at: Millis
})
export type SettlementLine = typeof SettlementLine.Type

/** Which file lines came from. Of two files a later one (higher sequence at the source) restates the other. */
const FileFields = {
  source: MerchantId,
  date: Day,
  file: CommandId,
  file_seq: Schema.Int
}

/** Lines of one merchant, for that merchant's partition. */
const Match = Schema.Struct({ ...FileFields, lines: Schema.Array(SettlementLine) })

/**
 * A gateway told of money that moved there for no payment: somebody else's program, or a person at its
 * dashboard. The subject's key is the source; only the edge publishes it.
 */
export const Stray = Schema.Struct({
  kind: SettlementKind,
  charge_id: Text(255),
  amount: InternalAmount,
  currency: Currency,
  at: Millis
})
export type Stray = typeof Stray.Type

/** Every line of the file has been sent: what is expected up to its day and was not in it is missing. */
const Close = Schema.Struct(FileFields)

const Payment = Schema.Struct({ id: Schema.String, gateway: Schema.String, currency: Currency })
const { type: _type, data: _data, ...eventFields } = RoutedEvent.fields

const Refund = {
  id: Schema.String,
  amount: Amount,
  /** The payment's own where left out. */
  gateway: Schema.optionalKey(Schema.String)
}

/** What a gateway said against its own earlier word. */
const Contradiction = Schema.Struct({
  /** The payment's own where left out, and then of a charge. */
  gateway: Schema.optionalKey(Schema.String),
  operation: Schema.optionalKey(Schema.String),
  charge_id: Schema.String,
  detail: Schema.String
})

/**
 * The events that say what a gateway will settle. An event that lacks what matching needs must not
 * pass silently (its money would never be looked for), so it does not decode and becomes a dead letter.
 */
export const SettlementEvent = Schema.Union([
  Schema.Struct({
    ...eventFields,
    type: Schema.Literals(["payment.captured", "payment.partially_captured"]),
    data: Schema.Struct({
      payment: Payment,
      capture: Schema.Struct({ amount: Amount, charge_id: Schema.String })
    })
  }),
  Schema.Struct({
    ...eventFields,
    type: Schema.Literals(["payment.refunded"]),
    data: Schema.Struct({
      payment: Payment,
      refund: Schema.Struct({ ...Refund, charge_id: Schema.String })
    })
  }),
  /** Of one that the gateway had made before, its money comes back. The others never were anywhere. */
  Schema.Struct({
    ...eventFields,
    type: Schema.Literals(["payment.refund_failed"]),
    data: Schema.Struct({
      payment: Payment,
      refund: Schema.Struct({
        ...Refund,
        charge_id: Schema.optionalKey(Schema.String),
        taken_back: Schema.optionalKey(Schema.Boolean)
      })
    })
  }),
  Schema.Struct({
    ...eventFields,
    type: Schema.Literals(["payment.charge_contradicted"]),
    data: Schema.Struct({
      payment: Payment,
      contradiction: Contradiction
    })
  }),
  Schema.Struct({
    ...eventFields,
    type: Schema.Literals(["payout.contradicted"]),
    data: Schema.Struct({
      payout: Schema.Struct({ id: Schema.String, currency: Currency }),
      contradiction: Contradiction
    })
  })
])
export type SettlementEvent = typeof SettlementEvent.Type

export const ReconciliationMessages = {
  file: File,
  stray: Stray,
  match: Match,
  close: Close,
  event: SettlementEvent
}
