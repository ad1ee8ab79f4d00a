import { Effect } from "effect"
import type { Caller } from "../../store/caller.ts"
import { type Problem, problem } from "../problem.ts"
import type { Access } from "../route.ts"

/**
 * Whether a caller may ask a route at all: what is the platform's is for its own people only, and everybody
 * needs the scope. Which merchant's data it is about is decided where it is read (`merchantOf`).
 */
export const assertMay = (
  { audience, scope }: Access,
  caller: Caller
): Effect.Effect<void, Problem> => {
  if (audience === "public") return Effect.void
  if (audience === "operator" && caller.merchant !== "") {
    return Effect.fail(problem("not_allowed", "this needs an operator's key"))
  }
  return caller.granted.has(scope)
    ? Effect.void
    : Effect.fail(problem("insufficient_scope", `this needs the scope ${scope}`, { scope }))
}
