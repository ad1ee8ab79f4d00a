import { type Route, tags } from "../route.ts"
import { bodyOf, parametersOf } from "./parameters.ts"
import { Refusals, responsesOf } from "./responses.ts"
import { type Json, Schemas } from "./schemas.ts"

const operationOf = (route: Route, schemas: Schemas, refusals: Refusals): Json => {
  const requestBody = bodyOf(route, schemas)
  return {
    operationId: route.operationId,
    summary: route.summary,
    tags: [route.tag],
    security: route.scope === undefined ? [] : [{ key: [route.scope] }],
    parameters: parametersOf(route, schemas),
    ...(requestBody && { requestBody }),
    responses: responsesOf(route, schemas, refusals)
  }
}

/** Forms of pages, which only lead on to another page, are none. */
const isOperation = ({ answers }: Route): boolean =>
  Object.keys(answers).some((status) => status.startsWith("2"))

/** OpenAPI 3.1, made from the schemas that decode what comes and encode what leaves. */
export const openApi = (routes: ReadonlyArray<Route>): Json => {
  const schemas = new Schemas()
  const refusals = new Refusals(schemas)
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of routes.filter(isOperation)) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operationOf(route, schemas, refusals)
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Lastro",
      version: "1",
      description: "Payments. Amounts are integers in minor units of the currency; sums that may " +
        "exceed what a JSON number carries are strings. Times are RFC 3339 in UTC.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" }
    },
    servers: [{ url: "/", description: "Where this was read from" }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: schemas.components,
      responses: refusals.components,
      securitySchemes: {
        key: {
          type: "http",
          scheme: "bearer",
          description: "`Authorization: Bearer sk_…`. A merchant's key belongs to one merchant."
        }
      }
    }
  }
}
