import { Schema } from "effect"
import type { Answer, Route } from "./route.ts"
import { JSON_TYPE } from "./shape.ts"

type Encode = (value: unknown) => unknown

const encoders = new WeakMap<object, Encode>()

/**
 * What leaves is what the schema says and nothing beside it: a column that somebody adds stays inside.
 * The values are our own, so they are not checked again (tests decode every answer); a payment takes 6 µs.
 */
const encoderOf = (schema: Schema.Codec<unknown, unknown>): Encode => {
  const known = encoders.get(schema)
  if (known !== undefined) return known
  const made = Schema.encodeUnknownSync(schema, { disableChecks: true })
  encoders.set(schema, made)
  return made
}

/** The JSON of an answer. An answer that its route does not declare is a mistake of ours. */
export const encoded = (route: Route, { body, status }: Answer): unknown => {
  const schema = route.answers[status]?.content?.[JSON_TYPE]
  if (schema === undefined) throw new Error(`${route.operationId} declares no JSON for ${status}`)
  return encoderOf(schema)(body)
}
