import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { expect, test } from "vitest"
import { openPace, type Pace } from "../../src/runtime/pace.ts"

/** Milliseconds that a turn waits which is ready at `at`. */
const waited = (pace: Pace, at: number) =>
  Effect.runPromise(
    Effect.gen(function* () {
      yield* TestClock.setTime(at)
      const waiting = yield* Effect.forkChild(pace.wait, { startImmediately: true })
      for (let millis = 0;; millis++) {
        if (waiting.pollUnsafe() !== undefined) return millis
        yield* TestClock.adjust(1)
      }
    }).pipe(Effect.provide(TestClock.layer()))
  )

test("a family that has been idle begins at once", async () => {
  const pace = openPace(0)
  expect(await waited(pace, 1_000)).toBe(0)
  pace.committed(1_000, 1_005)
  expect(await waited(pace, 1_010)).toBe(0)
})

test("after a commit the next turns wait for each other as long as it took, up to a limit", async () => {
  const pace = openPace(0)
  pace.committed(1_000, 1_005)
  expect(await waited(pace, 1_005)).toBe(5)
  expect(await waited(pace, 1_008)).toBe(2)
  pace.committed(1_000, 1_500)
  expect(await waited(pace, 1_500)).toBe(16)
})

test("a family nobody waits for begins no oftener than it says", async () => {
  const pace = openPace(100)
  pace.committed(1_000, 1_005)
  expect(await waited(pace, 1_005)).toBe(95)
  expect(await waited(pace, 1_100)).toBe(0)
})
