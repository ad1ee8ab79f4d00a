import { ProblemBody, type ProblemCode, problemKinds } from "../problem.ts"
import { titles } from "../problems/kind.ts"
import { problemsOf } from "../problemsOf.ts"
import type { Route } from "../route.ts"
import type { Shape } from "../shape.ts"
import type { Json, Schemas } from "./schemas.ts"

const header = (description: string): Json => ({ description, schema: { type: "string" } })

const REPEATED = {
  "Idempotent-Replayed": header("`true` where the request was sent before."),
  Location: header("Where the outcome is found.")
}
const LATER = { "Retry-After": header("Seconds until it is worth asking again.") }

const answered = (route: Route, { about, content }: Shape, schemas: Schemas): Json => ({
  description: about,
  ...(route.idempotent === true && { headers: REPEATED }),
  ...(content && {
    content: Object.fromEntries(
      Object.entries(content).map(([type, schema]) => [
        type,
        { schema: schemas.of(schema, "at least") }
      ])
    )
  })
})

/** Refusals of one status. Routes that may refuse with the same codes share one response. */
export class Refusals {
  readonly components: Record<string, Json> = {}
  private readonly schemas: Schemas

  constructor(schemas: Schemas) {
    this.schemas = schemas
  }

  of(status: number, codes: ReadonlyArray<ProblemCode>): Json {
    const name = `${status}.${codes.join(".")}`
    this.components[name] ??= {
      description: `${titles[status as keyof typeof titles]}: ${
        codes.map((code) => `[\`${code}\`](/docs/errors/${code})`).join(", ")
      }`,
      ...((status === 429 || status === 503) && { headers: LATER }),
      content: {
        "application/problem+json": {
          schema: {
            allOf: [
              this.schemas.of(ProblemBody, "at least"),
              { type: "object", required: ["code"], properties: { code: { enum: codes } } }
            ]
          }
        }
      }
    }
    return { $ref: `#/components/responses/${name}` }
  }
}

/** A route's answers by status, those that succeed and those that refuse. */
export const responsesOf = (route: Route, schemas: Schemas, refusals: Refusals): Json => {
  const byStatus = Map.groupBy(problemsOf(route), (code) => problemKinds[code].status)
  return {
    ...Object.fromEntries(
      [...byStatus].map(([status, codes]) => [status, refusals.of(status, codes)])
    ),
    ...Object.fromEntries(
      Object.entries(route.answers).map(([status, shape]) => [
        status,
        answered(route, shape, schemas)
      ])
    )
  }
}
