import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { choose, type Routable } from "../../actors/payments/routing.ts"
import { Currency } from "../../src/domain/currency.ts"
import type { Health, Routing, Rule } from "../../streams/messages/routing.ts"

const [BRL, USD] = Schema.decodeUnknownSync(Schema.Tuple([Currency, Currency]))(["BRL", "USD"])
const payment: Routable = { id: "pay_1", amount: 10_000n, currency: "BRL", method: "card" }
const routing = (...rules: [Rule, ...ReadonlyArray<Rule>]): Routing => ({ rules })
const to = (...gateways: [string, ...ReadonlyArray<string>]) =>
  gateways.map((gateway) => ({ gateway })) as unknown as Rule["to"]
const namesOf = (
  table: Routing,
  one: Partial<Routable> = {},
  health: Readonly<Record<string, Health>> = {}
) => choose(table, health, { ...payment, ...one })?.order.map(({ gateway }) => gateway)
const reasonsOf = (table: Routing, health: Readonly<Record<string, Health>> = {}) =>
  choose(table, health, payment)!.order.map(({ reason }) => reason)
const down: Health = { down: true }

describe("the table", () => {
  it("takes the first rule that fits by method, currency and amount", () => {
    const table = routing(
      { name: "pix", methods: ["pix"], to: to("bank") },
      { name: "dear", currencies: [BRL], amount_from: 50_000n, to: to("careful") },
      { name: "small", amount_below: 100n, to: to("cheap") },
      { name: "rest", currencies: [BRL, USD], to: to("any") }
    )
    expect(namesOf(table, { method: "pix" })).toEqual(["bank"])
    expect(namesOf(table, { amount: 50_000n })).toEqual(["careful"])
    expect(namesOf(table, { amount: 49_999n })).toEqual(["any"])
    expect(namesOf(table, { amount: 99n })).toEqual(["cheap"])
    expect(namesOf(table, { amount: 50_000n, currency: "USD" })).toEqual(["any"])
    expect(namesOf(table, { currency: "JPY" })).toBeUndefined()
  })

  it("puts the cheapest first, and one without a known cost last", () => {
    const table: Routing = {
      rules: [{ name: "cost", prefer: "cost", to: to("free", "flat", "share") }],
      costs: {
        flat: { percentage_basis_points: 0n, fixed: 150n },
        share: { percentage_basis_points: 140n, fixed: 0n }
      }
    }
    expect(namesOf(table)).toEqual(["share", "flat", "free"])
    expect(namesOf(table, { amount: 20_000n })).toEqual(["flat", "share", "free"])
    expect(reasonsOf(table)[0]).toBe("rule cost, costs 140")
  })

  it("puts the one that approves most first, and gives an untried one its chance", () => {
    const table = routing({ name: "best", prefer: "success_rate", to: to("a", "b", "c") })
    const health = {
      a: { down: false, success_permille: 700 },
      b: { down: false, success_permille: 910 }
    }
    expect(namesOf(table, {}, health)).toEqual(["c", "b", "a"])
    expect(reasonsOf(table, health)[1]).toBe("rule best, approves 910 of 1000")
  })

  it("puts gateways that are down behind those that are not, and says so", () => {
    const table = routing({ name: "all", to: to("a"), fallback: ["b", "c"] })
    expect(namesOf(table)).toEqual(["a", "b", "c"])
    expect(namesOf(table, {}, { a: down })).toEqual(["b", "c", "a"])
    expect(reasonsOf(table, { a: down })).toEqual([
      "rule all, fallback 1; a down",
      "rule all, fallback 2",
      "rule all; last, it is down"
    ])
    // Where nobody is up, the table's own order is still the best guess.
    expect(namesOf(table, {}, { a: down, b: down, c: down })).toEqual(["a", "b", "c"])
  })
})

describe("weights", () => {
  const weighted = (weights: ReadonlyArray<number>): Routing =>
    routing({
      name: "split",
      to: weights.map((weight, index) => ({ gateway: `g${index}`, weight })) as unknown as Rule[
        "to"
      ]
    })

  it("part payments as they say, by the payment's identifier alone", () => {
    const table = weighted([70, 25, 5])
    const counts = new Map<string, number>()
    for (let index = 0; index < 10_000; index++) {
      const [first] = namesOf(table, { id: `pay_${index}` })!
      counts.set(first!, (counts.get(first!) ?? 0) + 1)
    }
    // Six standard deviations of each count.
    expect(Math.abs(counts.get("g0")! - 7_000)).toBeLessThan(275)
    expect(Math.abs(counts.get("g1")! - 2_500)).toBeLessThan(260)
    expect(Math.abs(counts.get("g2")! - 500)).toBeLessThan(131)
  })

  it("order every gateway once, the same for the same payment", () => {
    const weights = fc.array(fc.integer({ min: 1, max: 1_000 }), { minLength: 1, maxLength: 6 })
    fc.assert(fc.property(weights, fc.string({ minLength: 1 }), (given, id) => {
      const order = namesOf(weighted(given), { id })!
      expect([...order].sort()).toEqual(given.map((_, index) => `g${index}`))
      expect(namesOf(weighted(given), { id })).toEqual(order)
    }))
  })
})
