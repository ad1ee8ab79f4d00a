import { Result } from "effect"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { fingerprint } from "../../src/domain/fingerprint.ts"
import type { Answer, Received, Refusal } from "../../src/runtime/actor.ts"
import type { Decision, Emission } from "../../streams/emissions.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import type { File, SettlementLine } from "../../streams/messages/reconciliation.ts"
import { type MalformedLine, type MerchantLine, parseCsv } from "./csv.ts"
import { fileKey, type RefusalCode, type Row, type SettlementFile, type State } from "./state.ts"

type Part = typeof File.Type

/** Lines of one `match`, as JSON. With its envelope, under 1 KB, a message stays below 400 KB. */
const MATCH_LINES_BYTES_MAX = 390_000
/** Unreadable lines told one by one, per part. The rest is told as a number: a file of rubbish is one fault. */
const MALFORMED_TOLD_MAX = 200
/** What is shown of a parser's message. */
const REASON_CHARACTERS_MAX = 200

/**
 * One part of a file: its lines go to their merchants, and with the last part to arrive every
 * partition hears that the file is whole. A part known already changes nothing.
 */
export const receivePart = (
  known: SettlementFile | undefined,
  part: Part,
  received: Received
): Result.Result<Decision<"reconciliation", State, Row>, Refusal<RefusalCode>> => {
  if (part.source !== received.merchant) {
    const detail = `a file of ${part.source} came under ${received.merchant}`
    return refuse(part, "source_differs", detail)
  }
  const file = known ?? newFile(part, received.seq)
  if (file.date !== part.date || file.parts !== part.parts) {
    const detail = `the file was begun for ${file.date} in ${file.parts} parts`
    return refuse(part, "file_differs", detail)
  }
  const { command_id: _, ...content } = part
  const print = fingerprint(content)
  const before = file.received.find((one) => one.part === part.part)
  if (before !== undefined) {
    return before.fingerprint === print
      ? Result.succeed({ answers: answersOf(file, received) })
      : refuse(part, "file_differs", `part ${part.part} came before with another content`)
  }
  const parsed = parseCsv(part.body, part.part)
  if (Result.isFailure(parsed)) return refuse(part, "unreadable_file", plain(parsed.failure))

  const { lines, malformed } = parsed.success
  const next: SettlementFile = {
    ...file,
    received: [
      ...file.received,
      { part: part.part, fingerprint: print, lines: lines.length, malformed: malformed.length }
    ]
  }
  const fields = { source: file.source, date: file.date, file: file.id, file_seq: file.seq }
  const closes = next.received.length === next.parts
  return Result.succeed({
    put: [[fileKey(file.id), next]],
    rows: malformedRows(part, malformed),
    emit: [...matchesOf(fields, lines), ...(closes ? closesOf(fields) : [])],
    answers: answersOf(next, received)
  })
}

const refuse = (part: Part, code: RefusalCode, detail: string) =>
  Result.fail({ code, detail, about: part.command_id })

const newFile = (part: Part, seq: number): SettlementFile => ({
  _tag: "File",
  id: part.command_id,
  source: part.source,
  date: part.date,
  parts: part.parts,
  seq,
  received: []
})

interface FileFields {
  readonly source: string
  readonly date: string
  readonly file: string
  readonly file_seq: number
}

const matchesOf = (
  fields: FileFields,
  lines: ReadonlyArray<MerchantLine>
): ReadonlyArray<Emission<"reconciliation">> =>
  [...Map.groupBy(lines, ({ merchant }) => merchant)].flatMap(([merchant, theirs]) =>
    chunksOf(theirs).map((chunk) => ({
      to: "reconciliation",
      type: "match",
      key: merchant,
      body: { ...fields, lines: chunk }
    }))
  )

/** Cut by bytes. A line is a few hundred of them, so no single one exceeds a chunk. */
const chunksOf = (
  lines: ReadonlyArray<MerchantLine>
): ReadonlyArray<ReadonlyArray<SettlementLine>> => {
  const chunks: Array<Array<SettlementLine>> = []
  let room = 0
  for (const { line } of lines) {
    // Every field of a line is ASCII: characters are bytes.
    const bytes = canonicalJson(line).length + 1
    if (bytes > room) {
      chunks.push([])
      room = MATCH_LINES_BYTES_MAX
    }
    chunks.at(-1)!.push(line)
    room -= bytes
  }
  return chunks
}

/** A merchant of any partition may wait for a line that was not in the file. */
const closesOf = (fields: FileFields): ReadonlyArray<Emission<"reconciliation">> =>
  Array.from({ length: PARTITIONS }, (_, partition) => ({
    to: "reconciliation",
    type: "close",
    key: fields.source,
    partition,
    body: fields
  }))

const malformedRows = (part: Part, malformed: ReadonlyArray<MalformedLine>): ReadonlyArray<Row> => {
  const told = malformed.slice(0, MALFORMED_TOLD_MAX)
  const [next] = malformed.slice(MALFORMED_TOLD_MAX)
  const more = malformed.length - told.length
  const all = next === undefined
    ? told
    : [...told, { row: next.row, reason: `${more} lines from here on cannot be read` }]
  return all.map(({ reason, row }) => ({
    _tag: "Malformed",
    source: part.source,
    date: part.date,
    file: part.command_id,
    part: part.part,
    row,
    reason: plain(reason)
  }))
}

/** A parser repeats what it read. PostgreSQL takes no NUL, so one would make the whole file a defect. */
const plain = (text: string): string =>
  text.slice(0, REASON_CHARACTERS_MAX).replace(/[\u0000-\u001f\u007f]/g, "?").toWellFormed()

const answersOf = (file: SettlementFile, { replyTo }: Received): ReadonlyArray<Answer> => {
  if (replyTo === undefined) return []
  const { date, id, parts, received, source } = file
  const sum = (of: (one: SettlementFile["received"][number]) => number) =>
    received.reduce((total, one) => total + of(one), 0)
  return [{
    to: replyTo,
    body: {
      file: {
        id,
        source,
        date,
        parts,
        parts_received: received.length,
        lines: sum(({ lines }) => lines),
        malformed: sum(({ malformed }) => malformed)
      }
    }
  }]
}
