import { readBrCode } from "./brCode.ts"
import { isCardNumber } from "./cardIssuers.ts"
import { isCnpj } from "./taxId.ts"

const DIGITS_MIN = 13
const DIGITS_MAX = 19
/** Signs between two groups of one number. What stands further apart are two numbers. */
const SEPARATOR_CHARACTERS_MAX = 4
/** Equal groups that go on for longer than two cards side by side are something else: a fiscal key. */
const RUN_DIGITS_MAX = 2 * DIGITS_MAX

/** Digits that stand together, and what separates them from those before. */
interface Group {
  readonly digits: string
  readonly start: number
  readonly end: number
  readonly separator: string
}

interface Place {
  readonly start: number
  readonly end: number
}

/** True where a card's number stands in the text, alone or among other words and numbers. */
export const holdsCardNumber = (text: string): boolean => cardNumbersIn(text).length > 0

/** Longer than a year and an hour together: nothing that a log line would miss. */
const LONG_NUMBER = /\d(?:[ -]?\d){12,18}/g

/** The same text with a mark in the place of each card number, and of what only might be one. */
export const withoutLongNumbers = (text: string): string =>
  withoutCardNumbers(text).replace(LONG_NUMBER, MARK)

const MARK = "[number]"

const withoutCardNumbers = (text: string): string => {
  let clean = ""
  let end = 0
  for (const place of cardNumbersIn(text)) {
    clean += text.slice(end, place.start) + MARK
    end = place.end
  }
  return clean + text.slice(end)
}

/** Where card numbers stand, from left to right. They do not overlap. */
const cardNumbersIn = (text: string): ReadonlyArray<Place> => {
  if (!mayHoldOne(text)) return []
  return sequencesIn(withoutIdentifiers(text)).flatMap((groups) => {
    const found: Array<Place> = []
    const runs = runsOf(groups)
    for (let first = 0; first < groups.length; first++) {
      const last = endOfCard(groups, runs, first)
      if (last === undefined) continue
      found.push({ start: groups[first]!.start, end: groups[last]!.end })
      first = last
    }
    return found
  })
}

/** Nearly every text is shorter than a card or has too few digits: that is seen without a copy of it. */
const mayHoldOne = (text: string): boolean => {
  if (text.length < DIGITS_MIN) return false
  let digits = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    // Beyond ASCII there are other digits.
    if ((code >= 48 && code <= 57) || code > 127) digits++
  }
  return digits >= DIGITS_MIN
}

/** The last group of the card number that begins with this group. */
const endOfCard = (
  groups: ReadonlyArray<Group>,
  runs: ReadonlyArray<Run>,
  first: number
): number | undefined => {
  let digits = ""
  for (let last = first; last < groups.length; last++) {
    digits += groups[last]!.digits
    if (digits.length > DIGITS_MAX) return undefined
    if (digits.length < DIGITS_MIN) continue
    const grouped = last > first
    if (grouped && !isWrittenLikeCard(groups, runs[first]!, first, last)) continue
    if (isCardNumber(digits, grouped)) return last
  }
  return undefined
}

/** How cards are printed, and what is left where a gap was not typed. */
const LAYOUTS = new Set(["4-6-5", "4-6-4", "4-3-3-3", "6-10", "6-13", "4-12", "12-4", "4-8-4"])

/**
 * Neighbouring numbers are read as one only where their lengths are those of a card's groups: a date
 * beside an amount, the parts of a boleto never are. Groups of one to three digits make one only where
 * nothing of the kind goes before, or nothing after: the inside of a long list is no card.
 */
const isWrittenLikeCard = (
  groups: ReadonlyArray<Group>,
  run: Run,
  first: number,
  last: number
): boolean => {
  if (run.digits > RUN_DIGITS_MAX) return false
  const sizes = groups.slice(first, last + 1).map(({ digits }) => digits.length)
  if (LAYOUTS.has(sizes.join("-"))) return true
  const size = sizes[0]!
  const rest = sizes.at(-1)!
  if (!sizes.slice(0, -1).every((one) => one === size)) {
    return sizes.every((one) => one % 4 === 0) && sizes.reduce((sum, one) => sum + one, 0) === 16
  }
  if (size <= 3) return rest <= size && (run.first === first || last >= run.last)
  return size === 4 ? rest <= 5 : (size === 6 || size === 8) && rest <= size
}

/** Neighbours of one length with the same sign between them. */
interface Run {
  readonly first: number
  readonly last: number
  readonly digits: number
}

/** The run of each group. */
const runsOf = (groups: ReadonlyArray<Group>): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  for (let first = 0; first < groups.length; first = runs.length) {
    const { length } = groups[first]!.digits
    const separator = groups[first + 1]?.separator
    let last = first
    while (
      groups[last + 1]?.digits.length === length && groups[last + 1]!.separator === separator
    ) last++
    const run = { first, last, digits: length * (last - first + 1) }
    for (let index = first; index <= last; index++) runs.push(run)
  }
  return runs
}

const DIGIT = /\p{Nd}/u
const LETTER = /[\p{L}\p{N}]/u

const isDigit = (character: string): boolean =>
  character < "\x80" ? character >= "0" && character <= "9" : DIGIT.test(character)

const isLetter = (character: string): boolean =>
  character < "\x80" ? /[A-Za-z]/.test(character) : LETTER.test(character)

const characterAt = (text: string, index: number): string =>
  String.fromCodePoint(text.codePointAt(index)!)

/** Groups of digits in the order of the text. A letter between two, or too much of anything, ends a sequence. */
const sequencesIn = (text: string): ReadonlyArray<ReadonlyArray<Group>> => {
  const sequences: Array<Array<Group>> = []
  let current: Array<Group> | undefined
  let separator = ""
  for (let index = 0; index < text.length;) {
    const start = index
    let digits = ""
    let character = characterAt(text, index)
    for (; isDigit(character); character = index < text.length ? characterAt(text, index) : "") {
      digits += digitOf(character)
      index += character.length
    }
    if (digits === "") {
      separator += character
      index += character.length
      if (separator.length > SEPARATOR_CHARACTERS_MAX || isLetter(character)) current = undefined
      continue
    }
    if (current === undefined) sequences.push(current = [])
    current.push({ digits, start, end: index, separator })
    separator = ""
  }
  return sequences
}

/** Unicode keeps decimal digits in rows of ten, from zero on. */
const digitOf = (character: string): number => {
  const code = character.codePointAt(0)!
  if (code <= 57) return code - 48
  let before = 0
  while (isDigit(String.fromCodePoint(code - before - 1))) before++
  return before % 10
}

const IBAN = /(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{1,4}){3,8}(?![A-Za-z0-9])/g
/** UUIDs and digests: every so often random ones hold a card's digits, and a key refused by chance helps nobody. */
const HEXADECIMAL =
  /(?<![A-Za-z0-9])(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,})(?![A-Za-z0-9])/gi

/** A company's number; one of its first ten branches, so that no card in a hundred thousand passes for one. */
const CNPJ_OF_FIRST_BRANCHES = /(?<!\d)\d{8}000\d{3}(?!\d)/g

/** A Pix code as it is copied and pasted: one in twenty holds a card's digits, at its end. */
const BR_CODE = /000201[\x20-\x7e]{20,500}?6304[0-9A-F]{4}(?![A-Za-z0-9])/g

/** What shows by its form, or proves by check digits of its own, that it is something else. */
const withoutIdentifiers = (text: string): string => {
  const crossedOut = (written: string): string => "X".repeat(written.length)
  const unless = (isOther: (written: string) => boolean) => (written: string): string =>
    isOther(written) ? crossedOut(written) : written
  return text.replace(BR_CODE, unless((written) => readBrCode(written) !== undefined))
    .replace(HEXADECIMAL, crossedOut)
    .replace(IBAN, unless(isIban))
    .replace(CNPJ_OF_FIRST_BRANCHES, unless(isCnpj))
}

/** ISO 13616: letters count from 10, the first four signs go to the end, and the rest by 97 is 1. */
const isIban = (written: string): boolean => {
  const packed = written.replaceAll(" ", "")
  let rest = 0
  for (const sign of packed.slice(4) + packed.slice(0, 4)) {
    const value = parseInt(sign, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}
