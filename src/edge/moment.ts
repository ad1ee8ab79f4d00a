import { Effect } from "effect"
import { millisOf, Moment } from "../domain/moment.ts"
import { type Problem, problem } from "./problem.ts"
import type { Asked } from "./route.ts"

export const momentQuery = (about: string) => ({ schema: Moment, about })

/** Milliseconds since 1970 of a query parameter; its schema has checked it. */
const momentOf = (asked: Asked, name: string): number | undefined => {
  const text = asked.query[name]
  return text === undefined ? undefined : millisOf(text)
}

/** A moment that is over. What it shows can only grow by messages already on their way to it. */
export const pastMomentOf = (
  asked: Asked,
  name: string
): Effect.Effect<number | undefined, Problem> => {
  const moment = momentOf(asked, name)
  return moment !== undefined && moment > Date.now()
    ? Effect.fail(problem("in_the_future", `${name} has not come yet`))
    : Effect.succeed(moment)
}

/** `from` up to but not including `to`. */
export const periodOf = Effect.fnUntraced(function* (asked: Asked) {
  const from = momentOf(asked, "from")
  const to = momentOf(asked, "to")
  if (from !== undefined && to !== undefined && to <= from) {
    return yield* problem("invalid_period", "to must be later than from", {
      errors: [{ pointer: "/to", detail: "must be later than from" }]
    })
  }
  return {
    ...(from !== undefined && { fromMillis: from }),
    ...(to !== undefined && { toMillis: to })
  }
})
