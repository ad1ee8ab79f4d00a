import { Effect, Schema } from "effect"
import { openApi } from "../openapi/document.ts"
import { isProblemCode, problem } from "../problem.ts"
import type { Route } from "../route.ts"
import { json, text } from "../shape.ts"
import { errorPage, errorsPage } from "./errors.ts"
import { referencePage } from "./reference.ts"
import { docsAnswer } from "./shell.ts"

/** All routes, those included that describe them. */
export const described = (routes: ReadonlyArray<Route>): ReadonlyArray<Route> => {
  const all: ReadonlyArray<Route> = [
    ...routes,
    {
      method: "GET",
      path: "/openapi.json",
      summary: "This description",
      operationId: "getOpenApi",
      tag: "Description",
      audience: "public",
      answers: { 200: json("OpenAPI 3.1", Schema.Record(Schema.String, Schema.Unknown)) },
      handle: () => Effect.succeed({ status: 200, body: openApi(all) })
    },
    {
      method: "GET",
      path: "/docs",
      summary: "This description for people",
      operationId: "readReference",
      tag: "Description",
      audience: "public",
      query: { q: { schema: Schema.String, about: "Only operations that hold these words." } },
      answers: { 200: text("The page", "text/html") },
      handle: ({ query }) => Effect.succeed(docsAnswer(referencePage(all, query["q"])))
    },
    {
      method: "GET",
      path: "/docs/errors",
      summary: "Every code that a problem may have",
      operationId: "listErrors",
      tag: "Description",
      audience: "public",
      answers: { 200: text("The page", "text/html") },
      handle: () => Effect.succeed(docsAnswer(errorsPage()))
    },
    {
      method: "GET",
      path: "/docs/errors/{code}",
      summary: "What a problem's code means, whether to repeat, and the request that mends it",
      operationId: "explainError",
      tag: "Description",
      audience: "public",
      answers: { 200: text("The page", "text/html") },
      problems: ["page_file_not_found"],
      handle: ({ path: { code } }) =>
        isProblemCode(code!)
          ? Effect.succeed(docsAnswer(errorPage(code)))
          : Effect.fail(problem("page_file_not_found", "no problem has this code"))
    }
  ]
  return all
}
