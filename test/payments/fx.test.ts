import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { isConversion, isQuote } from "../../actors/payments/state.ts"
import { runsOf } from "../support/runs.ts"
import { bookLines, Wallets } from "../support/wallets.ts"

const line = (from: string, to: string, rate: string, spread_basis_points: number) => ({
  from: from as never,
  to: to as never,
  rate,
  spread_basis_points
})

const table = (rate = "5.1234") => ({
  version: `usd-${rate}`,
  quote_seconds: 30,
  rates: [
    line("USD", "BRL", rate, 100),
    line("BRL", "USD", "0.1952", 50),
    line("USD", "JPY", "149.2537", 25),
    line("JPY", "KWD", "0.0020643", 10),
    line("KWD", "CLF", "0.0809", 75),
    line("CLF", "USD", "41.31", 0)
  ]
})

/** acme has 1000.00 dollars. */
const funded = () => {
  const wallets = new Wallets({ fx: table() })
  wallets.fund("acme", "balance:USD", 100_000)
  wallets.journal.length = 0
  return wallets
}

const asked = (command_id: string, amount: number, more: object = {}) => ({
  command_id,
  from: "USD",
  to: "BRL",
  amount,
  side: "from",
  ...more
})

const quoteIn = (wallets: Wallets): string =>
  [...wallets.states.values()].filter(isQuote).at(-1)!.id
const conversionIn = (wallets: Wallets): string =>
  [...wallets.states.values()].filter(isConversion).at(-1)!.id

const convert = (wallets: Wallets, command_id: string, quote_id = quoteIn(wallets)) =>
  wallets.take("acme", "convert", { command_id, quote_id })

/** 100.00 dollars become reais. */
const converted = () => {
  const wallets = funded()
  wallets.take("acme", "quote", asked("q1", 10_000))
  expect(convert(wallets, "c1")).toBeUndefined()
  return wallets
}

const place = (path: string) => path.replace(/:p\d\d/g, "")

describe("an accountant can read the postings of a conversion", () => {
  test("one entry, which balances in each currency, with spread and rounding of their own", () => {
    expect(place(bookLines(converted().journal))).toBe([
      "fx_conversion: liabilities:merchant:acme:available:USD to trading:fx:USD 10000",
      "fx_conversion: trading:fx:BRL to liabilities:merchant:acme:available:BRL 50721",
      "fx_conversion: trading:fx:BRL to revenue:fx_spread:BRL 512",
      "fx_conversion: trading:fx:BRL to revenue:fx_rounding:BRL 1"
    ].join("\n"))
  })

  test("taken back at the original rate, nothing is left of it anywhere", () => {
    const wallets = converted()
    const conversion_id = conversionIn(wallets)
    wallets.terms = { ...wallets.terms, fx: table("6.2") }
    const body = { command_id: "r1", conversion_id, rate: "original" }
    expect(wallets.take("acme", "reverse_conversion", body)).toBeUndefined()
    expect(wallets.journal[1]!.reverses).toBe(wallets.journal[0]!.id)
    for (const [, balance] of wallets.balances("")) expect(balance).toBe(0n)
    expect(wallets.available("acme", "balance:USD")).toBe(100_000n)
  })

  test.each([
    // 507.21 BRL cost 98.99 USD; at 6.2 they are worth 81.80.
    ["6.2", 8_180n, "trading:fx:USD to revenue:fx_gains:USD 1719"],
    ["4.5", 11_271n, "expense:fx_losses:USD to trading:fx:USD 1372"]
  ])("taken back at %s, the difference is our gain or loss", (rate, given, last) => {
    const wallets = converted()
    wallets.terms = { ...wallets.terms, fx: table(rate) }
    const conversion_id = conversionIn(wallets)
    wallets.take("acme", "reverse_conversion", { command_id: "r1", conversion_id, rate: "current" })
    expect(place(bookLines(wallets.journal.slice(1)))).toBe([
      "fx_reversal: liabilities:merchant:acme:available:BRL to trading:fx:BRL 50721",
      `fx_reversal: trading:fx:USD to liabilities:merchant:acme:available:USD ${given}`,
      `fx_reversal: ${last}`
    ].join("\n"))
    expect(wallets.available("acme", "balance:USD")).toBe(90_000n + given)
    expect(wallets.available("acme", "balance:BRL")).toBe(0n)
    // What is left of the position is what the spread and the rounding are worth.
    expect(wallets.total("trading:fx")).toBe(101n - 513n)
  })
})

describe("it is refused", () => {
  test("without a rate in that direction, and where nothing would come of it", () => {
    const wallets = funded()
    let nth = 0
    const quote = (more: object) =>
      wallets.take("acme", "quote", { ...asked(`q${nth++}`, 1), ...more })
    expect(quote({ from: "EUR" })).toBe("unknown_pair")
    expect(quote({ from: "USD", to: "USD" })).toBe("unknown_pair")
    expect(quote({ from: "JPY", to: "USD" })).toBe("unknown_pair")
    expect(quote({ from: "CLF", to: "USD" })).toBe("below_minimum")
    expect(quote({ amount: 2 ** 53 - 1 })).toBe("amount_too_large")
    expect(new Wallets().take("acme", "quote", asked("q", 1))).toBe("unknown_pair")
  })

  test("at a quote that is not there, is another merchant's, expired or was used", () => {
    const wallets = funded()
    wallets.take("acme", "quote", asked("q1", 10_000))
    const quote_id = quoteIn(wallets)
    const until = wallets.now + 30_000
    expect(convert(wallets, "c0", quote_id.replace(/usdbrl$/, "usdjpy"))).toBe("quote_not_found")
    expect(wallets.take("globex", "convert", { command_id: "c", quote_id })).toBe("quote_not_found")
    wallets.now = until - 1_000
    expect(convert(wallets, "c1")).toBe("quote_expired")
    wallets.take("acme", "quote", asked("q2", 10_000))
    wallets.now += 28_999
    expect(convert(wallets, "c2")).toBeUndefined()
    expect(convert(wallets, "c3")).toBe("quote_used")
    expect(wallets.journal).toHaveLength(1)
  })

  test("beyond what is available: what is reserved or on its way out is not", () => {
    const wallets = new Wallets({
      fx: table(),
      payouts: [{ schedule: "manual", reserve: { basis_points: 1_000, days: 30 } }]
    })
    wallets.fund("acme", "balance:USD", 10_000)
    const payout = { command_id: "po", currency: "USD", amount: 4_000, destination: "ba_1" }
    wallets.take("acme", "payout", payout)
    wallets.take("acme", "quote", asked("q1", 5_001))
    expect(convert(wallets, "c1")).toBe("insufficient_funds")
    wallets.take("acme", "quote", asked("q2", 5_000))
    expect(convert(wallets, "c2")).toBeUndefined()
    expect(wallets.available("acme", "balance:USD")).toBe(0n)
  })

  test("to take back what is not there, was spent, or was taken back", () => {
    const wallets = converted()
    const conversion_id = conversionIn(wallets)
    const reverse = (command_id: string, id = conversion_id) =>
      wallets.take("acme", "reverse_conversion", {
        command_id,
        conversion_id: id,
        rate: "original"
      })
    expect(reverse("r0", conversion_id.replace(/usdbrl$/, "brlusd"))).toBe("conversion_not_found")
    const spent = { command_id: "po", currency: "BRL", amount: 1, destination: "ba_1" }
    wallets.take("acme", "payout", spent)
    expect(reverse("r1")).toBe("insufficient_funds")
    wallets.fund("acme", "balance:BRL", 1)
    expect(reverse("r2")).toBeUndefined()
    expect(reverse("r3")).toBe("already_reversed")
  })
})

test("a repeat changes nothing and gets the same answer; another body is refused", () => {
  const wallets = funded()
  const quote = asked("q1", 10_000)
  wallets.take("acme", "quote", quote, "_INBOX.1")
  wallets.take("acme", "quote", quote, "_INBOX.2")
  expect(wallets.answers[1]).toEqual(wallets.answers[0])
  expect(wallets.take("acme", "quote", { ...quote, amount: 1 })).toBe("command_reused")
  // Also where the other body names other currencies.
  expect(wallets.take("acme", "quote", { ...quote, to: "JPY" })).toBe("command_reused")
  const body = { command_id: "c1", quote_id: quoteIn(wallets) }
  wallets.take("acme", "convert", body, "_INBOX.3")
  // Long after the quote expired it is still the conversion that was made.
  wallets.now += 3_600_000
  wallets.take("acme", "convert", body, "_INBOX.4")
  expect(wallets.answers).toHaveLength(4)
  expect(wallets.answers[3]).toEqual(wallets.answers[2])
  wallets.take("acme", "quote", asked("q2", 1_000, { to: "JPY" }))
  expect(convert(wallets, "c1")).toBe("command_reused")
  const back = { command_id: "r1", conversion_id: conversionIn(wallets), rate: "current" }
  wallets.take("acme", "reverse_conversion", back, "_INBOX.5")
  wallets.take("acme", "reverse_conversion", back, "_INBOX.6")
  expect(wallets.answers[5]).toEqual(wallets.answers[4])
  expect(wallets.take("acme", "reverse_conversion", { ...back, rate: "original" }))
    .toBe("command_reused")
  expect(wallets.journal.map(({ kind }) => kind)).toEqual(["fx_conversion", "fx_reversal"])
  expect(wallets.events.map(({ type }) => type)).toEqual([
    "fx.quoted",
    "fx.converted",
    "fx.quoted",
    "fx.reversed"
  ])
})

const pairs = table().rates.map(({ from, to }) => [from, to] as const)
const action = fc.record({
  pair: fc.constantFrom(...pairs),
  amount: fc.integer({ min: 1, max: 30_000 }),
  side: fc.constantFrom("from", "to"),
  command: fc.integer({ min: 0, max: 40 }),
  wait: fc.integer({ min: 0, max: 40 }),
  back: fc.constantFrom(undefined, undefined, "original", "current"),
  rate: fc.constantFrom("5.1234", "4.5", "6.2")
})

test("whatever is converted and taken back, no currency gains or loses anything", () =>
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const wallets = new Wallets({ fx: table() })
      const currencies = ["USD", "BRL", "JPY", "KWD", "CLF"]
      for (const currency of currencies) wallets.fund("acme", `balance:${currency}`, 50_000)
      wallets.journal.length = 0
      for (const { amount, back, command, pair: [from, to], rate, side, wait } of actions) {
        wallets.terms = { ...wallets.terms, fx: table(rate) }
        wallets.take("acme", "quote", asked(`q${command}`, amount, { from, to, side }))
        wallets.now += wait * 1_000
        const quotes = [...wallets.states.values()].filter(isQuote)
        if (quotes.length > 0) convert(wallets, `c${command}`, quotes.at(-1)!.id)
        const [conversion] = [...wallets.states.values()].filter(isConversion)
        if (back !== undefined && conversion !== undefined) {
          const body = { command_id: `r${command}`, conversion_id: conversion.id, rate: back }
          wallets.take("acme", "reverse_conversion", body)
        }
        for (const currency of currencies) {
          const mine = [...wallets.balances("")].filter(([path]) => path.endsWith(currency))
          expect(mine.reduce((sum, [, balance]) => sum + balance, 0n)).toBe(0n)
          const available = `liabilities:merchant:acme:available:${currency}`
          const booked = wallets.balances(available).get(available) ?? 0n
          expect(50_000n + booked).toBe(wallets.available("acme", `balance:${currency}`))
          expect(50_000n + booked).toBeGreaterThanOrEqual(0n)
        }
        for (const [path, earned] of wallets.balances("revenue:fx")) {
          if (!path.includes("_gains")) expect(earned).toBeGreaterThanOrEqual(0n)
        }
      }
    }),
    { numRuns: runsOf(200) }
  ))
