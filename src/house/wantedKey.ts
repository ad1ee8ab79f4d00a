import * as fs from "node:fs"
import { Schema } from "effect"
import { canBeRange } from "../edge/guards/ranges.ts"
import { holdsCardNumber } from "../domain/cardNumber.ts"
import { MerchantId } from "../domain/identifiers.ts"
import { nearestOf } from "../domain/nearest.ts"
import { isRole, type Role, roles } from "../domain/role.ts"
import { allScopes, isScope, merchantScopes, operatorScopes, type Scope } from "../domain/scope.ts"
import type { NewClient } from "../store/oauthClients.ts"
import type { NewKey } from "../store/apiKeys.ts"
import { UsageError } from "./usage.ts"

/** The words of a command that asks for a key. */
interface KeyWords {
  readonly merchant?: string | undefined
  readonly operator: boolean
  readonly client: boolean
  readonly name?: string | undefined
  readonly test: boolean
  readonly scopes?: string | undefined
  readonly role?: string | undefined
  readonly expires?: string | undefined
  readonly rate?: string | undefined
  readonly from?: string | undefined
}

const isMerchant = Schema.is(MerchantId)

/** Whose it shall be: a name, and a merchant or nobody's. */
const assertNamed = ({ merchant, name }: KeyWords): void => {
  if (merchant !== undefined && !isMerchant(merchant)) {
    throw new UsageError(
      `${merchant} cannot be a merchant's identifier: that is 1 to 32 of a-z, 0-9, _ and -.`
    )
  }
  if (holdsCardNumber(`${merchant} ${name}`)) {
    throw new UsageError("a name that is shown must not look like a card number.")
  }
}

/** The key that these words ask for. */
export const wantedKey = (words: KeyWords, now: Date): NewKey => {
  const { expires, from, merchant, name, operator, rate, test } = words
  if (name === undefined || name === "" || (merchant !== undefined) === operator) {
    throw new UsageError("say whose key it is: --name NAME and --merchant ID or --operator.")
  }
  assertNamed(words)
  if (test && operator) throw new UsageError("a test key belongs to a merchant.")
  if (rate !== undefined && !/^[1-9]\d{0,5}$/.test(rate)) {
    throw new UsageError(`--rate ${rate} is not a number of requests a second.`)
  }
  const role = roleOf(words)
  return {
    name,
    merchant: merchant ?? "",
    test,
    role,
    scopes: scopesOf(words) ??
      (role !== undefined ? [] : operator ? operatorScopes : merchantScopes),
    addresses: rangesOf(from),
    requestsPerSecond: rate === undefined ? undefined : Number(rate),
    expiresAt: expires === undefined
      ? undefined
      : new Date(now.getTime() + secondsOf("--expires", expires) * 1_000)
  }
}

/**
 * The OAuth client that these words ask for. One with addresses to send people back to is a partner's, and
 * nobody's until a merchant consents.
 */
export const wantedClient = (
  words: KeyWords & { readonly redirect?: string | undefined; readonly jwks?: string | undefined }
): NewClient => {
  const { jwks, merchant = "", name, operator, redirect } = words
  const redirects = listed(redirect ?? "")
  if (name === undefined || name === "" || operator || (merchant !== "" && redirects.length > 0)) {
    throw new UsageError(
      "a client has --name NAME, and --merchant ID, --redirect URI,… or neither."
    )
  }
  assertNamed(words)
  const wrong = redirects.find((uri) => URL.parse(uri) === null || uri.includes("#"))
  if (wrong !== undefined) throw new UsageError(`${wrong} is no address to send people back to.`)
  const usual = merchant === "" && redirects.length === 0 ? operatorScopes : merchantScopes
  return {
    name,
    merchant,
    scopes: scopesOf(words) ?? usual,
    redirect_uris: redirects,
    jwks: jwks === undefined ? null : jwksOf(jwks)
  }
}

const jwksOf = (file: string): NewClient["jwks"] => {
  try {
    const { keys } = JSON.parse(fs.readFileSync(file, "utf8"))
    if (Array.isArray(keys) && keys.length > 0 && keys.every((key) => !("d" in key))) {
      return { keys }
    }
  } catch {
    // Told below, in the same words.
  }
  throw new UsageError(`${file} is no JWK set of public keys.`)
}

const listed = (text: string): ReadonlyArray<string> =>
  text.split(",").map((word) => word.trim()).filter((word) => word !== "")

const scopesOf = ({ scopes }: KeyWords): ReadonlyArray<Scope> | undefined =>
  scopes === undefined ? undefined : listed(scopes).map((word) => {
    if (isScope(word)) return word
    const meant = nearestOf(word, allScopes)
    throw new UsageError(
      `there is no scope ${word}${
        meant === undefined ? `: there are ${allScopes.join(", ")}.` : `: did you mean ${meant}?`
      }`
    )
  })

const roleOf = ({ operator, role }: KeyWords): Role | undefined => {
  if (role === undefined) return undefined
  const side = operator ? "platform" : "merchant"
  if (isRole(role) && roles[role].side === side) return role
  const there = Object.entries(roles).filter(([, one]) => one.side === side).map(([name]) => name)
  throw new UsageError(`--role is one of ${there.join(", ")} here, not ${role}.`)
}

const rangesOf = (from: string | undefined): ReadonlyArray<string> => {
  const ranges = listed(from ?? "")
  const wrong = ranges.find((range) => !canBeRange(range))
  if (wrong !== undefined) {
    throw new UsageError(`${wrong} is no range of addresses, such as 192.0.2.0/24.`)
  }
  return ranges
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }
const DAYS_MAX = 3_650

/** `90d` in seconds. */
export const secondsOf = (option: string, text: string): number => {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? []
  const seconds = Number(count) * (SECONDS[unit ?? ""] ?? NaN)
  if (seconds >= 0 && seconds <= DAYS_MAX * SECONDS["d"]!) return seconds
  throw new UsageError(`${option} ${text} is not a time such as 90d, 12h, 30m or 10s.`)
}
