import { relative } from "node:path"
import ts from "typescript"
import { nodesOf, type Sources } from "../sources.ts"
import { Unknowable } from "./meanings.ts"
import { isTemplate, type StatementText, Templates } from "./templates.ts"

/** A statement of the product, in every form that it is sent in. */
export interface ProductStatement {
  /** `src/store/turn.ts:22` */
  readonly place: string
  readonly forms: ReadonlyArray<StatementText>
  /** The declared type of its rows. */
  readonly row: ts.Type | undefined
}

export interface ProductStatements {
  readonly statements: ReadonlyArray<ProductStatement>
  /** What makes the tables that a command has for itself. */
  readonly tables: ReadonlyArray<string>
  /** What is known only when it runs: file and beginning. */
  readonly unknowable: ReadonlyArray<string>
  /** Places of templates that stand in no statement. */
  readonly loose: ReadonlyArray<string>
}

const ASKS = /^\s*(select|insert|update|delete|with)\b/
/** What makes or removes a table says nothing of its columns that could be wrong. */
const MAKES = /^\s*(create|alter|drop)\b/

const beginningOf = (node: ts.Expression): string =>
  ts.isTaggedTemplateExpression(node)
    ? beginningOf(node.template)
    : ts.isTemplateExpression(node)
    ? node.head.text
    : ts.isStringLiteralLike(node)
    ? node.text
    : ""

/** `sql.raw(TEXT).execute(…)` */
const rawText = (node: ts.Node): ts.Expression | undefined =>
  ts.isCallExpression(node) && node.expression.getText() === "sql.raw" &&
    ts.isPropertyAccessExpression(node.parent) && node.parent.name.text === "execute"
    ? node.arguments[0]
    : undefined

const DRIVERS = new Set(["Client", "ClientBase", "Pool", "PoolClient"])

/** The text that is given to the driver itself, as `client.query(text)` or `client.query({ text })`. */
const driverText = (checker: ts.TypeChecker, node: ts.Node): ts.Expression | undefined => {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) {
    return undefined
  }
  const { expression, name } = node.expression
  const [given] = node.arguments
  // `Database.query` is asked with a name and a function.
  if (name.text !== "query" || given === undefined || node.arguments.some(ts.isArrowFunction)) {
    return undefined
  }
  if (!DRIVERS.has(checker.getTypeAtLocation(expression).symbol?.name)) return undefined
  if (ts.isObjectLiteralExpression(given)) {
    return given.properties.filter(ts.isPropertyAssignment)
      .find((property) => property.name.getText() === "text")?.initializer
  }
  const isText = (checker.getTypeAtLocation(given).flags & ts.TypeFlags.StringLike) !== 0
  return isText ? given : undefined
}

/** `RawBuilder<Row>`, whether it is written at the template or where it is answered. */
const rowOf = (checker: ts.TypeChecker, node: ts.Expression): ts.Type | undefined => {
  if (!isTemplate(node)) return undefined
  const [row] = checker.getTypeArguments(checker.getTypeAtLocation(node) as ts.TypeReference)
  const isOpen = row === undefined || (row.flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) !== 0
  return isOpen ? undefined : row
}

const fileOf = (node: ts.Node): string => relative(".", node.getSourceFile().fileName)

const placeOf = (node: ts.Node): string => {
  const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart())
  return `${fileOf(node)}:${line + 1}`
}

const shortly = (node: ts.Node): string => node.getText().replace(/\s+/g, " ").slice(0, 40)

/** Every statement in these files: of templates, and of texts that are given to the driver itself. */
export const statementsIn = (
  sources: Sources,
  files: ReadonlyArray<string>
): ProductStatements => {
  const { checker } = sources
  const nodes = files.flatMap((file) => nodesOf(sources.treeOf(file)))
  const templates = nodes.filter(isTemplate)
  const reader = new Templates(sources, files)
  const known = new Map<ts.Node, ProductStatement>()
  const unknowable = new Map<ts.Node, string>()
  for (
    const root of [
      ...templates.filter((node) => ASKS.test(beginningOf(node))),
      ...nodes.map(rawText),
      ...nodes.map((node) => driverText(checker, node))
    ]
  ) {
    if (root === undefined || MAKES.test(beginningOf(root))) continue
    try {
      known.set(root, {
        place: placeOf(root),
        forms: reader.formsOf(root),
        row: rowOf(checker, root)
      })
    } catch (cause) {
      if (!(cause instanceof Unknowable)) throw cause
      unknowable.set(root, `${fileOf(root)}: ${shortly(root)}`)
    }
  }
  const whole = <A>(found: ReadonlyMap<ts.Node, A>) =>
    [...found].filter(([node]) => !reader.parts.has(node)).map(([, one]) => one)
  const statements = whole(known)
  const isMade = ({ forms }: ProductStatement) => forms.every(({ text }) => MAKES.test(text))
  return {
    statements: statements.filter(({ forms }) => forms.some(({ text }) => ASKS.test(text))),
    tables: statements.filter(isMade).flatMap(({ forms }) => forms.map(({ text }) => text)),
    unknowable: whole(unknowable),
    loose: templates.filter((node) =>
      !MAKES.test(beginningOf(node)) &&
      !reader.parts.has(node) && !known.has(node) && !unknowable.has(node)
    ).map(placeOf)
  }
}
