import { type RawBuilder, sql } from "kysely"
import { isStorable } from "../domain/text.ts"

/**
 * How a column's values travel. A document is a JSON text already, bytes are what PostgreSQL reads from
 * a text (`\\x` and hexadecimal digits), and `text` may stand in a column of any type that is made of one.
 */
type Column<Row> =
  | readonly [
    type: "text" | "bytea" | "json" | "jsonb",
    text: (row: Row) => string | null | undefined
  ]
  | readonly [
    type: "numeric" | "bigint" | "int" | "smallint" | "boolean",
    value: (row: Row) => number | bigint | boolean | null | undefined
  ]

type Cells = ReadonlyArray<string | number | bigint | boolean | null | undefined>

/** Between two texts, and in the place of none. */
const SEPARATOR = "\x1f"
const NULL = "\x1e"

/** PostgreSQL's own code for a character that it does not have. */
const UNTRANSLATABLE = "22021"

/** What PostgreSQL would take, but not as it is: refused here as data that it refuses. */
class Unstorable extends Error {
  readonly code = UNTRANSLATABLE
}

/**
 * Rows as a table: `from ${rowsOf(rows, { id: ["text", …] })}`.
 *
 * Each column is one parameter: numbers are an array, texts and documents one text that PostgreSQL
 * splits. Arrays of texts escape every document once more, which was a fifth of what a turn's memory
 * went through; one JSON text of all rows is parsed twice, which was a tenth of PostgreSQL's time
 * (measured). Arrays are left for what cannot be split.
 */
export const rowsOf = <Row>(
  rows: ReadonlyArray<Row>,
  columns: Readonly<Record<string, Column<Row>>>
): RawBuilder<unknown> => {
  const given = Object.entries(columns).map(([name, [type, of]]) => {
    const cells: Cells = rows.map((row) => of(row))
    return { name, type, cells, joined: isNumber(type) ? numbersOf(cells) : textOf(type, cells) }
  })
  const canSplit = given.every(({ cells, joined, type }) =>
    isNumber(type) || canBeSplit(cells, joined)
  )
  const arrays = given.map(({ cells, joined, type }) =>
    isNumber(type)
      ? sql`${joined}::${sql.raw(type)}[]`
      : canSplit
      ? sql`string_to_array(${joined}, E'\\x1f', E'\\x1e')`
      : sql`${cells}::text[]`
  )
  const selected = given.map(({ name, type }) =>
    type !== "text" && !isNumber(type) ? `r."${name}"::${type} as "${name}"` : `r."${name}"`
  )
  const names = given.map(({ name }) => `"${name}"`)
  return sql`(select ${sql.raw(selected.join(", "))} from unnest(${sql.join(arrays)})
    as r (${sql.raw(names.join(", "))}))`
}

const NUMBERS = new Set(["numeric", "bigint", "int", "smallint", "boolean"])
const isNumber = (type: string): boolean => NUMBERS.has(type)

const numbersOf = (cells: Cells): string => `{${cells.map((cell) => cell ?? "null").join(",")}}`

/**
 * The driver would write U+FFFD for half a character without a word. And `json` keeps an escape of one, or
 * of a NUL, which nobody could read as a text again; `jsonb` does not.
 */
const textOf = (type: string, cells: Cells): string => {
  const text = cells.map((cell) => cell ?? NULL).join(SEPARATOR)
  if (!text.isWellFormed() || (type === "json" && !isReadable(text))) {
    throw new Unstorable("neither a NUL nor half a character can be stored")
  }
  return text
}

/** Escapes of other characters are nearly never there; a document with one is looked through. */
const isReadable = (documents: string): boolean =>
  !documents.includes("\\u") ||
  documents.split(SEPARATOR).every((text) =>
    !text.includes("\\u") || holdsStorable(JSON.parse(text))
  )

const holdsStorable = (value: unknown): boolean =>
  typeof value === "string" ? isStorable(value) : typeof value !== "object" || value === null ||
    Object.entries(value).every(([name, one]) => isStorable(name) && holdsStorable(one))

/** A text that holds a separator or passes for none; and of an empty text PostgreSQL makes no row at all. */
const canBeSplit = (cells: Cells, joined: string): boolean =>
  joined !== "" &&
  cells.every((cell) => typeof cell !== "string" || (cell !== NULL && !cell.includes(SEPARATOR)))
