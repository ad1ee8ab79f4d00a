import { bodyOf, parametersOf } from "../openapi/parameters.ts"
import { Schemas } from "../openapi/schemas.ts"
import { problemsOf } from "../problemsOf.ts"
import { type Route, tags } from "../route.ts"
import { escape, words } from "./html.ts"
import { snippetsOf } from "./snippets.ts"

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
  }<dl>${answers}</dl><p>May be refused with ${codes}.</p>${
    snippetsOf(route).map(([name, text]) =>
      `<details><summary>${name}</summary><pre>${escape(text)}</pre></details>`
    ).join("")
  }</section>`
}

const holds = (route: Route, wanted: string): boolean =>
  [route.operationId, route.path, route.summary, route.tag]
    .some((text) => text.toLowerCase().includes(wanted.toLowerCase()))

const contents = (routes: ReadonlyArray<Route>): string =>
  [...Map.groupBy(routes, ({ tag }) => tag)].map(([tag, some]) =>
    `<dt>${tag}</dt><dd>${words(tags[tag])} ${
      some.map(({ operationId }) => `<a href="#${operationId}">${operationId}</a>`).join(" · ")
    }</dd>`
  ).join("\n")

/** Operations under their tags, all of them or those that hold some words; it needs no script. */
export const referencePage = (all: ReadonlyArray<Route>, wanted = "") => {
  const schemas = new Schemas()
  const routes = all.filter((route) => holds(route, wanted))
  return {
    title: "Reference",
    body: `<h1>Lastro API</h1>
<p>Send <code>Authorization: Bearer sk_…</code>. <a href="/docs/errors">Errors</a> are <code>application/problem+json</code>;
compare their <code>code</code>. The machine-readable form is <a href="/openapi.json">openapi.json</a>.</p>
<form action="/docs"><label>Search <input name="q" value="${escape(wanted)}"></label></form>
<nav><dl>${contents(routes)}</dl></nav>
${routes.map((route) => section(route, schemas)).join("\n")}`
  }
}
