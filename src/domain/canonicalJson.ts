/**
 * One text for one value: keys sorted at every depth, bigints as decimal strings, undefined members
 * dropped, no white space. Digests, fingerprints, stored states and messages all use it, so it is
 * made once per decision.
 */
export const canonicalJson = (value: unknown): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
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

const arrayJson = (items: ReadonlyArray<unknown>): string => {
  let text = "["
  for (let index = 0; index < items.length; index++) {
    if (index > 0) text += ","
    text += items[index] === undefined ? "null" : canonicalJson(items[index])
  }
  return text + "]"
}

const objectJson = (object: object): string => {
  const record = object as Readonly<Record<string, unknown>>
  let text = "{"
  for (const key of Object.keys(record).sort()) {
    const member = record[key]
    if (member === undefined) continue
    if (text.length > 1) text += ","
    text += JSON.stringify(key) + ":" + canonicalJson(member)
  }
  return text + "}"
}
