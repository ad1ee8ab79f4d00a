import { HOT, UNIFORM } from "./ledgerLoads.ts"
import type { WayMeasured } from "./ledgerWays.ts"

const EXPECTED_PER_SECOND = 10_000
const EXPECTED_RATIO = 0.5

export interface LoadMeasured {
  readonly load: string
  readonly ours: WayMeasured
  readonly raw: WayMeasured
  readonly naive: WayMeasured
}

const whole = (value: number) => Math.round(value).toLocaleString("en-US")

/** Prints what was measured; the exit code says whether it is as fast as expected. */
export const printLedgerReport = (
  measured: ReadonlyArray<LoadMeasured>,
  json: boolean
): number => {
  const of = (name: string) => measured.find(({ load }) => load === name)!
  const [uniform, hot] = [of(UNIFORM), of(HOT)]
  const floorOf = ({ raw }: LoadMeasured) =>
    Math.min(EXPECTED_PER_SECOND, EXPECTED_RATIO * raw.perSecond)
  const held = measured.every((one) => one.ours.perSecond >= floorOf(one))
  const hotHeld = hot.ours.perSecond >= uniform.ours.perSecond
  console.log(`\n  ${"postings/s".padEnd(26)}${
    ["ledger", "raw limit", "of raw", "one by one"]
      .map((head) => head.padStart(12)).join("")
  }`)
  for (const { load, naive, ours, raw } of measured) {
    console.log(
      `  ${load.padEnd(26)}${whole(ours.perSecond).padStart(12)}` +
        `${whole(raw.perSecond).padStart(12)}` +
        `${(ours.perSecond / raw.perSecond).toFixed(2).padStart(12)}` +
        `${whole(naive.perSecond).padStart(12)}   (${ours.how}; raw ${raw.how}; ${naive.how})`
    )
  }
  const verdict = (is: boolean) => (is ? "as expected" : "MISSED")
  console.log(`
  every load at least 10,000 postings/s or half of the raw limit: ${verdict(held)}
  one hot account not slower than uniform: ${verdict(hotHeld)}`)
  if (json) {
    console.log(JSON.stringify({
      ledger_postings_per_second: uniform.ours.perSecond,
      ledger_raw_ratio: uniform.ours.perSecond / uniform.raw.perSecond,
      ledger_hot_ratio: hot.ours.perSecond / uniform.ours.perSecond,
      ledger_naive_ratio: uniform.ours.perSecond / uniform.naive.perSecond,
      loads: measured.map(({ load, naive, ours, raw }) => ({
        load,
        postings_per_second: ours.perSecond,
        raw_postings_per_second: raw.perSecond,
        naive_postings_per_second: naive.perSecond,
        postings: ours.postings
      }))
    }))
  }
  return held && hotHeld ? 0 : 1
}
