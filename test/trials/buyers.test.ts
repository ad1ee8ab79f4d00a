import { expect, test } from "vitest"
import { defaultRules } from "../../actors/fraud/rules.ts"
import { newBuyers, returningBuyers } from "../../src/trials/bench/buyers.ts"

const PAYMENTS = 60_000

/** How often the k-th most frequent was seen, most frequent first. */
const frequencies = (names: ReadonlyArray<string>): ReadonlyArray<number> =>
  [...Map.groupBy(names, (name) => name).values()].map(({ length }) => length)
    .sort((left, right) => right - left)

test("customers come back with their devices as Zipf says, never so often that a rule holds them", () => {
  const buyers = returningBuyers()
  const bought = Array.from({ length: PAYMENTS }, (_, index) => buyers("shop-000", index))
  const flood = defaultRules.rules.find(({ code }) => code === "customer_flood_1h")!
  const counts = frequencies(bought.map(({ customer }) => customer.id))
  expect(flood.when).toEqual({ all: [{ field: "customer_count_1h", op: "gt", value: counts[0] }] })
  // By rank, whoever stands there: the first buys twice as often as the second.
  const ranks = frequencies(bought.map(({ customer }) => customer.id.split("_")[1]!))
  expect(ranks[0]! / ranks[1]!).toBeCloseTo(2, 0)
  expect(ranks[0]! / ranks[9]!).toBeGreaterThan(8)
  expect(ranks.length).toBeGreaterThan(10_000)
  expect(ranks.length).toBeLessThan(20_000)
  const devices = Map.groupBy(bought, ({ device }) => device.id)
  for (const theirs of devices.values()) {
    expect(new Set(theirs.map(({ customer }) => customer.id)).size).toBe(1)
  }
})

test("each merchant has customers of its own, and the old way sends somebody new", () => {
  const buyers = returningBuyers()
  const seen = Array.from({ length: 200 }, (_, index) => buyers(`shop-${index % 50}`, index))
  expect(seen.every(({ customer }) => customer.id.endsWith("_0"))).toBe(true)
  const ids = Array.from({ length: PAYMENTS }, (_, index) => newBuyers("shop", index).customer.id)
  expect(new Set(ids).size).toBe(PAYMENTS)
})
