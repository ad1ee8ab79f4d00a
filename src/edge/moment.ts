import { Effect, Schema } from "effect"
import { type Problem, problem } from "./problem.ts"
import type { Asked } from "./route.ts"

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i

const Moment = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      (RFC3339.test(text) && Number.isFinite(Date.parse(text)) && Date.parse(text) >= 0) ||
      "must be a time such as 2026-07-01T00:00:00Z",
    { toJsonSchema: () => ({ format: "date-time" }) }
  )
)

export const momentQuery = (about: string) => ({ schema: Moment, about })

/** Milliseconds since 1970 of a query parameter; its schema has checked it. */
export const momentOf = (asked: Asked, name: string): number | undefined => {
  const text = asked.query[name]
  return text === undefined ? undefined : Date.parse(text)
}

/** A moment that is over. What it shows can only grow by messages already on their way to it. */
export const pastMomentOf = (
  asked: Asked,
  name: string
): Effect.Effect<number | undefined, Problem> => {
  const moment = momentOf(asked, name)
  return moment !== undefined && moment > Date.now()
    ? Effect.fail(problem(422, "in_the_future", `${name} has not come yet`))
    : Effect.succeed(moment)
}

/** `from` up to but not including `to`. */
export const periodOf = Effect.fnUntraced(function* (asked: Asked) {
  const from = momentOf(asked, "from")
  const to = momentOf(asked, "to")
  if (from !== undefined && to !== undefined && to <= from) {
    return yield* problem(422, "invalid_period", "to must be later than from")
  }
  return {
    ...(from !== undefined && { fromMillis: from }),
    ...(to !== undefined && { toMillis: to })
  }
})

export const shownMoment = (millis: number | string): string =>
  new Date(Number(millis)).toISOString()
