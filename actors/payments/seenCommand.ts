import { Schema } from "effect"

/** A command as it was decided. The same again is a no-op, another body under its name a refusal. */
export const SeenCommand = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  fingerprint: Schema.String,
  at: Schema.Finite,
  /** The attempt that carries it out. */
  attempt: Schema.optionalKey(Schema.String),
  by: Schema.optionalKey(Schema.String),
  /** The answer it got, where it was a no. */
  refused: Schema.optionalKey(
    Schema.Struct({
      code: Schema.String,
      detail: Schema.String,
      about: Schema.optionalKey(Schema.String),
      pointer: Schema.optionalKey(Schema.String)
    })
  )
})

export type SeenCommand = typeof SeenCommand.Type
