import { Clock, Effect, Exit } from "effect"

/** Restarts within the window that follow at once. */
export const RESTARTS_MAX = 10
const WINDOW_MILLIS = 60_000
const PAUSE_MILLIS = 1_000
/** What used up its budget is broken: it is tried again, and does not spin. */
export const REST_MILLIS = 30_000

/**
 * Runs for ever: whether the work fails, dies of a defect or just ends, it is told and begun again. The
 * process that has it must not look healthy without it, and one bad moment must not end it.
 */
export const restarted = Effect.fnUntraced(function* <E, R>(
  name: string,
  work: Effect.Effect<unknown, E, R>
) {
  let endedAt: ReadonlyArray<number> = []
  for (;;) {
    const exit = yield* Effect.exit(work)
    const now = yield* Clock.currentTimeMillis
    endedAt = [...endedAt.filter((at) => now - at < WINDOW_MILLIS), now]
    const millis = endedAt.length > RESTARTS_MAX ? REST_MILLIS : PAUSE_MILLIS
    const cause = Exit.isFailure(exit) ? [exit.cause] : []
    yield* Effect.logError(`${name} ended and is started again in ${millis / 1_000} s`, ...cause)
    yield* Effect.sleep(millis)
  }
})
