import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { isDisputeOpen } from "../../actors/payments/payment/dispute.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { changesOf } from "../../src/ledger/journal.ts"
import { Accountant, Refused } from "../support/accountant.ts"
import { runsOf } from "../support/runs.ts"
import { Wallets } from "../support/wallets.ts"

const rates = (rate: string, to = "BRL") => ({
  version: `usd-${rate}`,
  rates: [{ from: "USD" as never, to: to as never, rate, spread_basis_points: 100 }]
})

/** Credits less debits of the accounts that the pattern names, by their names without merchant and part. */
const left = (accountant: Accountant, pattern: RegExp): ReadonlyArray<readonly [string, bigint]> =>
  [...changesOf(accountant.journal)]
    .filter(([path]) => pattern.test(path))
    .map(([path, { totals }]) => [path, totals.postedCredits - totals.postedDebits] as const)
    .filter(([, amount]) => amount !== 0n)

const begun = (amount: string, splits: string, refund_rate: string, percent = "2.99") => {
  const accountant = new Accountant()
  accountant.do(`price percent=${percent} from=9999.00 then=0.00`)
  accountant.do("rate from=USD to=BRL rate=5.1234")
  accountant.do(`quote ${amount} from=USD to=BRL side=from`)
  accountant.do(`create ${amount} currency=USD refund_rate=${refund_rate} ${splits}`.trim())
  accountant.do("approved")
  return accountant
}

const paymentOf = (accountant: Accountant) =>
  accountant.states.get(paymentIdOf("acme", "order-1")) as Payment
const sum = (amounts: ReadonlyArray<bigint>) => amounts.reduce((all, one) => all + one, 0n)

const cents = fc.integer({ min: 1, max: 4_000 }).map((minor) => (minor / 100).toFixed(2))
const move = fc.oneof(
  { weight: 4, arbitrary: cents.map((amount) => `refund ${amount}`) },
  { weight: 3, arbitrary: fc.constantFrom("approved", "approved", "declined") },
  { weight: 1, arbitrary: cents.map((amount) => `dispute ${amount}`) },
  { weight: 1, arbitrary: cents.map((amount) => `dispute ${amount} fee=1.50`) },
  { weight: 1, arbitrary: fc.constantFrom("dispute_won", "dispute_lost") },
  { weight: 1, arbitrary: cents.map((amount) => `settled ${amount}`) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 1, max: 99_999 })
      .map((rate) => `rate from=USD to=BRL rate=${(rate / 10_000).toFixed(4)}`)
  }
)
const story = fc.record({
  amount: cents,
  percent: fc.constantFrom("2.99", "2.99", "100.00"),
  splits: fc.constantFrom("", "splits=a:0.70", "splits=a:0.333333,b:0.333333"),
  refund_rate: fc.constantFrom("original", "current"),
  moves: fc.array(move, { maxLength: 25 })
})

const attempt = (accountant: Accountant, line: string): boolean => {
  try {
    accountant.do(line)
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

describe("what is paid in one currency and credited in another", () => {
  test("leaves nothing in the currency that was paid, and comes back whole, whatever the parts", () => {
    fc.assert(
      fc.property(story, ({ amount, moves, percent, refund_rate, splits }) => {
        const accountant = begun(amount, splits, refund_rate, percent)
        for (const line of moves) {
          attempt(accountant, line)
          const { disputes = [], legs } = paymentOf(accountant)
          // But what is reserved for a dispute that is open.
          const reserved = disputes.filter(isDisputeOpen).flatMap((one) => one.legs.slice(1))
          const owed = left(accountant, /^liabilities:merchant:.*:USD$/).map(([, amount]) => amount)
          expect(sum(owed)).toBe(sum(reserved))
          for (const { credit } of legs) {
            if (credit === undefined) continue
            expect(credit.released >= 0n && credit.released <= credit.given).toBe(true)
          }
        }
        // What is open ends, and the rest goes back.
        attempt(accountant, "approved")
        attempt(accountant, "dispute_lost")
        if (attempt(accountant, "refund")) accountant.do("approved")
        const { disputes = [], legs } = paymentOf(accountant)
        // What a dispute costs stays exchanged.
        const costs = disputes.some(({ fee }) => fee > 0n)
        if (!costs) expect(left(accountant, /^trading:/)).toEqual([])
        expect(legs.every(({ credit }) => credit === undefined || credit.released === credit.given))
          .toBe(true)
        if (costs || refund_rate === "current") return
        expect(left(accountant, /^liabilities:merchant:|^revenue:fx|^expense:fx/)).toEqual([])
      }),
      { numRuns: runsOf(200) }
    )
  })

  test("refunds at the current rate cost what the currency costs then, and the difference is ours", () => {
    const accountant = begun("100.00", "", "current")
    accountant.do("rate from=USD to=BRL rate=6.0000")
    accountant.do("refund")
    // 97.01 dollars less what they were worth: (6 - 5.1234) × 97.01, and the spread stays.
    expect(left(accountant, /^revenue:fx/)).toEqual([
      ["revenue:fx_spread:p03:BRL", 497n],
      ["revenue:fx_gains:p03:BRL", 8_504n]
    ])
    expect(left(accountant, /pending:BRL$/)).toEqual([
      ["liabilities:merchant:acme:pending:BRL", 49_205n - 58_206n]
    ])
  })

  test("in many small refunds at the current rate no less is taken than in one", () => {
    const parts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 })
    const splits = fc.constantFrom("", "splits=a:0.70", "splits=a:0.333333,b:0.333333")
    const rates = fc.constantFrom("0.1948", "0.0001", "5.1234", "0.9999", "1.0000")
    fc.assert(
      fc.property(parts, splits, rates, (cents, splits, rate) => {
        const takenBy = (refunds: ReadonlyArray<number>) => {
          const accountant = begun((sum(cents.map(BigInt)) / 100n + 1n) + ".00", splits, "current")
          accountant.do(`rate from=USD to=BRL rate=${rate}`)
          for (const cents of refunds) {
            accountant.do(`refund ${(cents / 100).toFixed(2)}`)
            accountant.do("approved")
          }
          accountant.do("refund")
          expect(left(accountant, /^trading:|^liabilities:merchant:.*:USD$/)).toEqual([])
          return paymentOf(accountant).legs.map(({ credit }) => credit?.taken ?? 0n)
        }
        const [slices, once] = [takenBy(cents), takenBy([])]
        expect(slices.every((taken, leg) => taken >= once[leg]!)).toBe(true)
      }),
      { numRuns: runsOf(100) }
    )
  })

  test("no refund at the current rate is so small that it costs its merchant nothing", () => {
    const accountant = begun("10.00", "", "current")
    accountant.do("rate from=USD to=BRL rate=0.1948")
    for (let nth = 0; nth < 100; nth++) {
      accountant.do("refund 0.05")
      accountant.do("approved")
    }
    const { amount_refunded, legs } = paymentOf(accountant)
    expect(amount_refunded).toBe(500n)
    // Half of 9.70 dollars at 0.1948 is 0.945 reais: the rest is what rounding up costs.
    expect(legs.at(-1)!.credit!.taken >= 95n).toBe(true)
  })

  test("a refund at the current rate waits for a rate, and one at the quote's needs none", () => {
    for (const [rate, taken] of [["current", false], ["original", true]] as const) {
      const accountant = begun("10.00", "", rate)
      accountant.rates([])
      expect(attempt(accountant, "refund 1.00")).toBe(taken)
    }
  })
})

describe("a quote", () => {
  const payment = (quote_id: string, more: object = {}) => ({
    command_id: "order-1",
    amount: 10_000,
    currency: "USD",
    payment_method: { type: "card", token: "tok_approved" },
    quote_id,
    ...more
  })
  const quoted = (quote_seconds = 60) => {
    const wallets = new Wallets({ fx: { ...rates("5.1234"), quote_seconds } })
    const asked = { command_id: "q-1", from: "USD", to: "BRL", amount: 10_000, side: "from" }
    wallets.take("acme", "quote", asked)
    const [quote] = [...wallets.states.values()] as Array<unknown> as [{ readonly id: string }]
    return { wallets, quote_id: quote.id }
  }

  test("is for one payment, and not for a conversion after it", () => {
    const { quote_id, wallets } = quoted()
    expect(wallets.take("acme", "create", payment(quote_id))).toBeUndefined()
    const other = payment(quote_id, { command_id: "order-2" })
    expect(wallets.take("acme", "create", other)).toBe("quote_used")
    expect(wallets.take("acme", "convert", { command_id: "c-1", quote_id })).toBe("quote_used")
    // The same order again is the same payment.
    expect(wallets.take("acme", "create", payment(quote_id))).toBeUndefined()
  })

  test.each([
    ["of another amount", { amount: 10_001 }, "quote_mismatch"],
    ["of another currency", { currency: "EUR" }, "quote_mismatch"],
    ["that is captured later", { capture: "manual" }, "quote_mismatch"]
  ])("is not for a payment %s", (_name, more, code) => {
    const { quote_id, wallets } = quoted()
    expect(wallets.take("acme", "create", payment(quote_id, more))).toBe(code)
  })

  test.each([
    ["until a day", { due_date: "2026-09-30", payer: { name: "A", tax_id: "12345678909" } }],
    ["after the quote", { expires_in: 120 }],
    ["for as long as the bank likes", {}]
  ])("is not for a payment that may be paid %s", (_name, more) => {
    const { quote_id, wallets } = quoted(120)
    // The quote was made one second ago.
    const pix = (terms: object) => payment(quote_id, { payment_method: { type: "pix", ...terms } })
    const sent = { ...pix(more), command_id: "order-2" }
    expect(wallets.take("acme", "create", sent)).toBe("quote_mismatch")
    expect(wallets.take("acme", "create", pix({ expires_in: 118 }))).toBeUndefined()
  })

  test("ends with its time, is its merchant's own, and is needed for a rate of refunds", () => {
    const { quote_id, wallets } = quoted()
    expect(wallets.take("globex", "create", payment(quote_id))).toBe("quote_not_found")
    const { quote_id: _, ...plain } = payment(quote_id, { refund_rate: "current" })
    expect(wallets.take("acme", "create", { ...plain, command_id: "o-3" })).toBe("quote_mismatch")
    wallets.now += 60_000
    expect(wallets.take("acme", "create", payment(quote_id))).toBe("quote_expired")
  })
})
