import { Schema } from "effect"
import { escape, words } from "./docs/html.ts"
import type { Route } from "./route.ts"

type Json = Readonly<Record<string, unknown>>

/** Unknown members are refused, so the description says so. */
const closed = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(closed)
  if (typeof schema !== "object" || schema === null) return schema
  const members = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, closed(value)])
  )
  return members["properties"] === undefined ? members : { ...members, additionalProperties: false }
}

const jsonSchema = (schema: Schema.Codec<unknown, unknown>): unknown =>
  closed(Schema.toJsonSchemaDocument(schema).schema)

const problemSchema = {
  type: "object",
  required: ["type", "title", "status", "detail", "instance", "code", "retryable"],
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    instance: { type: "string", description: "The request's id." },
    code: { type: "string", description: "What programs compare." },
    errors: {
      type: "array",
      items: {
        type: "object",
        properties: {
          pointer: { type: "string", description: "JSON Pointer" },
          detail: { type: "string" }
        }
      }
    },
    retryable: { type: "boolean" }
  }
}

const parametersOf = (route: Route): ReadonlyArray<Json> => [
  ...[...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" }
  })),
  ...Object.entries(route.query ?? {}).map(([name, { about, schema }]) => ({
    name,
    in: "query",
    description: about,
    schema: jsonSchema(schema)
  })),
  ...(route.idempotent === true
    ? [
      {
        name: "Idempotency-Key",
        in: "header",
        required: true,
        schema: { type: "string", minLength: 1, maxLength: 255 }
      },
      {
        name: "Prefer",
        in: "header",
        description: "`wait=5` waits up to so many seconds for the outcome.",
        schema: { type: "string" }
      },
      {
        name: "If-Match",
        in: "header",
        description:
          "The ETag of the payment that this is meant for; 412 where it has another now.",
        schema: { type: "string" }
      }
    ]
    : [])
]

const bodyOf = (route: Route): Json | undefined =>
  route.body !== undefined
    ? {
      required: true,
      content: { "application/json": { schema: jsonSchema(route.body) } }
    }
    : route.text !== undefined
    ? { required: true, content: { [route.text.contentType]: { schema: { type: "string" } } } }
    : undefined

const operationOf = (route: Route): Json => {
  const requestBody = bodyOf(route)
  return {
    summary: route.summary,
    ...(route.audience !== "public" && { security: [{ key: [] }] }),
    parameters: parametersOf(route),
    ...(requestBody && { requestBody }),
    responses: {
      ...Object.fromEntries(
        Object.entries(route.answers).map(([status, description]) => [
          status,
          Number(status) >= 400
            ? {
              description,
              content: {
                "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } }
              }
            }
            : { description }
        ])
      ),
      default: {
        description: "An error",
        content: {
          "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } }
        }
      }
    }
  }
}

/** OpenAPI 3.1, made from the schemas that validate. */
export const openApi = (routes: ReadonlyArray<Route>): Json => {
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Lastro",
      version: "1",
      description: "Payments. Amounts are integers in minor units of the currency."
    },
    paths,
    components: {
      schemas: { Problem: problemSchema },
      securitySchemes: { key: { type: "http", scheme: "bearer" } }
    }
  }
}

/** What a route is asked by, without the parts of its path. */
const listOf = (route: Route): string => {
  const items = parametersOf(route).filter((one) => one["in"] !== "path").map((one) =>
    `<li><code>${escape(String(one["name"]))}</code>${
      one["required"] === true ? " (required)" : ""
    } ${words(String(one["description"] ?? ""))}</li>`
  )
  return items.length === 0 ? "" : `<ul>${items.join("")}</ul>`
}

/** The same description for people: no script. */
export const reference = (routes: ReadonlyArray<Route>): string => {
  const sections = routes.map((route) => {
    const body = bodyOf(route)
    const answers = Object.entries(route.answers)
      .map(([status, text]) => `<dt>${status}</dt><dd>${words(text)}</dd>`).join("")
    return `<section><h2><code>${route.method} ${escape(route.path)}</code></h2>
<p>${words(route.summary)} (${route.audience})</p>${listOf(route)}${
      body === undefined
        ? ""
        : `<details><summary>Body</summary><pre>${
          escape(JSON.stringify(body["content"], null, 1))
        }</pre></details>`
    }<dl>${answers}</dl></section>`
  })
  return `<h1>Lastro API</h1>
<p>Send <code>Authorization: Bearer sk_…</code>. <a href="/docs/errors">Errors</a> are <code>application/problem+json</code>;
compare their <code>code</code>. The machine-readable form is <a href="/openapi.json">openapi.json</a>.</p>
${sections.join("\n")}`
}
