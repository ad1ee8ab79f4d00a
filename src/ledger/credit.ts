import { type Account, fxGains, fxLosses, fxRounding, fxSpread, fxTrading } from "./chart.ts"
import { accountOf, type Book, entry, entryId, type LegOwner } from "./entries.ts"
import { lines } from "./fx.ts"
import type { JournalEntry } from "./journal.ts"

/** A leg's part in the currency that was paid, and what it is in the one that its owner has. */
export interface CreditedLeg {
  readonly owner: LegOwner
  readonly paid: bigint
  readonly credited: bigint
}

interface Credited {
  readonly legs: ReadonlyArray<CreditedLeg>
  readonly spread: bigint
  readonly rounding: bigint
  /** Ours, in the currency of the credit: below nothing where it is a loss. */
  readonly gain: bigint
}

type Line = readonly [debit: Account, credit: Account, amount: bigint]

const turned = (all: ReadonlyArray<Line>): ReadonlyArray<Line> =>
  all.map(([debit, credit, amount]) => [credit, debit, amount])

const exchanged = (
  book: Book,
  currency: string,
  { legs, rounding, spread }: Omit<Credited, "gain">
): ReadonlyArray<Line> => {
  const { partition } = book
  const there: Book = { ...book, currency }
  const [paid, credited] = [fxTrading(partition, book.currency), fxTrading(partition, currency)]
  return [
    ...legs.map((leg): Line => [accountOf(book, leg.owner), paid, leg.paid]),
    ...legs.map((leg): Line => [credited, accountOf(there, leg.owner), leg.credited]),
    [credited, fxSpread(partition, currency), spread],
    [credited, fxRounding(partition, currency), rounding]
  ]
}

/** What was captured in one currency is owed in another: one entry that balances in each. */
export const credited = (
  book: Book,
  currency: string,
  cause: string,
  all: Omit<Credited, "gain">
): JournalEntry => entry(book, "fx_capture", cause, lines(...exchanged(book, currency, all)))

/**
 * What a leg has to give back comes out of what it was credited. At the rate of the capture every line
 * goes the other way round; at another, its trading account gives up what had been given for it, and
 * the difference to what comes in is our gain or loss.
 */
export const returned = (
  book: Book,
  currency: string,
  cause: string,
  { gain, ...all }: Credited
): JournalEntry => {
  const { partition } = book
  const trading = fxTrading(partition, currency)
  return entry(
    book,
    "fx_return",
    cause,
    lines(
      ...turned(exchanged(book, currency, all)),
      [trading, fxGains(partition, currency), gain],
      [fxLosses(partition, currency), trading, -gain]
    )
  )
}

/** The exact reversal of `returned`. */
export const returnUndone = (
  book: Book,
  currency: string,
  cause: string,
  all: Credited
): JournalEntry => ({
  ...entry(
    book,
    "fx_return_undone",
    cause,
    returned(book, currency, cause, all).postings
      .map(({ credit, debit, ...posting }) => ({ ...posting, debit: credit, credit: debit }))
  ),
  reverses: entryId(book, "fx_return", cause)
})
