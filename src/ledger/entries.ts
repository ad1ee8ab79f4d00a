import { derivedId } from "../domain/identifiers.ts"
import {
  type Account,
  disputeLosses,
  feeRevenue,
  gatewayDisputed,
  gatewayReceivable,
  merchantPending,
  recipientPending,
  refundsInTransit,
  suspense
} from "./chart.ts"
import { type EntryKind, type JournalEntry, moved, posted, type Posting } from "./journal.ts"

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

/** What a refund gives back: a leg's part, or what a gateway has that is none of a payment's captures. */
export interface Returned {
  readonly owner: LegOwner | { readonly _tag: "Suspense" }
  readonly amount: bigint
}

/** Where what a leg is owed stands before it can be paid out; our fee is ours at once. */
export const accountOf = (book: Book, owner: Returned["owner"]): Account => {
  switch (owner._tag) {
    case "Fee":
      return feeRevenue(book.partition, book.currency)
    case "Recipient":
      return recipientPending(book.merchant, owner.recipient, book.currency)
    case "Merchant":
      return merchantPending(book.merchant, book.currency)
    case "Suspense":
      return suspense(book.gateway, book.partition, book.currency)
  }
}

const receivable = (book: Book) => gatewayReceivable(book.gateway, book.partition, book.currency)
const inTransit = (book: Book) => refundsInTransit(book.partition, book.currency)

const disputed = (book: Book) => gatewayDisputed(book.gateway, book.partition, book.currency)

/** Named by its cause, so that it cannot be written twice. */
export const entryId = (book: Book, kind: EntryKind, cause: string): string =>
  derivedId("je", book.paymentId, kind, cause)

export const entry = (
  book: Book,
  kind: EntryKind,
  cause: string,
  postings: ReadonlyArray<Posting>
): JournalEntry => ({
  id: entryId(book, kind, cause),
  kind,
  paymentId: book.paymentId,
  postings
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

/**
 * The gateway owes what it took; fee, recipients and merchant are owed their legs. Below nothing: a leg
 * is owed less than the captures before had given it.
 */
export const capture = (
  book: Book,
  cause: string,
  legs: ReadonlyArray<LegAmount>
): JournalEntry =>
  entry(
    book,
    "capture",
    cause,
    legs.filter(({ amount }) => amount !== 0n).map(({ amount, owner }) =>
      moved(receivable(book), accountOf(book, owner), amount)
    )
  )

/** Each leg gives its part back when the refund is asked for. */
export const refund = (book: Book, cause: string, legs: ReadonlyArray<Returned>): JournalEntry =>
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
  legs: ReadonlyArray<Returned>
): JournalEntry => ({
  ...entry(
    book,
    "refund_failed",
    cause,
    moving(legs).map(({ amount, owner }) => posted(inTransit(book), accountOf(book, owner), amount))
  ),
  reverses: entryId(book, "refund", cause)
})

/** The exact reversal of `refundConfirmed`: the gateway says now that it gave nothing back. */
export const refundUnconfirmed = (book: Book, cause: string, amount: bigint): JournalEntry => ({
  ...entry(book, "refund_unconfirmed", cause, [posted(receivable(book), inTransit(book), amount)]),
  reverses: entryId(book, "refund_confirmed", cause)
})

/** The gateway has taken the disputed money from what it owes. */
export const dispute = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "dispute", cause, [posted(disputed(book), receivable(book), amount)])

/** While it is open each leg's part is reserved. Nothing where no leg has a part left. */
export const disputeHold = (book: Book, cause: string, legs: ReadonlyArray<LegAmount>) =>
  reserving(book, "dispute_hold", cause, legs, 1n)

export const disputeRelease = (book: Book, cause: string, legs: ReadonlyArray<LegAmount>) =>
  reserving(book, "dispute_release", cause, legs, -1n)

const reserving = (
  book: Book,
  kind: EntryKind,
  cause: string,
  legs: ReadonlyArray<LegAmount>,
  sign: bigint
): ReadonlyArray<JournalEntry> => {
  const postings = moving(legs).map(({ amount, owner }): Posting => ({
    layer: "pending",
    debit: accountOf(book, owner),
    credit: disputed(book),
    amount: amount * sign
  }))
  return postings.length === 0 ? [] : [entry(book, kind, cause, postings)]
}

/** What the gateway charges for a dispute is the merchant's to pay, whatever its outcome. */
export const disputeFee = (book: Book, cause: string, fee: bigint): ReadonlyArray<JournalEntry> =>
  fee === 0n ? [] : [
    entry(book, "dispute_fee", cause, [
      posted(merchantPending(book.merchant, book.currency), receivable(book), fee)
    ])
  ]

/** The exact reversal of `dispute`. */
export const disputeWon = (book: Book, cause: string, amount: bigint): JournalEntry => ({
  ...entry(book, "dispute_won", cause, [posted(receivable(book), disputed(book), amount)]),
  reverses: entryId(book, "dispute", cause)
})

/** Each leg gives its part for good; what no leg can give is our own loss. */
export const disputeLost = (
  book: Book,
  cause: string,
  amount: bigint,
  legs: ReadonlyArray<LegAmount>
): JournalEntry => {
  const given = moving(legs)
  const rest = amount - given.reduce((sum, leg) => sum + leg.amount, 0n)
  return entry(book, "dispute_lost", cause, [
    ...given.map((leg) => posted(accountOf(book, leg.owner), disputed(book), leg.amount)),
    ...(rest > 0n
      ? [posted(disputeLosses(book.partition, book.currency), disputed(book), rest)]
      : [])
  ])
}

/**
 * What a gateway moved against its own word. Above zero it has money that it had said it did not take:
 * ours to give back, nobody's to spend. Below zero it has less than what is booked.
 */
export const contradicted = (book: Book, cause: string, amount: bigint): JournalEntry =>
  entry(book, "suspense", cause, [inSuspense(book, amount)])

/** The exact reversal of `contradicted`: the gateway came back to its first word. */
export const contradictionLifted = (book: Book, cause: string, amount: bigint): JournalEntry => ({
  ...entry(book, "suspense", `${cause}:lifted`, [inSuspense(book, -amount)]),
  reverses: entryId(book, "suspense", cause)
})

const inSuspense = (book: Book, amount: bigint): Posting => {
  const account = suspense(book.gateway, book.partition, book.currency)
  return amount > 0n
    ? posted(receivable(book), account, amount)
    : posted(account, receivable(book), -amount)
}

const moving = <A extends Returned>(legs: ReadonlyArray<A>) =>
  legs.filter(({ amount }) => amount > 0n)
