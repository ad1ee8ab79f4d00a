import { derivedId } from "../../../src/domain/identifiers.ts"

/** A prefix of three, its underscore and 26 characters. */
const KEY_CHARACTERS = 30

/**
 * `fxq_…_usdbrl`: the currencies stand in the identifier, so that a message that names it names the
 * wallets, too. They are no part of the key: one command is one thing, whatever it asks for.
 */
export const pairedId = (
  prefix: string,
  merchant: string,
  commandId: string,
  pair: readonly [from: string, to: string]
): string => `${derivedId(prefix, merchant, commandId)}_${pair.join("").toLowerCase()}`

export const keyOf = (id: string): string => id.slice(0, KEY_CHARACTERS)

/** `fxq_…_usdbrl` → USD, BRL. */
export const pairOf = (id: string): readonly [from: string, to: string] => {
  const pair = id.slice(KEY_CHARACTERS + 1).toUpperCase()
  return [pair.slice(0, 3), pair.slice(3)]
}
