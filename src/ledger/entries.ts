import { derivedId } from "../domain/identifiers.ts"
import {
  type Account,
  feeRevenue,
  gatewayReceivable,
  merchantPending,
  recipientPending,
  refundsInTransit,
  suspense
} from "./chart.ts"
import type { EntryKind, JournalEntry, Posting } from "./journal.ts"

/** What every entry of one payment needs to name its accounts. */
export interface Book {
  readonly merchant: string
  readonly partition: number
  readonly gateway: string
  readonly currency: string
  readonly paymentId: string
}

/** Whose part of the payment a leg is. The order is fixed: fee, recipients as given, the merchant. */
export type LegOwner =
  | { readonly _tag: "Fee" }
  | { readonly _tag: "Recipient"; readonly recipient: string }
  | { readonly _tag: "Merchant" }

export interface LegAmount {
  readonly owner: LegOwner
  readonly amount: bigint
}

const accountOf = (book: Book, owner: LegOwner): Account => {
  switch (owner._tag) {
    case "Fee":
      return feeRevenue(book.partition, book.currency)
    case "Recipient":
      return recipientPending(book.merchant, owner.recipient, book.currency)
    case "Merchant":
      return merchantPending(book.merchant, book.currency)
  }
}

const receivable = (book: Book) => gatewayReceivable(book.gateway, book.partition, book.currency)
const inTransit = (book: Book) => refundsInTransit(book.partition, book.currency)

const entry = (
  book: Book,
  kind: EntryKind,
  cause: string,
  postings: ReadonlyArray<Posting>
): JournalEntry => ({
  id: derivedId("je", book.paymentId, kind, cause),
  kind,
  paymentId: book.paymentId,
  postings
})

const posted = (debit: Account, credit: Account, amount: bigint): Posting => ({
  layer: "posted",
  debit,
  credit,
  amount
})

/** An authorization reserves its amount; nothing has moved. */
export const hold = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "hold", cause, [{
    layer: "pending",
    debit: receivable(book),
    credit: merchantPending(book.merchant, book.currency),
    amount
  }])

/** Gives a reservation, or a part of it, back. */
export const release = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "release", cause, [{
    layer: "pending",
    debit: receivable(book),
    credit: merchantPending(book.merchant, book.currency),
    amount: -amount
  }])

/** The gateway owes what it took; fee, recipients and merchant are owed their legs. */
export const capture = (
  book: Book,
  cause: string,
  legs: ReadonlyArray<LegAmount>
): JournalEntry =>
  entry(
    book,
    "capture",
    cause,
    moving(legs).map(({ amount, owner }) =>
      posted(receivable(book), accountOf(book, owner), amount)
    )
  )

/** Each leg gives its part back when the refund is asked for. */
export const refund = (book: Book, cause: string, legs: ReadonlyArray<LegAmount>): JournalEntry =>
  entry(
    book,
    "refund",
    cause,
    moving(legs).map(({ amount, owner }) => posted(accountOf(book, owner), inTransit(book), amount))
  )

export const refundConfirmed = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "refund_confirmed", cause, [posted(inTransit(book), receivable(book), amount)])

/** The exact reversal of `refund`. */
export const refundFailed = (
  book: Book,
  cause: string,
  legs: ReadonlyArray<LegAmount>
): JournalEntry =>
  entry(
    book,
    "refund_failed",
    cause,
    moving(legs).map(({ amount, owner }) => posted(inTransit(book), accountOf(book, owner), amount))
  )

/** The gateway took money it had said it did not: ours to give back, nobody's to spend. */
export const contradicted = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "suspense", cause, [
    posted(receivable(book), suspense(book.gateway, book.partition, book.currency), amount)
  ])

/** The gateway gave money back that it had said it would not. */
export const refundContradicted = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "suspense", cause, [
    posted(suspense(book.gateway, book.partition, book.currency), receivable(book), amount)
  ])

const moving = (legs: ReadonlyArray<LegAmount>) => legs.filter(({ amount }) => amount > 0n)
