import { Effect, Schema } from "effect"
import { findRefusal } from "../../actors/payments/read.ts"
import { CommandId } from "../domain/identifiers.ts"
import { refusalProblem } from "./problem.ts"
import { read } from "./reading.ts"
import type { Asked } from "./route.ts"

const NAMED = /^([a-z_]{1,32}):(.+)$/
const isCommandId = Schema.is(CommandId)

/** A command by its type and its Idempotency-Key, as a 202's Location names it. */
export const CommandQuery = {
  schema: Schema.String.check(
    Schema.makeFilter((text: string) =>
      isCommandId(NAMED.exec(text)?.[2]) || "must be a type and a key, such as capture:key-1"
    )
  ),
  about:
    "A command about it, as Location named it: its refusal is the answer, where it was refused."
}

export const namedCommand = (type: string, key: string): string =>
  `command=${type}:${encodeURIComponent(key)}`

/** Whoever did not wait finds the refusal where the 202 pointed. */
export const assertNotRefused = Effect.fnUntraced(function* (
  merchant: string,
  command: Parameters<typeof findRefusal>[2]
) {
  const refusal = yield* read("edge.refusal", (db) => findRefusal(db, merchant, command))
  if (refusal !== undefined) return yield* refusalProblem(refusal)
})

/** The same for the command that a read names, if it names one. */
export const assertNamedTaken = (asked: Asked, merchant: string, about: string) => {
  const [, type, id] = NAMED.exec(asked.query["command"] ?? "") ?? []
  return type === undefined || id === undefined
    ? Effect.void
    : assertNotRefused(merchant, { about, type, id })
}
