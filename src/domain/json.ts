import { Result } from "effect"
import { escaped } from "./cardPointers.ts"

/** Deeper JSON is an attack on whatever recurses over it. */
const JSON_DEPTH_MAX = 32
/** So many digits any decimal number keeps in a double. */
const DIGITS_EXACT = 15

/** Why a text is not taken. */
export interface JsonFault {
  readonly reason: "unreadable" | "too_deep" | "repeated" | "inexact"
  /** JSON Pointer to what is wrong in a text that is JSON. */
  readonly pointer: string
  /** Without anything of the text: it may be a card number. */
  readonly detail: string
}

/**
 * JSON in which what is written and what is understood are the same: no member stands twice in an object
 * (the last would win silently) and every number is kept to its last digit (9007199254740991.4 would be
 * an integer). RFC 8259 leaves both to the reader, and two readers that differ are how money gets lost.
 *
 * A reviver of `JSON.parse` sees how numbers are written, but no repeated names, and takes four times as
 * long. Nearly every text is told to be right by one pass that counts: names written and names read are as many, and no
 * number is long. Only the others are read again, for what is wrong and where.
 */
export const readJson = (text: string): Result.Result<unknown, JsonFault> => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    // The engine quotes the text around the error.
    const at = /position \d+/.exec((error as Error).message)?.[0] ?? "unreadable"
    return Result.fail({ reason: "unreadable", pointer: "", detail: `not JSON: ${at}` })
  }
  const { depth, hasLongNumber, names } = countIn(text)
  if (depth > JSON_DEPTH_MAX) {
    return Result.fail({
      reason: "too_deep",
      pointer: "",
      detail: `nested deeper than ${JSON_DEPTH_MAX}`
    })
  }
  const fault = hasLongNumber || names !== namesIn(value) ? faultIn(text) : undefined
  return fault === undefined ? Result.succeed(value) : Result.fail(fault)
}

/** Counted before anything recurses, in a text that is known to be JSON. */
const countIn = (text: string) => {
  let depth = 0
  let deepest = 0
  let names = 0
  let hasLongNumber = false
  let started = -1
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) index = endOfString(text, index)
    else if (code === COLON) names++
    else if (code === BRACE || code === BRACKET) deepest = Math.max(deepest, ++depth)
    else if (code === BRACE_END || code === BRACKET_END) depth--
    else if (isOfNumber(code)) {
      // Literals have an "e", too, but no sign or digit before it.
      if (started === -1 && !isLetter(code)) started = index
      if (started !== -1 && (isLetter(code) || index - started >= DIGITS_EXACT)) {
        hasLongNumber = true
      }
      continue
    }
    started = -1
  }
  return { depth: deepest, hasLongNumber, names }
}

const isLetter = (code: number): boolean => code === 0x65 || code === 0x45

/** `+-.0-9Ee` */
const isOfNumber = (code: number): boolean =>
  (code >= ZERO && code <= NINE) || code === MINUS || code === 0x2e || code === 0x2b ||
  isLetter(code)

const namesIn = (value: unknown): number => {
  if (typeof value !== "object" || value === null) return 0
  let names = 0
  if (Array.isArray(value)) { for (const item of value) names += namesIn(item) }
  else for (const name in value) names += 1 + namesIn((value as Record<string, unknown>)[name])
  return names
}

/** An object or array that is open, and where in it the scan is. */
interface Open {
  /** Undefined in an array. */
  readonly names: Set<string> | undefined
  place: string | number
}

/** Says where the fault is: the first number that is not kept, or name that stands twice. */
const faultIn = (text: string): JsonFault | undefined => {
  const open: Array<Open> = []
  let named = false
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    const inside = open[open.length - 1]
    if (code === QUOTE) {
      const end = endOfString(text, index)
      if (inside?.names !== undefined && !named) {
        const name = nameIn(text, index, end)
        inside.place = name
        if (inside.names.has(name)) return fault("repeated", open, "stands twice")
        inside.names.add(name)
        named = true
      }
      index = end
    } else if (code === COMMA) {
      if (typeof inside!.place === "number") inside!.place++
      else named = false
    } else if (code === BRACE || code === BRACKET) {
      open.push(code === BRACE ? { names: new Set(), place: "" } : { names: undefined, place: 0 })
      named = false
    } else if (code === BRACE_END || code === BRACKET_END) {
      open.pop()
      named = true
    } else if (code === MINUS || (code >= ZERO && code <= NINE)) {
      const end = endOfNumber(text, index)
      if (!isExact(text.slice(index, end))) {
        return fault("inexact", open, "is a number with more digits than can be kept")
      }
      index = end - 1
    }
  }
  return undefined
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30
const NINE = 0x39
const BRACE = 0x7b
const BRACE_END = 0x7d
const BRACKET = 0x5b
const BRACKET_END = 0x5d

const fault = (
  reason: JsonFault["reason"],
  open: ReadonlyArray<Open>,
  detail: string
): JsonFault => ({
  reason,
  pointer: open.map(({ place }) => `/${escaped(String(place))}`).join(""),
  detail
})

const endOfString = (text: string, start: number): number => {
  let end = text.indexOf('"', start + 1)
  // Nearly no string holds a backslash at its end.
  if (text.charCodeAt(end - 1) !== BACKSLASH) return end
  end = start + 1
  while (text.charCodeAt(end) !== QUOTE) end += text.charCodeAt(end) === BACKSLASH ? 2 : 1
  return end
}

/** The same name may be written in several ways: "a" and "\u0061". */
const nameIn = (text: string, start: number, end: number): string => {
  const written = text.slice(start + 1, end)
  return written.includes("\\") ? JSON.parse(text.slice(start, end + 1)) : written
}

const endOfNumber = (text: string, start: number): number => {
  let end = start + 1
  while (isOfNumber(text.charCodeAt(end))) end++
  return end
}

/** Whether the number that is read is the one that is written, however it is written: 1.0 and 1e0 are 1. */
const isExact = (written: string): boolean => {
  const read = Number(written)
  return Number.isFinite(read) && decimal(written) === decimal(String(read))
}

/** Sign, digits without zeros around them, and exponent: one text for one value. */
const decimal = (written: string): string => {
  const [, sign, whole, fraction = "", exponent = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i
    .exec(written)!
  const digits = (whole! + fraction).replace(/^0+/, "")
  const significant = digits.replace(/0+$/, "")
  if (significant === "") return "0"
  const scale = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${sign}${significant}e${scale}`
}
