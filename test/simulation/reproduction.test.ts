import { expect, test } from "vitest"
import { runsOf } from "../support/runs.ts"
import { notes } from "./notes.ts"
import { simulate } from "./simulate.ts"
import { firstBroken } from "./sweep.ts"

test("the same seed does the same, event by event; another does something else", async () => {
  const seeds = runsOf(40)
  const traces = new Set<string>()
  for (let seed = 1; seed <= seeds; seed++) {
    const first = await simulate(notes, seed)
    const again = await simulate(notes, seed)
    expect(again.trace).toBe(first.trace)
    traces.add(first.trace)
  }
  expect(traces.size).toBe(seeds)
}, 300_000)

test("a seed that breaks a promise breaks it again, in the same words", async () => {
  const flaws = { hiddenGaps: true }
  const found = await firstBroken(notes, /page|lines/, { first: 67, max: 800 }, () => ({ flaws }))
  expect(found?.broken.length).toBeGreaterThan(0)
  const again = await simulate(notes, found!.seed, { flaws })
  expect(again.trace).toBe(found!.trace)
  expect(again.broken).toEqual(found!.broken)
}, 300_000)
