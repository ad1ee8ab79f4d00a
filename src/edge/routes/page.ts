import { Effect, Schema } from "effect"
import { operatorPage, pageFiles, pageVersion } from "../operatorPage.ts"
import { problem } from "../problem.ts"
import type { Route } from "../route.ts"
import { text } from "../shape.ts"

/** Only the page's own files run and dress it: what somebody slips into its text does neither. */
const PAGE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; " +
  "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

export const pageRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/",
    summary: "The operator page",
    operationId: "showOperatorPage",
    tag: "Operations",
    audience: "operator",
    scope: "operations:read",
    page: true,
    answers: { 200: text("The page", "text/html"), 303: { about: "To the sign-in page" } },
    handle: ({ caller }) =>
      Effect.succeed({
        status: 200,
        raw: operatorPage(caller.csrf ?? ""),
        headers: {
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": PAGE_POLICY,
          "cache-control": "no-store"
        }
      })
  },
  {
    method: "GET",
    path: "/page/{version}/{file}",
    summary: "Scripts and styles of the operator page; an address never changes its content",
    operationId: "getPageFile",
    tag: "Operations",
    audience: "public",
    answers: {
      200: {
        about: "The file",
        content: { "text/css": Schema.String, "text/javascript": Schema.String }
      }
    },
    problems: ["page_file_not_found"],
    handle: ({ path: { version, file } }) => {
      const found = version === pageVersion ? pageFiles.get(file!) : undefined
      if (found === undefined) {
        return Effect.fail(problem("page_file_not_found", "the page has no such file here"))
      }
      return Effect.succeed({
        status: 200,
        raw: found.text,
        headers: {
          "content-type": found.contentType,
          "cache-control": "public, max-age=31536000, immutable",
          "x-content-type-options": "nosniff"
        }
      })
    }
  }
]
