import { Effect } from "effect"
import { openApi, reference } from "../openapi.ts"
import { isProblemCode, problem } from "../problem.ts"
import type { Route } from "../route.ts"
import { errorPage, errorsPage } from "./errors.ts"
import { docsAnswer } from "./shell.ts"

/** All routes, those included that describe them. */
export const described = (routes: ReadonlyArray<Route>): ReadonlyArray<Route> => {
  const all: ReadonlyArray<Route> = [
    ...routes,
    {
      method: "GET",
      path: "/openapi.json",
      summary: "This description",
      audience: "public",
      answers: { 200: "OpenAPI 3.1" },
      handle: () => Effect.succeed({ status: 200, body: openApi(all) })
    },
    {
      method: "GET",
      path: "/docs",
      summary: "This description for people",
      audience: "public",
      answers: { 200: "HTML" },
      handle: () => Effect.succeed(docsAnswer({ title: "Reference", body: reference(all) }))
    },
    {
      method: "GET",
      path: "/docs/errors",
      summary: "Every code that a problem may have",
      audience: "public",
      answers: { 200: "HTML" },
      handle: () => Effect.succeed(docsAnswer(errorsPage()))
    },
    {
      method: "GET",
      path: "/docs/errors/{code}",
      summary: "What a problem's code means, whether to repeat, and the request that mends it",
      audience: "public",
      answers: { 200: "HTML", 404: "No such code" },
      handle: ({ path: { code } }) =>
        isProblemCode(code!)
          ? Effect.succeed(docsAnswer(errorPage(code)))
          : Effect.fail(problem("page_file_not_found", "no problem has this code"))
    }
  ]
  return all
}
