import { Effect } from "effect"

/** One answer for everybody who asks while it is put together, and for so long after; failures are not kept. */
export const shared = <A, E, R>(asked: Effect.Effect<A, E, R>, millis: number) => {
  let kept: { readonly until: number; readonly answer: Promise<A> } | undefined
  return Effect.flatMap(Effect.context<R>(), (context) => {
    if (kept === undefined || kept.until <= Date.now()) {
      // Whoever stops waiting for it does not end it for the others.
      const mine = { until: Infinity, answer: Effect.runPromiseWith(context)(asked) }
      kept = mine
      mine.answer.then(
        () => kept === mine && (kept = { ...mine, until: Date.now() + millis }),
        () => kept === mine && (kept = undefined)
      )
    }
    const { answer } = kept
    return Effect.tryPromise(() => answer)
  })
}
