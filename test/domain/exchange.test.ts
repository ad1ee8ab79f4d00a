import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { Schema } from "effect"
import { currencyCodes, exponentOf } from "../../src/domain/currency.ts"
import { buy, costOf, Rate, sell, worthOf } from "../../src/domain/exchange.ts"

const price = (from: string, to: string, rate: string, spreadBasisPoints = 0) => ({
  from,
  to,
  rate,
  spreadBasisPoints
})

describe("known exchanges, counted by hand", () => {
  test.each([
    // 100.00 USD are worth 512.34 BRL; 1 % is 5.1234.
    [sell(price("USD", "BRL", "5.1234", 100), 10_000n), [10_000n, 50_721n, 512n, 1n]],
    // 10000 yen are worth 67.00 dollars; the yen has no cents.
    [sell(price("JPY", "USD", "0.0067"), 10_000n), [10_000n, 6_700n, 0n, 0n]],
    // 1.00 dollar is worth 149.2537 yen, of which 149 are paid.
    [sell(price("USD", "JPY", "149.2537"), 100n), [100n, 149n, 0n, 0n]],
    // 1.000 Kuwaiti dinar has a thousand fils.
    [sell(price("KWD", "USD", "3.25"), 1_000n), [1_000n, 325n, 0n, 0n]],
    [sell(price("USD", "KWD", "0.3"), 1n), [1n, 3n, 0n, 0n]],
    // The unidad de fomento has four places: 1.0000 CLF is worth 39214 pesos.
    [sell(price("CLF", "CLP", "39214"), 10_000n), [10_000n, 39_214n, 0n, 0n]],
    // One peso is worth 0.255 of the last place, and nothing is paid.
    [sell(price("CLP", "CLF", "0.0000255"), 1n), [1n, 0n, 0n, 0n]],
    // 1.00 BRL costs 0.1952 dollars: 20 cents, worth 1.02 BRL.
    [buy(price("USD", "BRL", "5.1234"), 100n), [20n, 100n, 0n, 2n]],
    // One fils costs a whole yen, which is worth two: the other one is rounding.
    [buy(price("JPY", "KWD", "0.002"), 1n), [1n, 1n, 0n, 1n]]
  ])("%#", ({ bought, rounding, sold, spread }, expected) => {
    expect([sold, bought, spread, rounding]).toEqual(expected)
  })
})

const currency = fc.constantFrom(...currencyCodes)
const rate = fc.tuple(
  fc.bigInt(0n, 999_999_999_998n),
  fc.integer({ min: 0, max: 12 }),
  fc.bigInt(1n, 999_999_999_999n)
)
  .map(([whole, places, part]) =>
    places === 0 ? `${whole + 1n}` : `${whole}.${String(part).padStart(12, "0").slice(-places)}`
  )
  .filter((text) => /[1-9]/.test(text))
const prices = fc.record({
  from: currency,
  to: currency,
  rate,
  spreadBasisPoints: fc.integer({ min: 0, max: 9_999 })
})
const amount = fc.bigInt(1n, 2n ** 53n - 1n)

/** The rate as a fraction of minor units, by another way than the code's. */
const valueOf = (one: { from: string; to: string; rate: string }, sold: bigint) => {
  const [whole = "", places = ""] = one.rate.split(".")
  const shift = exponentOf(one.to) - exponentOf(one.from) - places.length
  const top = sold * BigInt(whole + places) * 10n ** BigInt(Math.max(shift, 0))
  return [top, 10n ** BigInt(Math.max(-shift, 0))] as const
}

describe("for every pair of currencies, rate, spread and amount", () => {
  test("nothing is lost: the parts are the whole value, none is below nothing, less than one is left", () =>
    fc.assert(
      fc.property(prices, amount, (one, sold) => {
        const { bought, rounding, spread, ...rest } = sell(one, sold)
        expect(rest.sold).toBe(sold)
        const [top, bottom] = valueOf(one, sold)
        expect(bought + spread + rounding).toBe(top / bottom)
        expect(bought >= 0n && spread >= 0n).toBe(true)
        expect(rounding === 0n || rounding === 1n).toBe(true)
        // The spread is what the basis points say, to the minor unit.
        const exact = top * BigInt(one.spreadBasisPoints)
        expect(spread).toBe(exact / (bottom * 10_000n))
      }),
      { numRuns: 2_000 }
    ))

  test("what is bought costs enough, and one minor unit less would not do", () =>
    fc.assert(
      fc.property(prices, amount, (one, bought) => {
        const exchange = buy(one, bought)
        expect(exchange.bought).toBe(bought)
        expect(exchange.spread >= 0n && exchange.rounding >= 0n).toBe(true)
        const [top, bottom] = valueOf(one, exchange.sold)
        expect(bought + exchange.spread + exchange.rounding).toBe(top / bottom)
        expect(sell(one, exchange.sold).bought >= bought).toBe(true)
        if (exchange.sold > 1n) expect(sell(one, exchange.sold - 1n).bought < bought).toBe(true)
      }),
      { numRuns: 2_000 }
    ))

  test("what it costs is enough, less than one too much, and in parts never less", () =>
    fc.assert(
      fc.property(prices, fc.array(amount, { minLength: 1, maxLength: 5 }), (one, parts) => {
        const sum = (amounts: ReadonlyArray<bigint>) => amounts.reduce((all, part) => all + part)
        const whole = costOf(one, sum(parts))
        const [top, bottom] = valueOf(one, sum(parts))
        expect(whole * bottom >= top && (whole - 1n) * bottom < top).toBe(true)
        expect(sum(parts.map((part) => costOf(one, part))) >= whole).toBe(true)
      }),
      { numRuns: 1_000 }
    ))

  test("there and back again is never a profit", () =>
    fc.assert(
      fc.property(prices, amount, (one, sold) => {
        expect(worthOf(one, sell(one, sold).bought) <= sold).toBe(true)
      }),
      { numRuns: 1_000 }
    ))
})

test.each(["0", "0.000", "-1", "1e3", "1.", ".5", "1,5", "", " 1", "1.0000000000001", "NaN"])(
  "%j is no rate",
  (text) => {
    expect(Schema.is(Rate)(text)).toBe(false)
  }
)
