import * as fs from "node:fs"
import { relative, resolve } from "node:path"
import ts from "typescript"
import { describe, expect, test } from "vitest"
import { nodesOf, readSources } from "./support/sources.ts"

/**
 * A number or a time that is compared or ordered as a text is right until it has one digit more: "998"
 * stands behind "6326". Nothing of the product may do so, in SQL or in TypeScript.
 */
const schema = fs.readFileSync("test/golden/schema.txt", "utf8")
const columns = [...schema.matchAll(/^ {2}([a-z_]+) (\w[\w ]*)/gm)]
  .map(([, name, type]) => ({ name: name!, type: type! }))
/** Days as ISO writes them, the one text whose order is that of time, and a name that nobody orders. */
const TEXTS = new Set(["date", "code_version"])
const SOUNDS_COUNTED =
  /(^|_)(at|millis|seconds|seq|size|count|number|amount|version|epoch|revision|date|day|time|position|index|attempts|partition|line)$/i
const texts = new Set(columns.filter(({ type }) => /^text/.test(type)).map(({ name }) => name))
const counted = new Set(
  columns.filter(({ type }) => /int|numeric|xid8|timestamp|double/.test(type))
    .map(({ name }) => name).filter((name) => !texts.has(name))
)

/** What stands in parentheses, and the text around it with `()` in its place. */
const levelsOf = (text: string): Array<string> => {
  const done: Array<string> = []
  const open = [""]
  for (const char of text) {
    if (char === "(") open.push("")
    else if (char === ")" && open.length > 1) {
      done.push(open.pop()!)
      open.push(`${open.pop()!}()`)
    } else open.push(open.pop()! + char)
  }
  return [...done, ...open]
}

const plain = (text: string) =>
  text.replace(/--.*$/gm, " ").replace(/'[^']*'/g, "''").replace(/\s+/g, " ")

const AS_TEXT = /::(text|varchar)\b(?!\[)|->>|\bto_char\b|\|\|/

/** Output columns that are a text made of something: `size::text`, `a || b as place`. */
const madeTexts = (level: string): ReadonlyArray<string | undefined> => {
  const list = /\bselect (?:distinct )?(.*?)(?: from |$)/.exec(level)?.[1] ?? ""
  return list.split(",").map((item) => {
    if (!AS_TEXT.test(item)) return undefined
    return (/ as "?(\w+)"?\s*$/.exec(item) ?? /(\w+)::\w+\s*$/.exec(item))?.[1]
  })
}

const faultsInSql = (text: string): ReadonlyArray<string> =>
  levelsOf(plain(text)).flatMap((level) => {
    const made = madeTexts(level)
    const orders = [...level.matchAll(/\border by (.*?)(?= limit | offset | for |\$\{|$)/g)]
      .flatMap(([, items]) => items!.split(",")).map((item) => item.trim())
    return [
      ...orders.filter((item) => {
        const name = item.split(" ")[0]!
        return AS_TEXT.test(item) || made.includes(name) || /^\d+$/.test(name)
      }).map((item) => `order by ${item}`),
      ...[...level.matchAll(/[a-z_.]+::text\s*[<>]=?|[<>]=?\s*[a-z_.]+::text\b|->>\s*''\s*[<>]/g)]
        .map(([found]) => found)
    ]
  }).concat(
    [...plain(text).matchAll(/\b(?:min|max|greatest|least)\(([^()]*)\)/g)]
      .filter(([, inner]) => AS_TEXT.test(inner!)).map(([found]) => found)
  )

describe("SQL that orders or compares numbers as texts is known by", () => {
  test.each([
    "select size::text, note from audit_checkpoints order by size desc limit 1",
    "select a, (b)::text as size from t order by size",
    "select size::text from t order by 1",
    "select max(size::text) from t",
    "select * from t where size::text > '9'",
    "select * from t where doc->>'amount' < '9'",
    "select * from (select seq::text from t order by seq limit 5) x order by x.seq",
    "select family || partition as place from t order by place"
  ])("%s", (text) => expect(faultsInSql(text)).not.toEqual([]))

  test.each([
    "select c.size::text, c.note from audit_checkpoints c order by c.size desc limit 1",
    "select size::text from (select size from t order by size limit 3) t order by t.size",
    "select id from t where (created_millis, id) < ($1::bigint, $2::text) order by created_millis, id",
    "select * from t where name = 'order by size::text'"
  ])("and not by %s", (text) => expect(faultsInSql(text)).toEqual([]))
})

/** A file that is not there, with everything that must be found and what looks like it. */
const PLANTED = resolve("src/planted.ts")
const planted = `
  declare const row: { size: string; path: string; at_millis: string; n: number }
  row.size < "6"; row.at_millis >= row.at_millis; \`\${row.n}\` < "6"; String(row.n) > row.path;
  [1, 2].sort(); [["a", 1]].sort(); row.path.localeCompare(row.path);
  row.path < row.path; row.n < 3; [row.path].sort(); [1].sort((a, b) => a - b);`

const { checker, files, treeOf } = readSources({ file: PLANTED, text: planted })

const isText = (type: ts.Type): boolean =>
  type.isUnion()
    ? type.types.every(isText)
    : type.isIntersection()
    ? type.types.some(isText)
    : (type.flags & ts.TypeFlags.StringLike) !== 0

const ORDERS = new Set([
  ts.SyntaxKind.LessThanToken,
  ts.SyntaxKind.LessThanEqualsToken,
  ts.SyntaxKind.GreaterThanToken,
  ts.SyntaxKind.GreaterThanEqualsToken
])

/** What a text is called, and whether it is made of something else on the spot. */
const isCounted = (node: ts.Expression): boolean => {
  if (ts.isTemplateExpression(node) || ts.isCallExpression(node)) return true
  const name = ts.isPropertyAccessExpression(node)
    ? node.name.text
    : ts.isIdentifier(node)
    ? node.text
    : ""
  return !TEXTS.has(name) &&
    (counted.has(name) || SOUNDS_COUNTED.test(name.replace(/([A-Z])/g, "_$1")))
}

const isFault = (node: ts.Node): boolean => {
  if (ts.isBinaryExpression(node) && ORDERS.has(node.operatorToken.kind)) {
    const sides = [node.left, node.right]
    return sides.every((side) => isText(checker.getTypeAtLocation(side))) && sides.some(isCounted)
  }
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return false
  const { expression: sorted, name: { text: method } } = node.expression
  if (method === "localeCompare") return true
  if (method !== "sort" && method !== "toSorted" || node.arguments.length > 0) return false
  const type = checker.getTypeAtLocation(sorted)
  const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number)
  return element !== undefined && !isText(element)
}

const faultsIn = (file: string): ReadonlyArray<string> =>
  nodesOf(treeOf(file)).filter(isFault).map((node) => `${relative(".", file)}: ${node.getText()}`)

const textOf = (node: ts.Node): string | undefined =>
  ts.isTemplateExpression(node)
    ? node.head.text + node.templateSpans.map(({ literal }) => `$0${literal.text}`).join("")
    : ts.isStringLiteralLike(node)
    ? node.text
    : undefined

describe("the product compares and orders as a number what is one", () => {
  test("in every statement", () => {
    const statements = files.flatMap((file) =>
      nodesOf(treeOf(file)).map(textOf).filter((text) => text !== undefined)
        .filter((text) => /\b(order by|select|where|max\(|min\()/.test(text))
        .map((text) => ({ file, text }))
    )
    expect(statements.length).toBeGreaterThan(150)
    const faults = statements.flatMap(({ file, text }) =>
      faultsInSql(text).map((fault) => `${relative(".", file)}: ${fault}`)
    )
    expect(faults).toEqual([])
  })

  test("in every comparison and sort", () => {
    expect(faultsIn(PLANTED)).toHaveLength(7)
    expect(files.flatMap(faultsIn)).toEqual([])
  })

  test("and no column of texts holds what is counted", () => {
    const wrong = [...texts].filter((name) => SOUNDS_COUNTED.test(name) && !TEXTS.has(name))
    expect(columns.length).toBeGreaterThan(200)
    expect(wrong).toEqual([])
  })
})
