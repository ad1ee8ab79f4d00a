import { bodyOf, parametersOf } from "../openapi/parameters.ts"
import { Schemas } from "../openapi/schemas.ts"
import { problemsOf } from "../problemsOf.ts"
import type { Route } from "../route.ts"
import { escape, words } from "./html.ts"

/** What a route is asked by, without the parts of its path. */
const listOf = (route: Route, schemas: Schemas): string => {
  const items = parametersOf(route, schemas).filter((one) => one["in"] !== "path").map((one) =>
    `<li><code>${escape(String(one["name"]))}</code>${
      one["required"] === true ? " (required)" : ""
    } ${words(String(one["description"] ?? ""))}</li>`
  )
  return items.length === 0 ? "" : `<ul>${items.join("")}</ul>`
}

const section = (route: Route, schemas: Schemas): string => {
  const body = bodyOf(route, schemas)
  const answers = Object.entries(route.answers)
    .map(([status, { about }]) => `<dt>${status}</dt><dd>${words(about)}</dd>`).join("")
  const codes = problemsOf(route)
    .map((code) => `<a href="/docs/errors/${code}"><code>${code}</code></a>`).join(", ")
  return `<section id="${route.operationId}"><h2><code>${route.method} ${
    escape(route.path)
  }</code></h2>
<p>${words(route.summary)} (${route.audience})</p>${listOf(route, schemas)}${
    body === undefined
      ? ""
      : `<details><summary>Body</summary><pre>${
        escape(JSON.stringify(body["content"], null, 1))
      }</pre></details>`
  }<dl>${answers}</dl><p>May be refused with ${codes}.</p></section>`
}

/** All operations on one page. */
export const referencePage = (routes: ReadonlyArray<Route>) => {
  const schemas = new Schemas()
  return {
    title: "Reference",
    body: `<h1>Lastro API</h1>
<p>Send <code>Authorization: Bearer sk_…</code>. <a href="/docs/errors">Errors</a> are <code>application/problem+json</code>;
compare their <code>code</code>. The machine-readable form is <a href="/openapi.json">openapi.json</a>.</p>
${routes.map((route) => section(route, schemas)).join("\n")}`
  }
}
