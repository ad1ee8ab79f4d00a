import { Schema } from "effect"
import { Currency, CurrencyInUse } from "../../src/domain/currency.ts"
import { Rate } from "../../src/domain/exchange.ts"
import { CommandId, PaymentId } from "../../src/domain/identifiers.ts"
import { Amount } from "../../src/domain/money.ts"
import { Text } from "../../src/domain/text.ts"

const RATES_MAX = 500
const QUOTE_SECONDS_MAX = 86_400
const BASIS_POINTS_MAX = 9_999

/** One direction: a unit of `from` is worth `rate` units of `to`, of which the spread is kept. */
export const FxRate = Schema.Struct({
  from: Currency,
  to: Currency,
  rate: Rate,
  spread_basis_points: Schema.Int.check(
    Schema.isBetween({ minimum: 0, maximum: BASIS_POINTS_MAX })
  )
}).check(
  Schema.makeFilter(({ from, to }: { readonly from: string; readonly to: string }) =>
    from !== to || "must name two currencies"
  )
)
export type FxRate = typeof FxRate.Type

const onePrice = (rates: ReadonlyArray<{ readonly from: string; readonly to: string }>) =>
  new Set(rates.map(({ from, to }) => from + to)).size === rates.length ||
  "must hold each direction once"

/** The rates that quotes are made from, and the name that they carry to be found again. */
export const FxTerms = Schema.Struct({
  version: Text(64),
  /** How long a quote holds. A minute where left out. */
  quote_seconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: QUOTE_SECONDS_MAX }))
  ),
  rates: Schema.Array(FxRate).check(Schema.isMaxLength(RATES_MAX), Schema.makeFilter(onePrice))
})

/** Named by its command, with the currencies at the end: who converts names the wallets with it. */
export const QuoteId = Schema.String.check(
  Schema.isPattern(/^fxq_[0-9a-z]{26}_[a-z]{6}$/u, {
    message: "must be an identifier such as fxq_…_usdbrl"
  })
)

/** `side` is the currency that `amount` is of: what is sold, or what is to be bought. */
export const QuoteFields = {
  from: Currency,
  to: CurrencyInUse,
  amount: Amount,
  side: Schema.Literals(["from", "to"])
}
export const ConvertFields = { quote_id: QuoteId }

const ConversionId = Schema.String.check(
  Schema.isPattern(/^fxc_[0-9a-z]{26}_[a-z]{6}$/u, {
    message: "must be an identifier such as fxc_…_usdbrl"
  })
)

/** As it was, or as things stand: who bears what happened to the rate in between. */
export const ReversalRate = Schema.Literals(["original", "current"])
export const ReverseFields = { rate: ReversalRate }

export const FxMessages = {
  quote: Schema.Struct({ command_id: CommandId, ...QuoteFields }),
  convert: Schema.Struct({ command_id: CommandId, ...ConvertFields }),
  /** A payment that had taken the quote ended without money. */
  quote_given_back: Schema.Struct({ quote_id: QuoteId, payment_id: PaymentId }),
  reverse_conversion: Schema.Struct({
    command_id: CommandId,
    conversion_id: ConversionId,
    ...ReverseFields
  })
}
