import { Effect } from "effect"
import type { Caller } from "../../store/caller.ts"
import { type Problem, problem } from "../problem.ts"

type Header = (name: string) => string | undefined

/** Browsers say which site's page asks. Who says nothing of it is no browser's page. */
export const isForeign = (header: Header): boolean => {
  const site = header("sec-fetch-site")
  if (site !== undefined) return site !== "same-origin" && site !== "none"
  const origin = header("origin")
  return origin !== undefined && URL.parse(origin)?.host !== header("host")
}

/**
 * A browser sends its session along with whatever a page asks. What changes anything must come from a page of
 * ours, which alone knows the token: in a header, or in a form.
 */
export const assertOurs = (
  { csrf }: Caller,
  header: Header,
  token: string | undefined
): Effect.Effect<void, Problem> => {
  if (csrf === undefined) return Effect.void
  if (isForeign(header)) {
    return Effect.fail(problem("not_allowed", "a page of another site may not ask this"))
  }
  return token === csrf
    ? Effect.void
    : Effect.fail(problem("csrf_token_wrong", "send the token of the page as X-CSRF-Token"))
}
