import { Effect } from "effect"
import { parseAccept } from "hono/utils/accept"
import { type Problem, problem } from "./problem.ts"
import type { Route } from "./route.ts"
import { JSON_TYPE } from "./shape.ts"

const TYPE_CHARACTERS_SHOWN = 60

const essenceOf = (type: string): string => type.split(";", 1)[0]!.trim().toLowerCase()

const isJson = (type: string): boolean =>
  type === JSON_TYPE || /^application\/[a-z0-9.-]+\+json$/.test(type)

const refused = (detail: string): Effect.Effect<never, Problem> =>
  Effect.fail(problem("unsupported_media_type", detail))

/** A body is what it says that it is. JSON has to say so: what a form of any page sends is none. */
export const assertTaken = (
  route: Route,
  header: (name: string) => string | undefined,
  text: string
): Effect.Effect<void, Problem> => {
  const encoding = header("content-encoding")
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    return refused("send the body without an encoding")
  }
  const taken = route.text?.contentType ?? (route.body === undefined ? undefined : JSON_TYPE)
  if (taken === undefined) return Effect.void
  const given = header("content-type")
  if (given === undefined) {
    return route.text === undefined && text !== ""
      ? refused(`send Content-Type: ${taken}`)
      : Effect.void
  }
  const type = essenceOf(given)
  return type === taken || (taken === JSON_TYPE && isJson(type)) || text === ""
    ? Effect.void
    : refused(`it takes ${taken}, not ${type.slice(0, TYPE_CHARACTERS_SHOWN)}`)
}

const isAccepted = (accepted: string, type: string): boolean =>
  accepted === "*/*" || accepted === type ||
  (accepted.endsWith("/*") && type.startsWith(accepted.slice(0, -1)))

/** Whoever accepts nothing of what a route answers hears so before anything is done. */
export const assertAcceptable = (
  route: Route,
  accept: string | undefined
): Effect.Effect<void, Problem> => {
  if (accept === undefined || accept.trim() === "") return Effect.void
  const offered = Object.values(route.answers).flatMap(({ content }) => Object.keys(content ?? {}))
  // What only leads elsewhere has no form.
  if (offered.length === 0) return Effect.void
  const accepted = parseAccept(accept).filter(({ q }) => q > 0).map(({ type }) => essenceOf(type))
  return accepted.some((one) => offered.some((type) => isAccepted(one, type)))
    ? Effect.void
    : Effect.fail(problem("not_acceptable", `it answers ${[...new Set(offered)].join(", ")}`))
}
