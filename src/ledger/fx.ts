import type { Exchange } from "../domain/exchange.ts"
import { derivedId } from "../domain/identifiers.ts"
import {
  type Account,
  available,
  fxGains,
  fxLosses,
  fxRounding,
  fxSpread,
  fxTrading
} from "./chart.ts"
import type { Owner } from "./clearing.ts"
import type { JournalEntry, Posting } from "./journal.ts"

const wallet = ({ currency, merchant, recipient }: Owner): Account =>
  available(merchant, recipient, currency)

const trading = ({ currency, partition }: Owner): Account => fxTrading(partition, currency)

const idOf = (conversionId: string): string => derivedId("je", conversionId, "fx_conversion")

/** Lines of nothing are not lines. */
export const lines = (
  ...wanted: ReadonlyArray<readonly [debit: Account, credit: Account, amount: bigint]>
): ReadonlyArray<Posting> =>
  wanted.filter(([, , amount]) => amount > 0n)
    .map(([debit, credit, amount]) => ({ layer: "posted", debit, credit, amount }))

/**
 * One entry that balances in each of its two currencies: what is sold goes into the trading account
 * of its currency, and what it is worth comes out of the other's, in three parts.
 */
export const converted = (
  from: Owner,
  to: Owner,
  conversionId: string,
  { bought, rounding, sold, spread }: Exchange
): JournalEntry => ({
  id: idOf(conversionId),
  kind: "fx_conversion",
  paymentId: conversionId,
  postings: lines(
    [wallet(from), trading(from), sold],
    [trading(to), wallet(to), bought],
    [trading(to), fxSpread(to.partition, to.currency), spread],
    [trading(to), fxRounding(to.partition, to.currency), rounding]
  )
})

const reversal = (conversionId: string, postings: ReadonlyArray<Posting>): JournalEntry => ({
  id: derivedId("je", conversionId, "fx_reversal"),
  kind: "fx_reversal",
  paymentId: conversionId,
  postings
})

/** Every line of the conversion the other way round. */
export const reversedExactly = (
  from: Owner,
  to: Owner,
  conversionId: string,
  exchange: Exchange
): JournalEntry => ({
  ...reversal(
    conversionId,
    converted(from, to, conversionId, exchange).postings
      .map(({ credit, debit, ...posting }) => ({ ...posting, debit: credit, credit: debit }))
  ),
  reverses: idOf(conversionId)
})

/**
 * What was bought goes back into its trading account, and its present worth comes out of the other's.
 * With the gain or loss, that account gives up what it had been given for it.
 */
export const reversedAtCurrentRate = (
  from: Owner,
  to: Owner,
  conversionId: string,
  { bought, gain, given }: {
    readonly bought: bigint
    readonly given: bigint
    readonly gain: bigint
  }
): JournalEntry =>
  reversal(
    conversionId,
    lines(
      [wallet(to), trading(to), bought],
      [trading(from), wallet(from), given],
      [trading(from), fxGains(from.partition, from.currency), gain],
      [fxLosses(from.partition, from.currency), trading(from), -gain]
    )
  )
