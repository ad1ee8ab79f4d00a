import { expect, test } from "vitest"
import { busyNotes, notes } from "./notes.ts"
import { simulate } from "./simulate.ts"
import { firstBroken } from "./sweep.ts"
import { CALM, type Weather } from "./weather.ts"
import type { Flaws } from "./world.ts"

/** Of so many seeds one at least has to find it; the machine as it is breaks nothing with the same seed. */
const SEEDS_MAX = 800

const finds = async (
  flaws: Flaws,
  house = notes,
  weather?: (seed: number) => Weather
) => {
  const found = await firstBroken(house, SEEDS_MAX, (seed) => ({
    flaws,
    ...(weather && { weather: weather(seed) })
  }))
  if (found === undefined) throw new Error(`none of ${SEEDS_MAX} seeds finds it`)
  console.log(`${Object.keys(flaws)}: seed ${found.seed}, ${found.broken[0]!.slice(0, 160)}`)
  const whole = await simulate(house, found.seed, weather && { weather: weather(found.seed) })
  expect(whole.broken).toEqual([])
  return found.broken.join("\n")
}

test("the simulation finds a store whose cursors move without being compared", async () => {
  expect(await finds({ noCompareAndSet: true })).toMatch(/page|turn|epoch|digest/)
}, 300_000)

test("the simulation finds a store that compares no epoch", async () => {
  expect(await finds({ noEpoch: true })).toContain("past epoch")
}, 300_000)

test("the simulation finds a stream that takes appends behind a fence", async () => {
  expect(await finds({ noFence: true })).toMatch(/emissions|past epoch/)
}, 300_000)

test("the simulation finds a reader that does not see what its consumer skipped", async () => {
  expect(await finds({ hiddenGaps: true })).toMatch(/page|digest|keys/)
}, 300_000)

test("the simulation finds a stream that stores a part of an atomic batch", async () => {
  // Its owner stops before the relay, and goes on when another has done it.
  const weather = (seed: number): Weather => ({
    ...CALM,
    workers: 2,
    freezeAtPoints: [{ label: "before-append", nth: seed % 4 }]
  })
  expect(await finds({ tornBatches: true }, busyNotes, weather)).toContain("emissions")
}, 300_000)
