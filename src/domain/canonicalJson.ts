/**
 * One text for one value: keys sorted at every depth, bigints as decimal strings, undefined members
 * dropped, no white space. Digests, fingerprints, stored states and messages all use it, so it is
 * made once per decision.
 */
export const canonicalJson = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return quoted(value)
    case "bigint":
      return `"${value}"`
    case "boolean":
      return value ? "true" : "false"
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
      return JSON.stringify(value)
    case "object":
      return value === null ? "null" : Array.isArray(value) ? arrayJson(value) : objectJson(value)
    default:
      throw new TypeError(`a ${typeof value} has no JSON form`)
  }
}

/** What JSON writes as it is: nearly every text here, and quoting by hand makes no copy of it. */
const PLAIN = /^[ !#-[\]-~]*$/

const quoted = (text: string): string => PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)

const arrayJson = (items: ReadonlyArray<unknown>): string => {
  let text = "["
  for (let index = 0; index < items.length; index++) {
    if (index > 0) text += ","
    text += items[index] === undefined ? "null" : canonicalJson(items[index])
  }
  return text + "]"
}

/** A member and how it is written, in canonical order. */
interface Member {
  readonly key: string
  readonly label: string
}

/** One step on the way from no key to all keys of an object, in the order in which it has them. */
interface Shape {
  readonly next: Map<string, Shape>
  readonly keys: ReadonlyArray<string>
  members: ReadonlyArray<Member> | undefined
}

/** Shapes remembered: those of our own schemas are a few hundred. Beyond it keys are sorted each time. */
const SHAPES_MAX = 10_000

const root: Shape = { next: new Map(), keys: [], members: undefined }
let shapes = 0

/** Objects of one shape have their keys sorted once: sorting was a tenth of the work. */
const membersOf = (record: object): ReadonlyArray<Member> => {
  let shape = root
  for (const key in record) {
    let next = shape.next.get(key)
    if (next === undefined) {
      if (shapes >= SHAPES_MAX) return sorted(Object.keys(record))
      shapes++
      next = { next: new Map(), keys: [...shape.keys, key], members: undefined }
      shape.next.set(key, next)
    }
    shape = next
  }
  return shape.members ??= sorted(shape.keys)
}

const sorted = (keys: ReadonlyArray<string>): ReadonlyArray<Member> =>
  [...keys].sort().map((key) => ({ key, label: `${JSON.stringify(key)}:` }))

const objectJson = (object: object): string => {
  const record = object as Readonly<Record<string, unknown>>
  let text = "{"
  for (const { key, label } of membersOf(record)) {
    const member = record[key]
    if (member === undefined) continue
    text += text.length > 1 ? `,${label}${canonicalJson(member)}` : label + canonicalJson(member)
  }
  return text + "}"
}
