import { median } from "../median.ts"

/** What a run gives, by the names that docs/bench.md explains. */
export type Figures = Readonly<Record<string, number>>

/** Of each figure the median of the runs that have it. */
export const mediansOf = (runs: ReadonlyArray<Figures>): Figures =>
  Object.fromEntries(
    [...new Set(runs.flatMap(Object.keys))].map((name) => [
      name,
      median(runs.flatMap((run) => run[name] ?? []))
    ])
  )

/** New ÷ before, of each figure that both have. */
export const ratiosOf = (now: Figures, before: Figures): Figures =>
  Object.fromEntries(
    Object.entries(now).flatMap(([name, value]) => {
      const other = before[name]
      return other === undefined || other === 0 ? [] : [[name, value / other]]
    })
  )
