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
  how: RegExp,
  house = notes,
  weather?: (seed: number) => Weather
) => {
  const found = await firstBroken(house, SEEDS_MAX, how, (seed) => ({
    flaws,
    ...(weather && { weather: weather(seed) })
  }))
  if (found === undefined) throw new Error(`none of ${SEEDS_MAX} seeds finds it`)
  const what = found.broken.find((one) => how.test(one))!
  console.log(`${Object.keys(flaws)}: seed ${found.seed}, ${what.slice(0, 160)}`)
  const whole = await simulate(house, found.seed, weather && { weather: weather(found.seed) })
  expect(whole.broken).toEqual([])
}

test("the simulation finds a store whose cursors move without being compared", async () => {
  await finds({ noCompareAndSet: true }, /page|lines|turn from|times of event/)
}, 300_000)

test("the simulation finds a store that compares no epoch", async () => {
  await finds({ noEpoch: true }, /past epoch/)
}, 300_000)

test("the simulation finds a stream that takes appends behind a fence", async () => {
  await finds({ noFence: true }, /emissions/)
}, 300_000)

test("the simulation finds a reader that does not see what its consumer skipped", async () => {
  await finds({ hiddenGaps: true }, /page|lines/)
}, 300_000)

test("the simulation finds a stream that stores a part of an atomic batch", async () => {
  // Its owner stops before the relay, and goes on when another has done it.
  const weather = (seed: number): Weather => ({
    ...CALM,
    workers: 2,
    freezeAtPoints: [{ label: "before-append", nth: seed % 4 }]
  })
  await finds({ tornBatches: true }, /emissions/, busyNotes, weather)
}, 300_000)
