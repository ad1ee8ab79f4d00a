import pg from "pg"
import ts from "typescript"
import type { SqlType } from "./described.ts"

/** What a value is in JavaScript, as far as it matters between a program and its database. */
export interface Kind {
  readonly is:
    | "any"
    | "array"
    | "bigint"
    | "boolean"
    | "bytes"
    | "date"
    | "never"
    | "null"
    | "number"
    | "object"
    | "string"
    | "undefined"
  readonly of?: ReadonlyArray<Kind>
}

const FLAGS: ReadonlyArray<readonly [ts.TypeFlags, Kind["is"]]> = [
  [ts.TypeFlags.Any | ts.TypeFlags.Unknown, "any"],
  [ts.TypeFlags.Never, "never"],
  [ts.TypeFlags.StringLike, "string"],
  [ts.TypeFlags.NumberLike, "number"],
  [ts.TypeFlags.BigIntLike, "bigint"],
  [ts.TypeFlags.BooleanLike, "boolean"],
  [ts.TypeFlags.Null, "null"],
  [ts.TypeFlags.Undefined, "undefined"]
]

const OBJECTS: Readonly<Record<string, Kind["is"]>> = {
  Buffer: "bytes",
  Uint8Array: "bytes",
  Date: "date"
}

/** All that a value of this type may be. */
export const kindsOf = (checker: ts.TypeChecker, given: ts.Type): ReadonlyArray<Kind> => {
  const type = checker.getBaseConstraintOfType(given) ?? given
  if (type.isUnion()) return type.types.flatMap((one) => kindsOf(checker, one))
  const parts = type.isIntersection() ? type.types : [type]
  if (type.isIntersection() && parts.some((one) => OBJECTS[one.symbol?.name] !== undefined)) {
    return [{ is: "never" }]
  }
  const plain = FLAGS.find(([flag]) => parts.some(({ flags }) => (flags & flag) !== 0))
  if (plain !== undefined) return [{ is: plain[1] }]
  if (checker.isArrayLikeType(type)) {
    const element = checker.getIndexTypeOfType(type, ts.IndexKind.Number)!
    return [{ is: "array", of: kindsOf(checker, element) }]
  }
  return [{ is: OBJECTS[type.symbol?.name ?? ""] ?? "object" }]
}

/** A value of each category of types as PostgreSQL writes it. */
const WRITTEN: Readonly<Record<string, string>> = {
  B: "t",
  D: "2026-11-30 12:00:00+00",
  N: "1"
}

const isJson = ({ name }: SqlType) => /^jsonb?$/.test(name)

const kindOf = (value: unknown): Kind =>
  Array.isArray(value)
    ? { is: "array", of: value.slice(0, 1).map(kindOf) }
    : value instanceof Date
    ? { is: "date" }
    : value instanceof Uint8Array
    ? { is: "bytes" }
    : { is: typeof value as Kind["is"] }

/** What the driver makes of a column of this type: it is asked, with such a value. */
const readAs = (type: SqlType): Kind => {
  const sampleOf = (of: SqlType) =>
    isJson(of) ? "1" : of.name === "bytea" ? "\\x00" : WRITTEN[of.category] ?? "x"
  const read = pg.types.getTypeParser(type.oid)
  return kindOf(
    read(type.element === undefined ? sampleOf(type) : `{"${sampleOf(type.element)}"}`)
  )
}

const isNothing = ({ is }: Kind) => is === "null" || is === "undefined"

/** Whether a property of these kinds holds what the driver reads from the column. */
export const holds = (declared: ReadonlyArray<Kind>, type: SqlType): boolean => {
  if (isJson(type)) return !declared.some(({ is }) => is === "never")
  const { is: read, of = [] } = readAs(type)
  return declared.filter((one) => !isNothing(one)).every((one) =>
    one.is === "any" ||
    (one.is === read && (isJson(type.element ?? type) || (one.of ?? []).every((inner) =>
      isNothing(inner) || inner.is === "any" || of.some(({ is }) =>
        is === inner.is
      )
    )))
  )
}

export const mayBe = (kinds: ReadonlyArray<Kind>, ...wanted: ReadonlyArray<Kind["is"]>): boolean =>
  kinds.some(({ is }) => wanted.includes(is))

/** What may be sent as a parameter of a type or category: the driver writes it as PostgreSQL reads it. */
const SENT: Readonly<Record<string, ReadonlyArray<Kind["is"]>>> = {
  smallint: ["number"],
  integer: ["number"],
  // As a text, too, where it is `\\x` and hexadecimal digits.
  bytea: ["bytes", "string"],
  jsonb: ["string", "object", "any"],
  json: ["string", "object", "any"],
  N: ["number", "bigint", "string"],
  B: ["boolean"],
  D: ["date", "string"]
}

/** Whether values of these kinds may be sent as a parameter of the type. */
export const takes = (type: SqlType, given: ReadonlyArray<Kind>): boolean =>
  given.every((one) =>
    one.is === "null" ||
    (type.element !== undefined
      ? one.is === "array" && takes(type.element, one.of ?? [])
      : (SENT[type.name] ?? SENT[type.category] ?? ["string"]).includes(one.is))
  )

export const written = (kinds: ReadonlyArray<Kind>): string =>
  [...new Set(kinds.map(({ is, of }) => (of === undefined ? is : `array of ${written(of)}`)))]
    .toSorted().join(" or ")
