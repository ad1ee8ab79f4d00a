import { type Figures, ratiosOf } from "./figures.ts"

/** What is expected of a figure, whatever machine it is measured on. */
interface Expectation {
  readonly figure: string
  readonly says: string
  readonly holds: (value: number) => boolean
}

const atLeast = (figure: string, bound: number): Expectation => ({
  figure,
  says: `at least ${bound}`,
  holds: (value) => value >= bound
})

const atMost = (figure: string, bound: number): Expectation => ({
  figure,
  says: `at most ${bound}`,
  holds: (value) => value <= bound
})

const expectations: ReadonlyArray<Expectation> = [
  atLeast("raw_ratio", 0.35),
  atLeast("naive_ratio", 10),
  atLeast("pgbench_ratio", 0.57),
  atMost("turns_per_payment_at_120", 2.2),
  atMost("p99_ms_at_120", 100),
  atMost("p99_ms_at_300", 100),
  atMost("edge_p99_ms_at_120", 100),
  atMost("edge_p99_ms_at_300", 100),
  atMost("p99_ms_at_half", 150),
  atMost("single_p50_ms", 25),
  atMost("file_p99_ratio", 1.3),
  atMost("memory_growth", 0.1),
  atLeast("soak_speed_ratio", 0.9)
]

/** Three digits that mean something, and all of what is larger. */
const shown = (value: number): string =>
  Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en-US")
    : value.toLocaleString("en-US", { maximumSignificantDigits: 3 })

/** Whether every figure that something is expected of is as expected. */
export const isAsExpected = (figures: Figures): boolean =>
  expectations.every(({ figure, holds }) => figures[figure] === undefined || holds(figures[figure]))

const verdictOn = (figure: string, value: number): string => {
  const expected = expectations.find((one) => one.figure === figure)
  if (expected === undefined) return ""
  return `   ${expected.holds(value) ? "as expected" : "MISSED"} (${expected.says})`
}

/** One line for each figure; beside it, where there was one, what the other checkout gave. */
export const reportText = (now: Figures, before?: Figures): string => {
  const width = Math.max(...Object.keys(now).map((name) => name.length))
  const ratios = before === undefined ? {} : ratiosOf(now, before)
  return Object.entries(now).map(([name, value]) => {
    const other = before?.[name]
    const beside = before === undefined ? [] : [
      other === undefined ? "" : shown(other),
      ratios[name] === undefined ? "" : ratios[name].toFixed(2)
    ]
    const columns = [shown(value), ...beside].map((column) => column.padStart(10)).join("")
    return `  ${name.padEnd(width)}${columns}${verdictOn(name, value)}`
  }).join("\n")
}

/** Whatever was measured, as one object; what was compared, beside it. */
export const reportJson = (now: Figures, before?: Figures): string => {
  if (before === undefined) return JSON.stringify(now)
  const ratios = ratiosOf(now, before)
  return JSON.stringify({ ...now, speedup: ratios["payments_per_second"], before, ratios })
}
