import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { HOT, UNIFORM } from "../../src/trials/bench/ledgerLoads.ts"
import { type LoadMeasured, printLedgerReport } from "../../src/trials/bench/ledgerReport.ts"

let lines: Array<string> = []
beforeEach(() => {
  lines = []
  vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line))
})
afterEach(() => vi.restoreAllMocks())

const measured = (load: string, ours: number, raw: number): LoadMeasured => {
  const way = (perSecond: number) => ({
    perSecond,
    how: "batches of 500",
    seconds: 1,
    postings: perSecond
  })
  return { load, ours: way(ours), raw: way(raw), naive: way(1_000) }
}
const FAST = 30_000
const uniform = (ours: number, raw: number) => [
  measured(UNIFORM, ours, raw),
  measured(HOT, FAST, FAST)
]

const verdicts = () =>
  [...lines.join("\n").matchAll(/: (as expected|MISSED)$/gm)].map(([, is]) => is)

test.each<[code: number, what: string, loads: ReadonlyArray<LoadMeasured>, missed: Array<boolean>]>(
  [
    [0, "10,000 a second, whatever the raw limit", uniform(10_000, 90_000), [false, false]],
    [0, "half of a raw limit on a slow machine", uniform(4_000, 8_000), [false, false]],
    [1, "less than either", uniform(9_999, 20_000), [true, false]],
    [1, "less than half of a low limit", uniform(3_999, 8_000), [true, false]],
    [1, "a hot account that is slower than uniform", [
      measured(UNIFORM, FAST, FAST),
      measured(HOT, FAST - 1, FAST)
    ], [false, true]],
    [0, "a hot account that is as fast", [
      measured(UNIFORM, FAST, FAST),
      measured(HOT, FAST, FAST)
    ], [false, false]],
    [1, "one slow load among fast ones", [
      ...uniform(FAST, FAST),
      measured("Zipf 1.0", 100, FAST)
    ], [true, false]]
  ]
)("exit code %i: %s", (code, _what, loads, missed) => {
  expect(printLedgerReport(loads, true)).toBe(code)
  expect(verdicts()).toEqual(missed.map((is) => is ? "MISSED" : "as expected"))
  expect(JSON.parse(lines.at(-1)!)).toMatchObject({
    ledger_postings_per_second: loads[0]!.ours.perSecond,
    ledger_hot_ratio: loads[1]!.ours.perSecond / loads[0]!.ours.perSecond,
    loads: loads.map(({ load, ours }) => ({ load, postings_per_second: ours.perSecond }))
  })
})
