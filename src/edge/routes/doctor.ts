import { Effect } from "effect"
import { Diagnosis } from "../../proof/doctor/diagnosis.ts"
import { unavailable } from "../problem.ts"
import { ok, type Route } from "../route.ts"
import { json } from "../shape.ts"

export type Examine = () => Promise<Diagnosis>

/** An examination writes to disks to time them: everybody who asks within this time shares one. */
const SHARED_MILLIS = 15_000

/** What `lastro doctor` says, for an operator's own tools. */
export const doctorRoutes = (examine: Examine): ReadonlyArray<Route> => {
  let shared: { until: number; diagnosis: Promise<Diagnosis> } | undefined
  const diagnosis = () => {
    const now = Date.now()
    if (shared === undefined || shared.until <= now) {
      const mine = { until: now + SHARED_MILLIS, diagnosis: examine() }
      mine.diagnosis.catch(() => {
        if (shared === mine) shared = undefined
      })
      shared = mine
    }
    return shared.diagnosis
  }
  return [{
    method: "GET",
    path: "/v1/operations/doctor",
    summary: "Which promises hold on this deployment, and why not",
    operationId: "examinePromises",
    tag: "Operations",
    audience: "operator",
    scope: "operations:read",
    answers: { 200: json("What was looked at, and each promise with its reasons", Diagnosis) },
    handle: () =>
      Effect.tryPromise({
        try: diagnosis,
        catch: (cause) =>
          unavailable(`the servers could not be examined now: ${(cause as Error).message}`)
      }).pipe(Effect.map(ok))
  }]
}
