import { Context, Effect } from "effect"

/** Whether anything of one call has left this process. */
export const Departure = Context.Reference<{ left: boolean }>("lastro/Departure", {
  defaultValue: () => ({ left: false })
})

/** What undici refuses to send, before it has opened anything. */
const argumentRefused = (error: unknown): unknown =>
  (error as { code?: unknown } | undefined)?.code === "UND_ERR_INVALID_ARG" ? error : undefined

/**
 * One request to a destination. What it is made of is made before, so that what goes wrong there is a
 * defect of which is known that nothing left; from here on something may have. Of what the request itself
 * fails with, `defectOf` tells what kept it from leaving: a defect, too.
 */
export const sending = <A, E>(request: {
  readonly try: (signal: AbortSignal) => Promise<A>
  readonly catch: (error: unknown) => E
  readonly defectOf?: (error: unknown) => unknown
}): Effect.Effect<A, E> => {
  const { defectOf = argumentRefused } = request
  return Effect.flatMap(
    Departure,
    (departure) =>
      Effect.matchEffect(Effect.tryPromise({ try: request.try, catch: (error) => error }), {
        onFailure: (error) => {
          const defect = defectOf(error)
          if (defect !== undefined) return Effect.die(defect)
          departure.left = true
          return Effect.fail(request.catch(error))
        },
        onSuccess: (answer) => {
          departure.left = true
          return Effect.succeed(answer)
        }
      })
  )
}
