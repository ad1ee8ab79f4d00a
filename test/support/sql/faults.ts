import pg from "pg"
import ts from "typescript"
import type { Described, Describer, TableColumn } from "./described.ts"
import { holds, kindsOf, mayBe, takes, written } from "./fits.ts"
import type { ProductStatement } from "./statements.ts"
import type { StatementText } from "./templates.ts"

/** Where a statement and the database that it is for do not fit, each fault once. */
export const faultsOf = async (
  checker: ts.TypeChecker,
  database: Describer,
  { forms, row }: ProductStatement
): Promise<ReadonlyArray<string>> => {
  const faults = new Set<string>()
  for (const form of forms) {
    const described = await database.describe(form.text).catch((cause) => {
      if (!(cause instanceof pg.DatabaseError)) throw cause
      return cause.message
    })
    const found = typeof described === "string" ? [described] : [
      ...valueFaults(checker, form, described),
      ...row === undefined ? [] : rowFaults(checker, row, form, described)
    ]
    for (const fault of found) faults.add(fault)
  }
  return [...faults]
}

/** Where the declared row is not what PostgreSQL answers. */
const rowFaults = (
  checker: ts.TypeChecker,
  row: ts.Type,
  { text }: StatementText,
  { columns }: Described
): ReadonlyArray<string> => {
  const names = new Set(columns.map(({ name }) => name))
  const missing = checker.getPropertiesOfType(row)
    .filter(({ flags, name }) => (flags & ts.SymbolFlags.Optional) === 0 && !names.has(name))
    .map(({ name }) => `no column ${name}`)
  return [
    ...missing,
    ...columns.flatMap(({ name, of, type }) => {
      const property = checker.getPropertyOfType(row, name)
      const declared = property === undefined
        ? checker.getIndexTypeOfType(row, ts.IndexKind.String)
        : checker.getTypeOfSymbol(property)
      if (declared === undefined) return [`column ${name} is not in the row`]
      const kinds = kindsOf(checker, declared)
      if (!holds(kinds, type)) return [`column ${name} is ${type.name}, not ${written(kinds)}`]
      return mayBe(kinds, "null", "any") || !isNullIn(text, of)
        ? []
        : [`column ${name} may be null`]
    })
  ]
}

/** Known of columns as they stand in their table; an outer join and an expression are not looked into. */
const isNullIn = (text: string, column: TableColumn | undefined): boolean =>
  column?.nullable === true && !text.includes(`${column.name} is not null`)

/** Where what is given as a parameter is not what PostgreSQL takes it for. */
const valueFaults = (
  checker: ts.TypeChecker,
  { values }: StatementText,
  { parameters }: Described
): ReadonlyArray<string> =>
  values.flatMap((value, index) => {
    const type = parameters[index]!
    const kinds = kindsOf(checker, checker.getTypeAtLocation(value))
    return takes(type, kinds)
      ? []
      : [`${value.getText()} is ${written(kinds)}, the parameter ${type.name}`]
  })
