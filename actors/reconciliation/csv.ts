import { parse } from "csv-parse/sync"
import { Result } from "effect"
import { currencyCodes, parseMinorUnits } from "../../src/domain/currency.ts"
import { millisOf } from "../../src/domain/moment.ts"
import type { SettlementLine } from "../../streams/messages/reconciliation.ts"

const columns = [
  "settlement_id",
  "line",
  "merchant",
  "payment_id",
  "charge_id",
  "kind",
  "currency",
  "gross",
  "fee",
  "net",
  "occurred_at"
] as const
type Column = (typeof columns)[number]

export interface MerchantLine {
  readonly merchant: string
  readonly line: SettlementLine
}

export interface MalformedLine {
  /** Line of the part's text, from 1; the header is 1. */
  readonly row: number
  readonly reason: string
}

interface ParsedPart {
  readonly lines: ReadonlyArray<MerchantLine>
  readonly malformed: ReadonlyArray<MalformedLine>
}

/**
 * Reads one part. A line that cannot be read is reported and the others still count; only a part
 * without its header is unreadable as a whole, with the reason.
 */
export const parseCsv = (body: string, part: number): Result.Result<ParsedPart, string> => {
  const rows = body.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/)
  const header = fieldsOf(rows[0] ?? "")
  if (Result.isFailure(header)) return Result.fail(`the header cannot be read: ${header.failure}`)
  const names = header.success.map((name) => name.trim().toLowerCase())
  const absent = columns.filter((column) => !names.includes(column))
  if (absent.length > 0) return Result.fail(`the header lacks ${absent.join(", ")}`)

  const places = new Map(columns.map((column) => [column, names.indexOf(column)]))
  const lines: Array<MerchantLine> = []
  const malformed: Array<MalformedLine> = []
  for (let index = 1; index < rows.length; index++) {
    const text = rows[index]!
    if (text.trim() === "") continue
    const row = index + 1
    const read = Result.flatMap(
      fieldsOf(text),
      (fields) =>
        fields.length === names.length
          ? readLine((column) => fields[places.get(column)!]!.trim(), part, row)
          : Result.fail(`has ${fields.length} fields, the header has ${names.length}`)
    )
    if (Result.isSuccess(read)) lines.push(read.success)
    else malformed.push({ row, reason: read.failure })
  }
  return Result.succeed({ lines, malformed })
}

/**
 * Line by line: no column of a settlement file holds a line break, and a parser that sees the whole
 * text lets one open quote swallow every line after it.
 */
const fieldsOf = (text: string): Result.Result<ReadonlyArray<string>, string> => {
  if (!text.includes('"')) return Result.succeed(text.split(","))
  try {
    const records = parse(text, { relax_column_count: true }) as Array<Array<string>>
    return Result.succeed(records[0] ?? [])
  } catch (error) {
    return Result.fail((error as Error).message)
  }
}

const codes: ReadonlySet<string> = new Set(currencyCodes)
const IDENTIFIER = /^[\x21-\x7e]{1,128}$/

const readLine = (
  field: (column: Column) => string,
  part: number,
  row: number
): Result.Result<MerchantLine, string> => {
  const merchant = field("merchant")
  if (!/^[a-z0-9_-]{1,32}$/.test(merchant)) return wrong("merchant", merchant)
  for (const column of ["settlement_id", "charge_id"] as const) {
    if (!IDENTIFIER.test(field(column))) return wrong(column, field(column))
  }
  const paymentId = field("payment_id")
  if (paymentId !== "" && !IDENTIFIER.test(paymentId)) return wrong("payment_id", paymentId)
  if (!/^\d{1,9}$/.test(field("line"))) return wrong("line", field("line"))
  const kind = field("kind")
  if (kind !== "charge" && kind !== "refund") return wrong("kind", kind)
  const currency = field("currency")
  if (!codes.has(currency)) return wrong("currency", currency)
  const occurredAt = millisOf(field("occurred_at"))
  if (occurredAt === undefined) return wrong("occurred_at", field("occurred_at"))

  const gross = parseMinorUnits(field("gross"), currency)
  const fee = parseMinorUnits(field("fee"), currency)
  const net = parseMinorUnits(field("net"), currency)
  if (gross === undefined) return wrong("gross", field("gross"))
  if (fee === undefined) return wrong("fee", field("fee"))
  if (net === undefined) return wrong("net", field("net"))
  if (kind === "charge" ? gross <= 0n : gross >= 0n) {
    return Result.fail(`gross ${field("gross")} has the wrong sign for a ${kind}`)
  }
  if (gross - fee !== net) {
    return Result.fail(
      `gross ${field("gross")} less fee ${field("fee")} is not net ${field("net")}`
    )
  }
  const line = {
    part,
    row,
    settlement_id: field("settlement_id"),
    line: Number(field("line")),
    ...(paymentId !== "" && { payment_id: paymentId }),
    charge_id: field("charge_id"),
    kind,
    currency: currency as SettlementLine["currency"],
    gross,
    fee,
    net,
    occurred_at: occurredAt
  } satisfies SettlementLine
  return Result.succeed({ merchant, line })
}

const SHOWN_CHARACTERS_MAX = 40

/** The value is shown cut and without control characters: it goes to a page and into a table. */
const wrong = (column: Column, value: string): Result.Result<never, string> => {
  // deno-lint-ignore no-control-regex
  const shown = value.slice(0, SHOWN_CHARACTERS_MAX).replace(/[\u0000-\u001f\u007f]/g, "?")
  return Result.fail(
    value === "" ? `${column} is empty` : `${column} is not valid: ${shown.toWellFormed()}`
  )
}
