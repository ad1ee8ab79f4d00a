import type { Time } from "../kernel.ts"

/** A model in the time everybody lives in: for the suites that run on models and servers alike. */
export const realTime: Time = {
  now: Date.now,
  after: (millis, _label, run) => {
    if (millis <= 0) {
      const task = setImmediate(run)
      return { cancel: () => clearImmediate(task) }
    }
    const timer = setTimeout(run, millis)
    timer.unref?.()
    return { cancel: () => clearTimeout(timer) }
  }
}
