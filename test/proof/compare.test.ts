import { expect, test } from "vitest"
import { comparedWithTarget, type Outputs } from "../../src/proof/meter/compare.ts"

/** Two emissions of an earlier turn, and a stray behind them at which the relay found them arrived. */
const outputs = (tail: Outputs["tail"]): Outputs => ({
  target: "PAYMENTS",
  tail,
  expected: 2,
  last: { firstSeq: 8, lastSeq: 9 },
  lastEmitted: 0,
  found: [{ seq: 20, id: [5, 0] }, { seq: 21, id: [5, 1] }, { seq: 22, id: undefined }]
})

test("a tail that stands at a stray is no gap", () => {
  expect(comparedWithTarget(outputs([22, 5, 1]))).toEqual([])
})

test("a tail that names another emission than the last one there is a gap", () => {
  expect(comparedWithTarget(outputs([22, 6, 0]))).toEqual([
    { kind: "gap", place: "PAYMENTS 22", detail: "the tail 6/0 is not the last message there" }
  ])
})
