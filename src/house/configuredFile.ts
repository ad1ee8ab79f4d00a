import * as fs from "node:fs"
import { Result, Schema, SchemaIssue } from "effect"
import { StackError } from "../stack/stack.ts"

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const keyOf = (part: PropertyKey | { readonly key: PropertyKey }): string =>
  String(typeof part === "object" ? part.key : part)

/**
 * The JSON file that a setting names, checked. It is refused whole, with everything that is wrong with
 * it: first by its fields, then by what they say together.
 */
export const readConfigured = <A>(
  setting: string,
  file: string,
  schema: Schema.Codec<A, unknown>,
  problemsOf: (configured: A) => ReadonlyArray<string> = () => []
): A => {
  const refuse = (...problems: ReadonlyArray<string>): never => {
    throw new StackError(`${setting} ${file} ${problems.join(",\n  ")}.`)
  }
  const decoded = Schema.decodeUnknownResult(schema, {
    errors: "all",
    onExcessProperty: "error"
  })(jsonOf(file, refuse))
  if (Result.isSuccess(decoded)) {
    const problems = problemsOf(decoded.success)
    return problems.length === 0 ? decoded.success : refuse(...problems)
  }
  return refuse(
    ...format(decoded.failure.issue).issues.map(({ message, path = [] }) =>
      `is not valid at ${path.map(keyOf).join(".") || "the top"}: ${message}`
    )
  )
}

const jsonOf = (file: string, refuse: (problem: string) => never): unknown => {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8"))
  } catch (error) {
    return refuse(error instanceof SyntaxError ? "is not JSON" : "cannot be read")
  }
}
