import { Effect, Fiber, Logger } from "effect"
import { TestClock } from "effect/testing"
import { expect, test } from "vitest"
import { REST_MILLIS, restarted, RESTARTS_MAX } from "../../src/runtime/restarted.ts"

const quietly = Effect.provide(Logger.layer([]))

/** Runs on a clock that only the test moves. */
const onTestClock = <A>(effect: Effect.Effect<A>) =>
  Effect.runPromise(effect.pipe(Effect.provide(TestClock.layer()), quietly))

test("work that dies of a defect, fails or just ends is begun again", async () => {
  const endings = [Effect.die(new Error("a bug")), Effect.fail("no"), Effect.void, Effect.never]
  let begun = 0
  const work = Effect.suspend((): Effect.Effect<void, string> => endings[begun++]!)
  await onTestClock(Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(restarted("work", work))
    for (let seconds = 0; seconds < 10; seconds++) yield* TestClock.adjust("1 second")
    yield* Fiber.interrupt(fiber)
  }))
  expect(begun).toBe(4)
})

test("what used up its budget rests, and is tried again after it", async () => {
  let begun = 0
  const work = Effect.suspend(() => {
    begun++
    return Effect.die(new Error("a bug"))
  })
  const seen = await onTestClock(Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(restarted("work", work))
    for (let seconds = 0; seconds < RESTARTS_MAX + 5; seconds++) yield* TestClock.adjust("1 second")
    const spent = begun
    yield* TestClock.adjust(REST_MILLIS)
    const rested = begun
    yield* Fiber.interrupt(fiber)
    yield* TestClock.adjust(REST_MILLIS)
    return { spent, rested, after: begun }
  }))
  expect(seen).toEqual({
    spent: RESTARTS_MAX + 1,
    rested: RESTARTS_MAX + 2,
    after: RESTARTS_MAX + 2
  })
})
