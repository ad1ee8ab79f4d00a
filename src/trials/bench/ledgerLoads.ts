import { derivedId } from "../../domain/identifiers.ts"
import { merchantPending, recipientPending } from "../../ledger/chart.ts"
import type { Account } from "../../ledger/chart.ts"
import * as entries from "../../ledger/entries.ts"
import type { Booked } from "../../ledger/journal.ts"
import { Random } from "../random.ts"
import { zipf } from "./zipf.ts"

/** Accounts between which money moves. */
const ACCOUNTS = 10_000
/** Their partition: one writer, as everywhere. */
const PARTITION = 0
const CURRENCY = "BRL"
const SELLERS = 1_000
const AMOUNT_MAX = 100_000

/** A load makes the next entry. `at` is its number: the journal's time. */
export interface LedgerLoad {
  readonly name: string
  readonly next: (index: number) => Booked
}

const account = (index: number): Account => merchantPending(`m${index}`, CURRENCY)

export const everyAccount = (): ReadonlyArray<Account> => [
  ...Array.from({ length: ACCOUNTS }, (_, index) => account(index)),
  ...Array.from(
    { length: SELLERS },
    (_, index) => recipientPending("m0", `seller${index}`, CURRENCY)
  )
]

const booked = (entry: Booked["entry"], index: number): Booked => ({
  entry,
  partition: PARTITION,
  merchant: "m0",
  seq: index,
  at: index
})

/** One posting from one account to another. */
const transfer = (
  name: string,
  pick: () => readonly [from: number, to: number],
  random: Random
): LedgerLoad => {
  return {
    name,
    next: (index) => {
      const [from, to] = pick()
      const paymentId = derivedId("pay", name, String(index))
      return booked({
        id: derivedId("je", paymentId),
        kind: "capture",
        paymentId,
        postings: [{
          layer: "posted",
          debit: account(from),
          credit: account(to === from ? (from + 1) % ACCOUNTS : to),
          amount: BigInt(1 + random.int(AMOUNT_MAX))
        }]
      }, index)
    }
  }
}

/** An order of a shop: the fee and two sellers are owed what the gateway owes. */
const order = (random: Random): LedgerLoad => {
  const seller = () => `seller${random.int(SELLERS)}`
  return {
    name: "order: fee + two sellers",
    next: (index) => {
      const paymentId = derivedId("pay", "order", String(index))
      const [one, other] = [seller(), seller()]
      const book = {
        merchant: "m0",
        partition: PARTITION,
        gateway: "bench",
        currency: CURRENCY,
        paymentId
      }
      return booked(
        entries.capture(book, "charge", [
          { owner: { _tag: "Fee" }, amount: 299n },
          { owner: { _tag: "Recipient", recipient: one }, amount: 6_791n },
          { owner: { _tag: "Recipient", recipient: other }, amount: 2_910n }
        ]),
        index
      )
    }
  }
}

export const UNIFORM = "uniform"
export const HOT = "one hot account"

/** The same seed makes the same postings. */
export const ledgerLoads = (seed: number): ReadonlyArray<LedgerLoad> => {
  const random = new Random(seed)
  const any = () => random.int(ACCOUNTS)
  const skewed = (exponent: number) => {
    const pick = zipf(ACCOUNTS, exponent, random)
    return () => [pick(), pick()] as const
  }
  return [
    transfer(UNIFORM, () => [any(), any()], random),
    transfer(HOT, () => [1 + random.int(ACCOUNTS - 1), 0], random),
    transfer("Zipf 1.0", skewed(1), random),
    transfer("Zipf 2.0", skewed(2), random),
    order(random)
  ]
}
