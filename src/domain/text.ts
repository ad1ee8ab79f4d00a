import { Schema } from "effect"

/** PostgreSQL stores no NUL, terminals and logs obey control characters: free text holds neither. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/

/** PostgreSQL stores neither a NUL nor half a character. */
export const isStorable = (text: string): boolean => !text.includes("\0") && text.isWellFormed()

/** The same text with marks where something cannot be stored: for what must never fail its own commit. */
export const storable = (text: string): string => text.replaceAll("\0", "\ufffd").toWellFormed()

export const Text = (charactersMax: number) =>
  Schema.String.check(
    Schema.isMinLength(1),
    Schema.isMaxLength(charactersMax),
    Schema.makeFilter((text: string) => !CONTROL.test(text) || "must not hold control characters"),
    // A lone surrogate cannot be stored as UTF-8.
    Schema.makeFilter((text: string) => text.isWellFormed() || "must be well-formed Unicode")
  )

const CARD_DIGITS_MIN = 13
const CARD_DIGITS_MAX = 19

/**
 * True where 13 to 19 digits that pass the Luhn check stand together, in one group or in neighbouring
 * groups with a space or dash between them: "order 12 4111 1111 1111 1111" holds one, too.
 */
export const looksLikeCardNumber = (text: string): boolean => {
  for (const [run] of text.matchAll(/\d(?:[ -]?\d){12,}/g)) {
    const groups = run.split(/[ -]/)
    for (let first = 0; first < groups.length; first++) {
      let digits = ""
      for (let last = first; last < groups.length && digits.length < CARD_DIGITS_MAX; last++) {
        digits += groups[last]!
        if (
          digits.length >= CARD_DIGITS_MIN && digits.length <= CARD_DIGITS_MAX && passesLuhn(digits)
        ) return true
      }
    }
  }
  return false
}

const passesLuhn = (digits: string): boolean => {
  let sum = 0
  for (let index = 0; index < digits.length; index++) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48
    const doubled = index % 2 === 1 ? digit * 2 : digit
    sum += doubled > 9 ? doubled - 9 : doubled
  }
  return sum % 10 === 0
}

const notACard = Schema.makeFilter((text: string) =>
  !looksLikeCardNumber(text) || "looks like a card number: send a token instead"
)

/**
 * A gateway's token for a card or a bank account. The card's own number must never reach us. It may have to
 * stand in a header, which takes no other characters.
 */
export const Token = Text(255).check(
  Schema.isPattern(/^[\x21-\x7e]*$/u, { message: "must be printable ASCII without spaces" }),
  notACard
)
export const Reference = Text(255).check(notACard)
/** Text that people write: they paste card numbers, too. */
export const FreeText = (charactersMax: number) => Text(charactersMax).check(notACard)

const METADATA_KEYS_MAX = 50

export const Metadata = Schema.Record(
  Schema.String.check(
    Schema.makeFilter((key: string) =>
      (/^[A-Za-z0-9_.-]{1,40}$/.test(key) && key !== "__proto__") ||
      "keys must match [A-Za-z0-9_.-]{1,40}"
    ),
    notACard
  ),
  Text(500).check(notACard)
).check(
  Schema.makeFilter((metadata: Readonly<Record<string, string>>) =>
    Object.keys(metadata).length <= METADATA_KEYS_MAX || `has at most ${METADATA_KEYS_MAX} keys`
  )
)
