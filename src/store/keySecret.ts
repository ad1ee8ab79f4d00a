import { createHash, randomInt } from "node:crypto"
import { crc32 } from "node:zlib"

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
/** 190 random bits: there is nothing to guess, so a plain hash keeps them. */
const RANDOM_CHARACTERS = 32
/** What a CRC-32 takes in base 62. */
const CHECK_CHARACTERS = 6

const SECRET = new RegExp(
  `^(sk_(?:live|test)_[0-9A-Za-z]{${RANDOM_CHARACTERS}})([0-9A-Za-z]{${CHECK_CHARACTERS}})$`
)
/** As keys were made before they had a checksum. */
const FORMER_SECRET = /^sk_[A-Za-z0-9_-]{32}$/

const checkOf = (text: string): string => {
  let rest = crc32(text)
  let check = ""
  while (check.length < CHECK_CHARACTERS) {
    check = ALPHABET[rest % ALPHABET.length] + check
    rest = Math.floor(rest / ALPHABET.length)
  }
  return check
}

/**
 * `sk_live_…` or `sk_test_…`: 32 random characters and the CRC-32 of what stands before it, so that a slip of
 * the pen is told from a key without asking anybody, and scanners for secrets know one where they see it.
 */
export const newSecret = (kind: "live" | "test"): string => {
  const random = Array.from({ length: RANDOM_CHARACTERS }, () => ALPHABET[randomInt(62)]).join("")
  const text = `sk_${kind}_${random}`
  return text + checkOf(text)
}

/** Whether it can be a key's at all. What cannot is refused without a query. */
export const canBeSecret = (text: string): boolean => {
  const match = SECRET.exec(text)
  return match === null ? FORMER_SECRET.test(text) : checkOf(match[1]!) === match[2]
}

export const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest()
