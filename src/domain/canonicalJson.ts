/**
 * One text for one value: keys sorted at every depth, bigints as decimal strings, undefined members
 * dropped, no white space. Digests, fingerprints, stored states and messages all use it, so it is
 * made once per decision.
 *
 * A copy with its members in canonical order, written by the engine, leaves a third of the garbage of
 * a text grown piece by piece. An engine puts some keys first whatever their order ("9" before "a"
 * and "10"), so a value that has such a key anywhere is written piece by piece.
 */
export const canonicalJson = (value: unknown): string => {
  orderKept = true
  const copy = ordered(value)
  return orderKept ? JSON.stringify(copy) : pieces(copy)
}

/** What reading a value's canonical JSON would give, without the text. */
export const readBack = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return scalar(value)
  return Array.isArray(value)
    ? value.map((item: unknown) => item === undefined ? null : readBack(item))
    : readObject(value)
}

const readObject = (object: object): unknown => {
  const copy: Record<string, unknown> = {}
  for (const key in object) {
    const member = (object as Readonly<Record<string, unknown>>)[key]
    if (member === undefined) continue
    // Node would take an assignment of this name for the object's prototype.
    if (key !== "__proto__") copy[key] = readBack(member)
    else {
      const value = readBack(member)
      Object.defineProperty(copy, key, {
        value,
        enumerable: true,
        writable: true,
        configurable: true
      })
    }
  }
  return copy
}

/** What JSON makes of a value that is neither an object nor an array. */
const scalar = (value: unknown): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "bigint":
      return value.toString()
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
      // JSON knows one zero.
      return value === 0 ? 0 : value
    default:
      if (value === null) return null
      throw new TypeError(`a ${typeof value} has no JSON form`)
  }
}

/** Whether the engine keeps the order of every object of the copy being made. */
let orderKept = true

/** Members in canonical order, where objects cannot hold them so. */
class Members {
  readonly entries: ReadonlyArray<readonly [Member, unknown]>

  constructor(entries: ReadonlyArray<readonly [Member, unknown]>) {
    this.entries = entries
  }
}

const ordered = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return scalar(value)
  return Array.isArray(value) ? value.map(orderedItem) : orderedObject(value)
}

const orderedItem = (item: unknown): unknown => item === undefined ? null : ordered(item)

const orderedObject = (object: object): unknown => {
  const record = object as Readonly<Record<string, unknown>>
  const { members, keepsOrder } = layoutOf(record)
  if (!keepsOrder) {
    orderKept = false
    return new Members(
      members.filter(({ key }) => record[key] !== undefined)
        .map((member) => [member, ordered(record[member.key])])
    )
  }
  const copy: Record<string, unknown> = {}
  for (const { key } of members) {
    const member = record[key]
    if (member !== undefined) copy[key] = ordered(member)
  }
  return copy
}

const pieces = (copy: unknown): string => {
  if (Array.isArray(copy)) return `[${copy.map(pieces).join(",")}]`
  if (copy instanceof Members) {
    return `{${copy.entries.map(([{ label }, value]) => label + pieces(value)).join(",")}}`
  }
  if (typeof copy !== "object" || copy === null) return JSON.stringify(copy)
  const written = Object.entries(copy).map(([key, value]) =>
    `${JSON.stringify(key)}:${pieces(value)}`
  )
  return `{${written.join(",")}}`
}

/** A member and how its name is written. */
interface Member {
  readonly key: string
  readonly label: string
}

/** The members of an object in canonical order. */
interface Layout {
  readonly members: ReadonlyArray<Member>
  readonly keepsOrder: boolean
}

/** One step on the way from no key to all keys of an object, in the order in which it has them. */
interface Shape {
  readonly next: Map<string, Shape>
  readonly keys: ReadonlyArray<string>
  layout: Layout | undefined
}

/** Shapes remembered: those of our own schemas are a few hundred. Beyond it keys are sorted each time. */
const SHAPES_MAX = 10_000

const root: Shape = { next: new Map(), keys: [], layout: undefined }
let shapes = 0

/** Objects of one shape have their keys sorted once: sorting was a tenth of the work. */
const layoutOf = (record: object): Layout => {
  let shape = root
  for (const key in record) {
    let next = shape.next.get(key)
    if (next === undefined) {
      if (shapes >= SHAPES_MAX) return sorted(Object.keys(record))
      shapes++
      next = { next: new Map(), keys: [...shape.keys, key], layout: undefined }
      shape.next.set(key, next)
    }
    shape = next
  }
  return shape.layout ??= sorted(shape.keys)
}

/** Such a key comes first in every object, or sets something else. */
const OUT_OF_ORDER = /^(\d+|__proto__|toJSON)$/

const sorted = (keys: ReadonlyArray<string>): Layout => ({
  members: [...keys].sort().map((key) => ({ key, label: `${JSON.stringify(key)}:` })),
  keepsOrder: !keys.some((key) => OUT_OF_ORDER.test(key))
})
