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

/**
 * A gateway's token for a card or a bank account. It may have to stand in a header, which takes no other
 * characters.
 */
export const Token = Text(255).check(
  Schema.isPattern(/^[\x21-\x7e]*$/u, { message: "must be printable ASCII without spaces" })
)
export const Reference = Text(255)

const METADATA_KEYS_MAX = 50

export const isMetadataKey = (key: string): boolean =>
  /^[A-Za-z0-9_.-]{1,40}$/.test(key) && key !== "__proto__"

export const Metadata = Schema.Record(
  Schema.String.check(
    Schema.makeFilter((key: string) =>
      isMetadataKey(key) ||
      "keys must match [A-Za-z0-9_.-]{1,40}"
    )
  ),
  Text(500)
).check(
  Schema.makeFilter((metadata: Readonly<Record<string, string>>) =>
    Object.keys(metadata).length <= METADATA_KEYS_MAX || `has at most ${METADATA_KEYS_MAX} keys`
  )
)
