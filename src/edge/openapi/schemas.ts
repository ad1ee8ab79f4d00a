import { Schema } from "effect"
import { currencyCodes } from "../../domain/currency.ts"

export type Json = Readonly<Record<string, unknown>>

const DEFINITION = "#/$defs/"
const COMPONENT = "#/components/schemas/"
const CURRENCY = "Currency"

const isCurrency = (schema: Json): boolean =>
  Array.isArray(schema["enum"]) && schema["enum"].length === currencyCodes.length

/** What a body may hold is all that it may hold; answers may grow. */
type Holding = "exactly" | "at least"

const shown = (schema: unknown, holding: Holding): unknown => {
  if (Array.isArray(schema)) return schema.map((one) => shown(one, holding))
  if (typeof schema !== "object" || schema === null) return schema
  const members = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key, shown(value, holding)])
  )
  if (isCurrency(members)) return { $ref: COMPONENT + CURRENCY }
  const reference = members["$ref"]
  if (typeof reference === "string") {
    return { ...members, $ref: reference.replace(DEFINITION, COMPONENT) }
  }
  if (members["properties"] === undefined) return members
  const { additionalProperties: _, ...object } = members
  return holding === "exactly" ? { ...object, additionalProperties: false } : object
}

/** Schemas of one description; what has a name stands once, among its components. */
export class Schemas {
  private readonly named: Record<string, unknown> = {
    [CURRENCY]: { type: "string", description: "ISO 4217", enum: currencyCodes }
  }

  readonly of = (schema: Schema.Codec<unknown, unknown>, holding: Holding): unknown => {
    const { definitions, schema: own } = Schema.toJsonSchemaDocument(schema)
    for (const [name, definition] of Object.entries(definitions)) {
      this.named[name] ??= shown(definition, holding)
    }
    return shown(own, holding)
  }

  get components(): Json {
    return Object.fromEntries(
      Object.entries(this.named).sort(([left], [right]) => left < right ? -1 : 1)
    )
  }
}
