import { expect, test } from "vitest"
import { mediansOf, ratiosOf } from "../../src/trials/bench/figures.ts"
import { reportJson, reportText } from "../../src/trials/bench/report.ts"

test("of each figure the median is taken over the runs that have it", () => {
  const runs = [{ a: 3, b: 10 }, { a: 1 }, { a: 2, b: 30 }, { a: 900, b: 20 }, { a: 0 }]
  expect(mediansOf(runs)).toEqual({ a: 2, b: 20 })
  expect(mediansOf([])).toEqual({})
})

test("ratios are new by before, of what both measured", () => {
  const now = { payments_per_second: 1_500, wal_bytes_per_payment: 8_000, only_here: 1, none: 3 }
  const before = { payments_per_second: 1_000, wal_bytes_per_payment: 10_000, none: 0 }
  expect(ratiosOf(now, before)).toEqual({ payments_per_second: 1.5, wal_bytes_per_payment: 0.8 })
  expect(JSON.parse(reportJson(now, before))).toEqual({
    ...now,
    speedup: 1.5,
    before,
    ratios: { payments_per_second: 1.5, wal_bytes_per_payment: 0.8 }
  })
  expect(JSON.parse(reportJson(now))).toEqual(now)
})

test("the report says of each figure whether it is as expected", () => {
  const text = reportText(
    { payments_per_second: 1_234.5, single_p50_ms: 24.96, pgbench_ratio: 0.4321, naive_ratio: 11 },
    { payments_per_second: 1_000, single_p50_ms: 50 }
  )
  expect(text.split("\n").map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["payments_per_second", "1,235", "1,000", "1.23"],
    ["single_p50_ms", "25", "50", "0.50", "as expected (at most 25)"],
    ["pgbench_ratio", "0.432", "MISSED (at least 0.57)"],
    ["naive_ratio", "11", "as expected (at least 10)"]
  ])
})
