import type { Route } from "../route.ts"
import type { Json, Schemas } from "./schemas.ts"

const idempotency: ReadonlyArray<Json> = [
  {
    name: "Idempotency-Key",
    in: "header",
    required: true,
    description: "New for each intent, and the same for its repeats.",
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
    description: "The ETag of the payment that this is meant for; 412 where it has another now.",
    schema: { type: "string" }
  }
]

/** What a route is asked by: parts of its path, its query, and headers. */
export const parametersOf = (route: Route, schemas: Schemas): ReadonlyArray<Json> => [
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
    schema: schemas.of(schema, "exactly")
  })),
  ...(route.idempotent === true ? idempotency : [])
]

export const bodyOf = (route: Route, schemas: Schemas): Json | undefined =>
  route.body !== undefined
    ? {
      required: true,
      content: { "application/json": { schema: schemas.of(route.body, "exactly") } }
    }
    : route.text !== undefined
    ? { required: true, content: { [route.text.contentType]: { schema: { type: "string" } } } }
    : undefined
