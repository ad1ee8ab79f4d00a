import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { formatMinorUnits } from "../../src/domain/currency.ts"
import {
  type Account,
  feeRevenue,
  gatewayReceivable,
  merchantPending,
  recipientPending,
  refundsInTransit,
  suspense
} from "../../src/ledger/chart.ts"
import * as entries from "../../src/ledger/entries.ts"
import {
  assertBalanced,
  changesOf,
  type JournalEntry,
  type Posting,
  Unbalanced
} from "../../src/ledger/journal.ts"

const book: entries.Book = {
  merchant: "acme",
  partition: 3,
  gateway: "simulator",
  currency: "BRL",
  paymentId: "pay_1"
}

/** 100.00 BRL at 2.99 %, the rest 70 % to seller_a and 30 % to seller_b. */
const legs = (fee: bigint, sellerA: bigint, sellerB: bigint, merchant: bigint) =>
  [
    { owner: { _tag: "Fee" }, amount: fee },
    { owner: { _tag: "Recipient", recipient: "seller_a" }, amount: sellerA },
    { owner: { _tag: "Recipient", recipient: "seller_b" }, amount: sellerB },
    { owner: { _tag: "Merchant" }, amount: merchant }
  ] as const satisfies ReadonlyArray<entries.LegAmount>

/** What an accountant calls the accounts of this book. */
const names: ReadonlyMap<string, string> = new Map([
  [gatewayReceivable("simulator", 3, "BRL").path, "owed by the gateway"],
  [feeRevenue(3, "BRL").path, "fees earned"],
  [refundsInTransit(3, "BRL").path, "refunds under way"],
  [suspense("simulator", 3, "BRL").path, "in suspense"],
  [merchantPending("acme", "BRL").path, "owed to acme"],
  [recipientPending("acme", "seller_a", "BRL").path, "owed to seller_a"],
  [recipientPending("acme", "seller_b", "BRL").path, "owed to seller_b"]
])

/** One line per posting: what for, whether it moved or is reserved, debit, credit, amount. */
const table = (journal: ReadonlyArray<JournalEntry>): string =>
  journal.flatMap(({ kind, postings }) =>
    postings.map(({ amount, credit, debit, layer }) =>
      [
        kind.padEnd(16),
        layer.padEnd(7),
        `debit ${(names.get(debit.path) ?? debit.path).padEnd(19)}`,
        `credit ${(names.get(credit.path) ?? credit.path).padEnd(19)}`,
        `${formatMinorUnits(amount, debit.currency).padStart(7)} ${debit.currency}`
      ].join("  ")
    )
  ).join("\n")

const lines = (text: string): string =>
  text.trim().split("\n").map((line) => line.trim()).join("\n")

describe("an accountant can read the postings of every step", () => {
  it("takes the money at once: fee and recipients are owed what the gateway owes", () => {
    expect(table([entries.capture(book, "charge.1", legs(299n, 6791n, 2910n, 0n))])).toBe(lines(`
      capture           posted   debit owed by the gateway  credit fees earned             2.99 BRL
      capture           posted   debit owed by the gateway  credit owed to seller_a       67.91 BRL
      capture           posted   debit owed by the gateway  credit owed to seller_b       29.10 BRL
    `))
  })

  it("reserves, captures a part and gives the rest back", () => {
    expect(table([
      entries.hold(book, "charge.1", 10_000n),
      entries.release(book, "capture.1", 6_000n),
      entries.capture(book, "capture.1", legs(179n, 4075n, 1746n, 0n)),
      entries.release(book, "void.1", 4_000n)
    ])).toBe(lines(`
      hold              pending  debit owed by the gateway  credit owed to acme          100.00 BRL
      release           pending  debit owed by the gateway  credit owed to acme          -60.00 BRL
      capture           posted   debit owed by the gateway  credit fees earned             1.79 BRL
      capture           posted   debit owed by the gateway  credit owed to seller_a       40.75 BRL
      capture           posted   debit owed by the gateway  credit owed to seller_b       17.46 BRL
      release           pending  debit owed by the gateway  credit owed to acme          -40.00 BRL
    `))
  })

  it("gives a refund back leg by leg when asked for, to the gateway when confirmed", () => {
    expect(table([
      entries.refund(book, "ref_1", legs(150n, 3395n, 1455n, 0n)),
      entries.refundConfirmed(book, "ref_1", 5_000n)
    ])).toBe(lines(`
      refund            posted   debit fees earned          credit refunds under way       1.50 BRL
      refund            posted   debit owed to seller_a     credit refunds under way      33.95 BRL
      refund            posted   debit owed to seller_b     credit refunds under way      14.55 BRL
      refund_confirmed  posted   debit refunds under way    credit owed by the gateway    50.00 BRL
    `))
  })

  it("reverses a refund that the gateway did not make", () => {
    expect(table([
      entries.refund(book, "ref_1", legs(3n, 0n, 0n, 97n)),
      entries.refundFailed(book, "ref_1", legs(3n, 0n, 0n, 97n))
    ])).toBe(lines(`
      refund            posted   debit fees earned          credit refunds under way       0.03 BRL
      refund            posted   debit owed to acme         credit refunds under way       0.97 BRL
      refund_failed     posted   debit refunds under way    credit fees earned             0.03 BRL
      refund_failed     posted   debit refunds under way    credit owed to acme            0.97 BRL
    `))
  })

  it("puts money that should not have moved into suspense, in either direction", () => {
    expect(table([
      entries.contradicted(book, "charge.1:ch_2", 10_000n),
      entries.contradicted(book, "refund.1:ch_2", -5_000n)
    ])).toBe(lines(`
      suspense          posted   debit owed by the gateway  credit in suspense           100.00 BRL
      suspense          posted   debit in suspense          credit owed by the gateway    50.00 BRL
    `))
  })

  it("names the accounts by book, partition and currency", () => {
    expect([...names].map(([path, name]) => `${name.padEnd(19)}  ${path}`).join("\n")).toBe(lines(`
      owed by the gateway  assets:gateway:simulator:receivable:p03:BRL
      fees earned          revenue:fees:p03:BRL
      refunds under way    liabilities:refunds_in_transit:p03:BRL
      in suspense          liabilities:suspense:simulator:p03:BRL
      owed to acme         liabilities:merchant:acme:pending:BRL
      owed to seller_a     liabilities:merchant:acme:recipient:seller_a:pending:BRL
      owed to seller_b     liabilities:merchant:acme:recipient:seller_b:pending:BRL
    `))
  })
})

const amount = fc.bigInt({ min: 1n, max: 10n ** 15n })
const books = fc.record({
  merchant: fc.constantFrom("acme", "evil"),
  partition: fc.integer({ min: 0, max: 7 }),
  gateway: fc.constantFrom("simulator", "other"),
  currency: fc.constantFrom("BRL", "JPY", "KWD"),
  paymentId: fc.constantFrom("pay_1", "pay_2")
})
const someLegs = fc.tuple(
  fc.array(fc.bigInt({ min: 0n, max: 10n ** 12n }), { maxLength: 5 }),
  fc.bigInt({ min: 0n, max: 10n ** 12n }),
  amount
).map(([recipients, fee, merchant]): Array<entries.LegAmount> => [
  { owner: { _tag: "Fee" }, amount: fee },
  ...recipients.map((part, index) => ({
    owner: { _tag: "Recipient" as const, recipient: `seller_${index}` },
    amount: part
  })),
  { owner: { _tag: "Merchant" }, amount: merchant }
])
const sumOf = (parts: ReadonlyArray<entries.LegAmount>) =>
  parts.reduce((sum, part) => sum + part.amount, 0n)

const everyStep = fc.tuple(books, someLegs, amount).map(([of, parts, some]) => [
  entries.hold(of, "1", some),
  entries.release(of, "2", some),
  entries.capture(of, "3", parts),
  entries.refund(of, "4", parts),
  entries.refundConfirmed(of, "5", some),
  entries.refundFailed(of, "6", parts),
  entries.contradicted(of, "7", some),
  entries.contradicted(of, "8", -some)
])

/** What is left on each account, debit side positive; accounts with nothing left are left out. */
const balances = (journal: ReadonlyArray<JournalEntry>) =>
  new Map(
    [...changesOf(journal)].map(([path, { totals }]) =>
      [path, {
        posted: totals.postedDebits - totals.postedCredits,
        pending: totals.pendingDebits - totals.pendingCredits
      }] as const
    ).filter(([, { pending, posted }]) => pending !== 0n || posted !== 0n)
  )

describe("no step makes or loses money", () => {
  it("balances every step per currency, alone and together with any others", () => {
    fc.assert(fc.property(fc.array(everyStep, { minLength: 1, maxLength: 4 }), (books) => {
      for (const entry of books.flat()) expect(() => assertBalanced([entry])).not.toThrow()
      expect(() => assertBalanced(books.flat())).not.toThrow()
      const left = new Map<string, bigint>()
      for (const { account, totals } of changesOf(books.flat()).values()) {
        const posted = totals.postedDebits - totals.postedCredits
        left.set(account.currency, (left.get(account.currency) ?? 0n) + posted)
      }
      for (const [currency, difference] of left) expect(difference, currency).toBe(0n)
    }))
  })

  it("moves exactly the legs it was given, each to its own account", () => {
    fc.assert(fc.property(books, someLegs, (of, parts) => {
      const captured = entries.capture(of, "1", parts)
      expect(captured.postings.reduce((sum, posting) => sum + posting.amount, 0n))
        .toBe(sumOf(parts))
      const receivable = gatewayReceivable(of.gateway, of.partition, of.currency).path
      expect(changesOf([captured]).get(receivable)!.totals.postedDebits).toBe(sumOf(parts))
      const credited = changesOf([captured])
      for (const { amount: part, owner } of parts) {
        const { path } = owner._tag === "Fee"
          ? feeRevenue(of.partition, of.currency)
          : owner._tag === "Merchant"
          ? merchantPending(of.merchant, of.currency)
          : recipientPending(of.merchant, owner.recipient, of.currency)
        expect(credited.get(path)?.totals.postedCredits ?? 0n).toBe(part)
      }
    }))
  })

  it("leaves nothing on any account after a capture that was refunded in full", () => {
    fc.assert(fc.property(books, someLegs, (of, parts) => {
      const journal = [
        entries.capture(of, "1", parts),
        entries.refund(of, "2", parts),
        entries.refundConfirmed(of, "2", sumOf(parts))
      ]
      expect(balances(journal).size).toBe(0)
    }))
  })

  it("leaves what it found after a refund that failed", () => {
    fc.assert(fc.property(books, someLegs, someLegs, (of, parts, back) => {
      const before = [entries.capture(of, "1", parts)]
      const after = [
        ...before,
        entries.refund(of, "2", back),
        entries.refundFailed(of, "2", back)
      ]
      expect(balances(after)).toEqual(balances(before))
    }))
  })

  it("reserves without moving, and gives back what it reserved", () => {
    fc.assert(fc.property(books, amount, amount, (of, one, more) => {
      const held = entries.hold(of, "1", one + more)
      const merchant = merchantPending(of.merchant, of.currency).path
      expect(balances([held]).get(merchant)).toEqual({ posted: 0n, pending: -(one + more) })
      const given = [entries.release(of, "2", one), entries.release(of, "3", more)]
      expect(balances([held, ...given]).size).toBe(0)
    }))
  })

  it("gives an entry the same id for the same cause and another for any other", () => {
    const ids = [
      entries.hold(book, "a", 1n),
      entries.hold(book, "b", 1n),
      entries.release(book, "a", 1n),
      entries.capture(book, "a", legs(1n, 1n, 1n, 1n)),
      entries.hold({ ...book, paymentId: "pay_2" }, "a", 1n)
    ].map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    expect(entries.hold(book, "a", 2n).id).toBe(ids[0])
  })
})

describe("an entry that does not balance is refused", () => {
  const brl = merchantPending("acme", "BRL")
  const usd = merchantPending("acme", "USD")
  const fees = feeRevenue(3, "BRL")
  const entry = (...postings: ReadonlyArray<Posting>): JournalEntry => ({
    id: "je_1",
    kind: "capture",
    paymentId: "pay_1",
    postings
  })
  const posting = (
    debit: Account,
    credit: Account,
    value: bigint,
    layer: Posting["layer"] = "posted"
  ): Posting => ({ layer, debit, credit, amount: value })
  const balanced = entry(posting(fees, brl, 1n))

  it("refuses an entry without postings, such as a capture of nothing", () => {
    expect(() => assertBalanced([entry()])).toThrow("je_1 has no posting")
    expect(() => assertBalanced([entries.capture(book, "1", legs(0n, 0n, 0n, 0n))]))
      .toThrow(Unbalanced)
  })

  it("refuses a posting between two currencies", () => {
    expect(() => assertBalanced([entry(posting(brl, usd, 1n))])).toThrow(`${brl.path} with`)
  })

  it("refuses a posting of nothing, and one that moves less than nothing", () => {
    expect(() => assertBalanced([entry(posting(fees, brl, 0n))])).toThrow("je_1 posts 0")
    expect(() => assertBalanced([entry(posting(fees, brl, 0n, "pending"))])).toThrow(Unbalanced)
    expect(() => assertBalanced([entry(posting(fees, brl, -1n))])).toThrow("je_1 posts -1")
    expect(() => assertBalanced([entry(posting(fees, brl, -1n, "pending"))])).not.toThrow()
  })

  it("refuses one account in two currencies, which would unbalance both", () => {
    const impostor: Account = { ...brl, currency: "USD" }
    const mixed = [balanced, entry(posting(usd, impostor, 1n))]
    expect(() => assertBalanced(mixed)).toThrow("would be off by")
  })

  it("refuses the whole turn for one bad entry, with the code of a broken check", () => {
    expect(() => assertBalanced([balanced])).not.toThrow()
    try {
      assertBalanced([balanced, entry(posting(fees, brl, 0n)), balanced])
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(Unbalanced)
      expect((error as Unbalanced).code).toBe("23514")
    }
  })
})
