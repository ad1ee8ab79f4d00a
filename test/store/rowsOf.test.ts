import * as fc from "fast-check"
import { sql } from "kysely"
import { afterAll, beforeAll, expect, test } from "vitest"
import { connect, type Db } from "../../src/store/database.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { rowsOf } from "../../src/store/rowsOf.ts"
import { freshDatabaseUrl } from "../support/lastro.ts"

const url = freshDatabaseUrl()
let db: Db
beforeAll(async () => {
  await ensureDatabase(url)
  db = connect(url, 1)
})
afterAll(async () => {
  await db.destroy()
  await dropDatabase(url)
})

interface Row {
  readonly label: string
  readonly note: string | null
  readonly doc: string | null
  readonly plain: string | null
  readonly bytes: Uint8Array | null
  readonly count: bigint | null
  readonly sum: bigint
  readonly place: number
  readonly is: boolean
}

/** What came back of rows that were sent, in their order. */
const sent = async (rows: ReadonlyArray<Row>): Promise<ReadonlyArray<Row>> => {
  const table = rowsOf(rows, {
    label: ["text", ({ label }) => label],
    note: ["text", ({ note }) => note],
    doc: ["jsonb", ({ doc }) => doc],
    plain: ["json", ({ plain }) => plain],
    bytes: ["bytea", ({ bytes }) => bytes && `\\x${Buffer.from(bytes).toString("hex")}`],
    count: ["bigint", ({ count }) => count],
    sum: ["numeric", ({ sum }) => sum],
    place: ["int", ({ place }) => place],
    is: ["boolean", ({ is }) => is]
  })
  const { rows: found } = await sql<
    & Pick<Row, "label" | "note" | "place" | "is">
    & { doc: string | null; plain: string | null; bytes: Buffer | null; count: string | null }
    & { sum: string }
  >`select label, note, doc::text as doc, plain::text as plain, bytes, count, sum, place, "is" from ${table} as sent`
    .execute(db)
  return found.map((row) => ({
    ...row,
    bytes: row.bytes && new Uint8Array(row.bytes),
    count: row.count === null ? null : BigInt(row.count),
    sum: BigInt(row.sum)
  }))
}

/** Among them every one that means something on the way: of PostgreSQL's, of JSON, of ours. */
const character = fc.oneof(
  fc.constantFrom("\x1f", "\x1e", '"', "\\", "{", "}", ",", "null", "NULL", "\n", "\ud800", "\0"),
  fc.string({ unit: "binary", maxLength: 2 })
)
const anyText = fc.array(character, { maxLength: 4 }).map((parts) => parts.join(""))
const storableText = anyText.map((text) => text.replaceAll("\0", "").toWellFormed())

const rowsWith = (text: fc.Arbitrary<string>): fc.Arbitrary<Array<Row>> =>
  fc.array(
    fc.record({
      label: text,
      note: fc.option(text),
      doc: fc.option(text.map((value) => JSON.stringify(value))),
      plain: fc.option(text.map((value) => JSON.stringify([{ [value]: value }]))),
      bytes: fc.option(fc.uint8Array({ maxLength: 3 })),
      count: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      sum: fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }),
      place: fc.integer(),
      is: fc.boolean()
    }),
    { maxLength: 4 }
  )

test("rows arrive as they were sent, whatever their texts hold", async () => {
  await fc.assert(
    fc.asyncProperty(rowsWith(storableText), async (rows) => {
      const documents = rows.map(({ doc }) => doc && JSON.parse(doc))
      const found = await sent(rows)
      expect(found.map(({ doc }) => doc && JSON.parse(doc))).toEqual(documents)
      expect(found.map((row) => ({ ...row, doc: null }))).toEqual(
        rows.map((row) => ({ ...row, doc: null }))
      )
    }),
    { numRuns: 500 }
  )
})

const columns = ["label", "note", "doc", "plain"]
const isDocument = (column: string) => column === "doc" || column === "plain"

test("a NUL and half a character are refused as data, never changed into something else", async () => {
  const refused = fc.tuple(
    rowsWith(storableText),
    anyText,
    fc.constantFrom("\0", "\ud800", "\udc00a")
  )
  await fc.assert(
    fc.asyncProperty(refused, fc.constantFrom(...columns), async (made, column) => {
      const [rows, text, bad] = made
      const value = text.toWellFormed() + bad
      const row = {
        label: "",
        note: null,
        doc: null,
        plain: null,
        bytes: null,
        count: 1n,
        sum: 1n,
        place: 1,
        is: true
      }
      const wrong = {
        ...row,
        [column]: isDocument(column) ? JSON.stringify({ a: [value] }) : value
      }
      await expect(sent([...rows, wrong])).rejects.toMatchObject({
        code: expect.stringMatching(/^22/)
      })
    }),
    { numRuns: 200 }
  )
})

test.each([
  ["no rows", []],
  ["a lone empty text", [""]],
  ["empty texts", ["", ""]],
  ["a text that is a separator", ["\x1f"]],
  ["a text that passes for none", ["a", "\x1e"]],
  ["the letters of none", ["null", "NULL", ""]],
  ["an array's own marks", ['{"a",b}', "\\", '"']]
])("%s", async (_, texts) => {
  const table = rowsOf(texts, { word: ["text", (text) => text] })
  const { rows } = await sql<{ word: string }>`select word from ${table} as sent`.execute(db)
  expect(rows.map(({ word }) => word)).toEqual(texts)
})
