import { Schema } from "effect"

type AnyCodec = Schema.Codec<unknown, unknown>

/** One answer of a route: what it means, and what stands in its body, by media type. */
export interface Shape {
  readonly about: string
  readonly content?: Readonly<Record<string, AnyCodec>>
}

export const JSON_TYPE = "application/json"

export const json = (about: string, schema: AnyCodec): Shape => ({
  about,
  content: { [JSON_TYPE]: schema }
})

export const page = (about: string, item: AnyCodec): Shape =>
  json(
    about,
    Schema.Struct({
      data: Schema.Array(item),
      has_more: Schema.Boolean,
      next_cursor: Schema.NullOr(Schema.String)
    })
  )

export const list = (about: string, item: AnyCodec): Shape =>
  json(about, Schema.Struct({ data: Schema.Array(item) }))

/** A body that is no JSON, as it goes out. */
export const text = (
  about: string,
  mediaType: string,
  schema: AnyCodec = Schema.String
): Shape => ({
  about,
  content: { [mediaType]: schema }
})

/** The same also as a table, whose first record names its columns. */
export const orCsv = (shape: Shape, columns: ReadonlyArray<string>): Shape => {
  const header = columns.join(",")
  return {
    about: shape.about,
    content: {
      ...shape.content,
      "text/csv": Schema.String.check(
        Schema.makeFilter((table: string) =>
          table.startsWith(`${header}\r\n`) || `must begin with ${header}`
        )
      ).annotate({ description: `RFC 4180, with the columns ${header}.` })
    }
  }
}

const Accepted = Schema.Struct({
  id: Schema.String,
  status: Schema.Literal("accepted")
}).annotate({ identifier: "Accepted" })

const OUTCOME = "The outcome, with `Prefer: wait=…`."
const REPEATED = "The resource as it is, where the request was sent before."

/** What a command is answered with that is waited for, or not. */
export const commandAnswers = (
  resource: AnyCodec,
  outcome = OUTCOME
): Readonly<Record<number, Shape>> => ({
  201: json(outcome, resource),
  202: json(
    `Taken durably; \`Location\` says where its outcome will be. ${REPEATED}`,
    Schema.Union([Accepted, resource])
  )
})
