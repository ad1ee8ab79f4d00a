import type { Answer, Asked } from "./route.ts"
import { Schema } from "effect"

export type Cell = string | number | null

/** What a spreadsheet would run. A number, also a negative one, is only a number. */
const FORMULA = /^[=+\-@\t\r]/
const NUMBER = /^-?\d+(\.\d+)?$/

const cell = (value: Cell): string => {
  if (value === null) return ""
  const text = String(value)
  // A leading quote makes it text to every spreadsheet; it shows there and nowhere else runs.
  const safe = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** One record of RFC 4180, its line break included. */
export const csvLine = (cells: ReadonlyArray<Cell>): string => cells.map(cell).join(",") + "\r\n"

export const FormatQuery = {
  schema: Schema.Literals(["json", "csv"]),
  about: "`csv` is what `Accept: text/csv` asks for, too: every row, without pages."
}

export const wantsCsv = (asked: Asked): boolean =>
  asked.query["format"] === "csv" ||
  (asked.query["format"] === undefined && asked.header("accept")?.includes("text/csv") === true)

/** An export that is one page. */
export async function* once<A>(rows: A): AsyncGenerator<A> {
  yield rows
}

/** Rows as they are read, page by page: an export of a year needs no more memory than one of a day. */
export const csvAnswer = (
  name: string,
  header: ReadonlyArray<string>,
  rows: AsyncIterable<ReadonlyArray<ReadonlyArray<Cell>>>
): Answer => {
  const utf8 = new TextEncoder()
  const pages = rows[Symbol.asyncIterator]()
  return {
    status: 200,
    headers: {
      "content-type": "text/csv; charset=utf-8; header=present",
      "content-disposition": `attachment; filename="${name}.csv"`,
      "cache-control": "no-store",
      "x-content-type-options": "nosniff"
    },
    raw: new ReadableStream({
      start: (controller) => controller.enqueue(utf8.encode(csvLine(header))),
      pull: async (controller) => {
        const { done, value } = await pages.next()
        if (done === true) controller.close()
        else controller.enqueue(utf8.encode(value.map(csvLine).join("")))
      },
      cancel: async () => {
        await pages.return?.()
      }
    })
  }
}
