import * as currencyList from "currency-codes"
import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  Currency,
  currencyCodes,
  CurrencyInUse,
  exponentOf,
  formatMinorUnits,
  ISO_4217,
  parseMinorUnits,
  withdrawn
} from "../../src/domain/currency.ts"
import { Payment } from "../../actors/payments/payment/state.ts"
import { Call } from "../../streams/messages/gateway.ts"
import { Payout } from "../../streams/messages/payouts.ts"
import { SettlementLine } from "../../streams/messages/reconciliation.ts"
import { Amount, AmountOrZero, BigAmount } from "../../src/domain/money.ts"

const TABLE_AGE_MILLIS = 3 * 366 * 86_400_000
const SAFE_MAX = Number.MAX_SAFE_INTEGER
/** `parseMinorUnits` reads up to 19 digits before the point; at exponent 4 that is this much. */
const MINOR_UNITS_MAX = 10n ** 19n - 1n

const currency = fc.constantFrom(...currencyCodes)
const minorUnits = fc.bigInt({ min: -MINOR_UNITS_MAX, max: MINOR_UNITS_MAX })

describe("the currency table is ISO 4217", () => {
  /** In the standard's list without a minor unit: nothing of them can be charged. */
  const leftOut = new Map([
    ["XAG", "silver"],
    ["XAU", "gold"],
    ["XPD", "palladium"],
    ["XPT", "platinum"],
    ["XBA", "bond markets unit EURCO"],
    ["XBB", "bond markets unit E.M.U.-6"],
    ["XBC", "bond markets unit E.U.A.-9"],
    ["XBD", "bond markets unit E.U.A.-17"],
    ["XDR", "special drawing right"],
    ["XSU", "sucre"],
    ["XUA", "ADB unit of account"],
    ["XTS", "reserved for tests"],
    ["XXX", "no currency"]
  ])

  /** What amendments changed since the package's list: what came, and when it begins. */
  const added = new Map([["XCG", "2025-03-31"], ["XAD", "2025-05-12"]])

  it("has every currency of the published list except those without a minor unit", () => {
    const listed = new Set(currencyList.codes())
    const published = [...listed, ...[...added.keys()].filter((code) => !listed.has(code))]
    expect([...currencyCodes, ...leftOut.keys()].sort()).toEqual(published.sort())
    for (const code of leftOut.keys()) expect(() => exponentOf(code)).toThrow(RangeError)
  })

  it("is not older than the list that others publish, nor than three years", () => {
    const { amendment, compared, published } = ISO_4217
    expect(currencyList.publishDate <= compared, "compare the table with the newer list").toBe(true)
    expect([amendment >= 180, published <= compared]).toEqual([true, true])
    // Long enough that no clone begins to fail before somebody would look at it anyway.
    const age = Date.now() - Date.parse(compared)
    expect(age, "look for amendments since, and write the day down").toBeLessThan(TABLE_AGE_MILLIS)
    // Whatever others list no more is marked, and what took its place is in use.
    const listed = new Set(currencyList.codes())
    if (currencyList.publishDate > "2026-01-01") {
      expect([...withdrawn.keys()].filter((code) => listed.has(code))).toEqual([])
    }
    for (const { by, since } of withdrawn.values()) {
      expect([since <= compared, withdrawn.has(by), currencyCodes.includes(by)]).toEqual([
        true,
        false,
        true
      ])
    }
  })

  it("gives every currency the published number of decimal places", () => {
    const differences = currencyList.data
      .filter(({ code, digits }) => !leftOut.has(code) && exponentOf(code) !== digits)
    expect(differences).toEqual([])
  })

  it("does not follow usage where it differs from the standard", () => {
    expect(["HUF", "IQD", "LAK", "UGX", "CLF", "MRU"].map(exponentOf)).toEqual([2, 3, 2, 0, 4, 2])
  })

  it("takes no new payment in what was withdrawn, and reads an old one", () => {
    const begin = Schema.decodeUnknownResult(CurrencyInUse)
    const read = Schema.decodeUnknownResult(Currency)
    for (const code of currencyCodes) {
      expect([code, Result.isSuccess(begin(code))]).toEqual([code, !withdrawn.has(code)])
      expect(Result.isSuccess(read(code)), code).toBe(true)
    }
    expect(["XCG", "XAD"].map(exponentOf)).toEqual([2, 2])
    // A payment that is there is charged, refunded, settled and paid out as before.
    for (const later of [...Payment.members, Call, SettlementLine, Payout]) {
      const old = Schema.decodeUnknownResult(
        later.fields.currency as Schema.Codec<unknown, unknown>
      )
      expect([...withdrawn.keys()].map((code) => old(code)).filter(Result.isFailure)).toEqual([])
    }
  })

  it("refuses codes that are unknown, in lower case or empty", () => {
    const decode = Schema.decodeUnknownResult(Currency)
    expect(Result.isSuccess(decode("BRL"))).toBe(true)
    for (const code of ["brl", "", "XXX", "BR", "BRLL", "toString", 986, null]) {
      expect(Result.isFailure(decode(code)), String(code)).toBe(true)
    }
  })
})

describe("an amount is written with exactly its currency's decimal places", () => {
  it("reads back what it wrote, for every currency", () => {
    fc.assert(fc.property(currency, minorUnits, (code, amount) => {
      expect(parseMinorUnits(formatMinorUnits(amount, code), code)).toBe(amount)
    }))
  })

  it("writes as many places as the currency has, and one digit before the point", () => {
    fc.assert(fc.property(currency, minorUnits, (code, amount) => {
      const [whole, fraction = ""] = formatMinorUnits(amount, code).split(".")
      expect(whole).toMatch(/^-?(0|[1-9]\d*)$/)
      expect(fraction).toMatch(new RegExp(`^\\d{${exponentOf(code)}}$`))
    }))
  })

  it("writes the examples a person would", () => {
    expect(formatMinorUnits(10_000n, "BRL")).toBe("100.00")
    expect(formatMinorUnits(5n, "BRL")).toBe("0.05")
    expect(formatMinorUnits(-5n, "BRL")).toBe("-0.05")
    expect(formatMinorUnits(10_000n, "JPY")).toBe("10000")
    expect(formatMinorUnits(1n, "KWD")).toBe("0.001")
    expect(formatMinorUnits(123_456n, "CLF")).toBe("12.3456")
  })

  it("reads fewer places as zeros and refuses more", () => {
    expect(parseMinorUnits("1.5", "BRL")).toBe(150n)
    expect(parseMinorUnits("1", "BRL")).toBe(100n)
    expect(parseMinorUnits("1.505", "BRL")).toBeUndefined()
    expect(parseMinorUnits("1.5", "JPY")).toBeUndefined()
    expect(parseMinorUnits("1.505", "KWD")).toBe(1_505n)
  })

  it("refuses what is not a plain decimal", () => {
    for (
      const text of ["", ".5", "1.", "+1", "1e3", "1,00", " 1", "1 ", "0x1", "--1", "NaN", "١"]
    ) {
      expect(parseMinorUnits(text, "BRL"), text).toBeUndefined()
    }
  })
})

describe("an amount in a message is a JSON number outside and a bigint inside", () => {
  const decode = Schema.decodeUnknownResult(Amount)

  it("carries every safe integer above zero both ways", () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: SAFE_MAX }), (value) => {
      const amount = Schema.decodeUnknownSync(Amount)(value)
      expect(amount).toBe(BigInt(value))
      expect(Schema.encodeSync(Amount)(amount)).toBe(value)
    }))
  })

  it("refuses nothing, less, fractions, unsafe integers and text", () => {
    for (const value of [0, -1, 1.5, SAFE_MAX + 1, NaN, Infinity, "100", 100n, null, true, [1]]) {
      expect(Result.isFailure(decode(value)), String(value)).toBe(true)
    }
  })

  it("refuses to write an amount that a JSON number cannot carry", () => {
    expect(() => Schema.encodeSync(Amount)(BigInt(SAFE_MAX) + 1n)).toThrow()
    expect(() => Schema.encodeSync(Amount)(0n)).toThrow()
  })

  it("may be zero where the schema says so, and never below", () => {
    const orZero = Schema.decodeUnknownResult(AmountOrZero)
    expect(Result.isSuccess(orZero(0))).toBe(true)
    expect(Result.isFailure(orZero(-1))).toBe(true)
  })

  it("is a decimal string of any size between actors", () => {
    fc.assert(fc.property(fc.bigInt(), (amount) => {
      const text = Schema.encodeSync(BigAmount)(amount)
      expect(text).toBe(amount.toString())
      expect(Schema.decodeUnknownSync(BigAmount)(text)).toBe(amount)
    }))
  })
})
