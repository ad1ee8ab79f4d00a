import { beforeAll, expect, test } from "vitest"
import { runsOf } from "../support/runs.ts"
import { COMMIT_PATH, isCommitPath } from "./commitPath.ts"
import { notes } from "./notes.ts"
import { simulate } from "./simulate.ts"
import { CALM, type Point, STORM_MILLIS, type Weather } from "./weather.ts"
import type { World } from "./world.ts"

/** Nothing dies, but answers get lost and loads fail: so that every way through the machine is taken. */
const MILD: Weather = {
  ...CALM,
  workers: 2,
  slow: 0.1,
  lostAsked: 0.02,
  lostAnswered: 0.04,
  failedLoads: 0.6
}
const SEEDS = Array.from({ length: 24 }, (_, index) => index + 1)
/** Occurrences of one point at which a process dies, one simulation for each. */
const DEATHS_MAX = runsOf(12, 1)

/** Tells of every point of the commit path, in their order, as long as the weather may kill there. */
const listening = (told: (label: string) => void) => (world: World): void => {
  const { kernel, wire } = world
  const { onEvent } = kernel
  const clearsAt = kernel.now() + STORM_MILLIS
  const tell = (label: string) => {
    if (isCommitPath(label) && kernel.now() < clearsAt) told(label)
  }
  const reached: typeof wire.reached = (label, process) => {
    tell(label)
    wire.reached(label, process)
  }
  world.wire = { ...wire, reached }
  kernel.onEvent = (label, process) => {
    tell(label)
    onEvent(label, process)
  }
}

const places = new Map<string, Array<{ readonly seed: number; readonly point: Point }>>()
beforeAll(async () => {
  for (const seed of SEEDS) {
    const times = new Map<string, number>()
    const one = await simulate(notes, seed, {
      weather: MILD,
      watch: listening((label) => {
        const nth = times.get(label) ?? 0
        times.set(label, nth + 1)
        places.set(label, [...places.get(label) ?? [], { seed, point: { label, nth } }])
      })
    })
    expect(one.broken).toEqual([])
  }
}, 120_000)

test("every point of the commit path is reached", () => {
  expect(COMMIT_PATH.filter((label) => !places.has(label))).toEqual([])
})

test.each(COMMIT_PATH)("a process may die at: %s", async (label) => {
  const all = places.get(label) ?? []
  const some = all.filter((_, index) => index % Math.ceil(all.length / DEATHS_MAX) === 0)
  let died = 0
  for (const { point, seed } of some) {
    const one = await simulate(notes, seed, { weather: { ...MILD, killAtPoints: [point] } })
    expect(one.broken, `seed ${seed}, ${label} ${point.nth}`).toEqual([])
    died += one.world.workers.filter(({ process }) => !process.alive).length
  }
  expect(died).toBe(some.length)
  expect(died).toBeGreaterThan(0)
}, 120_000)
