import { Effect } from "effect"

/** Asks for one thing; it is done together with what others ask for meanwhile. */
export type Ask<A, B, E> = (one: A) => Effect.Effect<B, E>

interface Waiting<A, B, E> {
  readonly one: A
  readonly resume: (answer: Effect.Effect<B, E>) => void
}

/**
 * One batch under way at a time: what is asked meanwhile waits and makes the next one. So batches grow
 * with the load by themselves, and nobody waits for company that does not come.
 *
 * `run` answers for each of the batch, in its order. Whoever asked may be interrupted; the batch goes on.
 */
export const gather = Effect.fnUntraced(function* <A, B, E, R>(options: {
  /** Asked at once. More wait for the next batch. */
  readonly max: number
  readonly run: (
    batch: ReadonlyArray<A>
  ) => Effect.Effect<ReadonlyArray<Effect.Effect<B, E>>, never, R>
}): Effect.fn.Return<Ask<A, B, E>, never, R> {
  const context = yield* Effect.context<R>()
  const waiting: Array<Waiting<A, B, E>> = []
  let flying = false
  const flush = (): void => {
    if (flying || waiting.length === 0) return
    flying = true
    const batch = waiting.splice(0, options.max)
    const defect = (cause: unknown) => batch.map(() => Effect.die(cause))
    Effect.runForkWith(context)(
      options.run(batch.map(({ one }) => one)).pipe(
        Effect.catchDefect((cause) => Effect.succeed(defect(cause))),
        Effect.map((answers) => {
          flying = false
          batch.forEach(({ resume }, index) => resume(answers[index]!))
          flush()
        })
      )
    )
  }
  return (one) =>
    Effect.callback<B, E>((resume) => {
      waiting.push({ one, resume })
      // Those who ask in the same turn of the event loop meet in one batch.
      if (!flying && waiting.length === 1) setImmediate(flush)
    })
})

/** Runs a batch as one; where that fails, each of it alone, so that nobody suffers for a neighbour. */
export const togetherOrAlone = <A, B, E, R>(options: {
  readonly together: (batch: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, E, R>
  readonly alone: (one: A) => Effect.Effect<B, E, R>
}) =>
(batch: ReadonlyArray<A>): Effect.Effect<ReadonlyArray<Effect.Effect<B, E>>, never, R> =>
  options.together(batch).pipe(
    Effect.map((answers) => answers.map((answer): Effect.Effect<B, E> => Effect.succeed(answer))),
    Effect.catch((failure) =>
      batch.length === 1 ? Effect.succeed([Effect.fail(failure)]) : Effect.forEach(
        batch,
        (one) =>
          Effect.exit(options.alone(one)).pipe(
            Effect.map((exit): Effect.Effect<B, E> => exit)
          ),
        // One that takes long to fail keeps nobody waiting but itself.
        { concurrency: "unbounded" }
      )
    )
  )
