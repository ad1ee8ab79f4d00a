import { createHash } from "node:crypto"
import { Effect, Schema } from "effect"
import { FILE_PARTS_MAX } from "../../../streams/messages/reconciliation.ts"
import { Day, isDay } from "../../domain/day.ts"
import { Commands } from "../../bus/commands.ts"
import { idempotencyKeyOf } from "../command.ts"
import { problem, unavailable } from "../problem.ts"
import type { Asked, Route } from "../route.ts"
import { json } from "../shape.ts"

/** Text of one part. With JSON's escapes it stays below what a mailbox takes. */
const PART_CHARACTERS = 300_000
const FILE_BYTES_MAX = 64 * 1024 * 1024

/** Cuts a file at line ends; each part starts with the header. */
const partsOf = (text: string, characters = PART_CHARACTERS): ReadonlyArray<string> => {
  const end = text.indexOf("\n") + 1
  if (end === 0 || text.length <= characters) return [text]
  const header = text.slice(0, end)
  const parts: Array<string> = []
  for (let from = end; from < text.length;) {
    const limit = from + characters
    const cut = limit >= text.length ? text.length : text.lastIndexOf("\n", limit) + 1
    // A line longer than a part goes as it is: the actor says what is wrong with it.
    const to = cut <= from ? limit : cut
    parts.push(header + text.slice(from, to))
    from = to
  }
  return parts
}

/** The day of the first dated line, for files whose day is not named. */
const dayOf = (text: string): string | undefined => /(\d{4}-\d{2}-\d{2})T\d{2}:/.exec(text)?.[1]

const SubmittedFile = Schema.Struct({
  file: Schema.String,
  source: Schema.String,
  date: Schema.String,
  parts: Schema.Int
}).annotate({ identifier: "SubmittedFile" })

const submit = Effect.fnUntraced(function* (asked: Asked) {
  const { text } = asked
  const source = asked.query["source"]
  if (source === undefined) {
    return yield* problem("source_missing", "name the gateway: ?source=simulator")
  }
  const date = asked.query["date"] ?? dayOf(text)
  if (date === undefined || !isDay(date)) {
    return yield* problem("date_missing", "no line has a day: name it with ?date=2026-08-31")
  }
  const parts = partsOf(text)
  if (parts.length > FILE_PARTS_MAX) {
    return yield* problem("too_large", `a file has at most ${FILE_PARTS_MAX} parts`)
  }
  // The same file is the same command, whoever sends it and however often.
  const name = asked.header("idempotency-key") !== undefined
    ? yield* idempotencyKeyOf(asked)
    : `file-${createHash("sha256").update(`${source}|${date}|${text}`).digest("hex").slice(0, 32)}`
  const commands = yield* Commands
  yield* Effect.forEach(parts, (body, index) =>
    commands.publish({
      family: "reconciliation",
      type: "file",
      merchant: source,
      body: JSON.stringify({
        command_id: name,
        source,
        date,
        format: "csv",
        part: index + 1,
        parts: parts.length,
        body
      })
    }), { concurrency: 4, discard: true }).pipe(
      Effect.mapError(() => unavailable("not all of the file was taken: send it again"))
    )
  return {
    status: 202,
    body: { file: name, source, date, parts: parts.length },
    headers: { location: "/v1/reconciliation/summary" }
  }
})

export const settlementRoutes: ReadonlyArray<Route> = [{
  method: "POST",
  path: "/v1/settlement-files",
  summary: "Hand in a gateway's settlement file (CSV)",
  operationId: "submitSettlementFile",
  tag: "Reconciliation",
  audience: "operator",
  scope: "finance:write",
  query: {
    source: {
      schema: Schema.String.check(Schema.isPattern(/^[a-z0-9_\-]{1,32}$/u)),
      about: "The gateway the file comes from."
    },
    date: { schema: Day, about: "The day it settles." }
  },
  text: { contentType: "text/csv", bytesMax: FILE_BYTES_MAX },
  answers: { 202: json("Taken durably", SubmittedFile) },
  problems: ["source_missing", "date_missing", "idempotency_key_invalid"],
  handle: submit
}]
