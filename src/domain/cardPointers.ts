import { holdsCardNumber } from "./cardNumber.ts"

export const CARD_REFUSED = "looks like a card number: send a token instead"

/** Members that are looked at in another way. */
const LOOKED_AT_OTHERWISE: ReadonlySet<string> = new Set([
  // Its schema takes nothing but a CPF or a CNPJ with right check digits.
  "/payment_method/payer/tax_id",
  // A settlement file: columns of a gateway's own numbers.
  "/body"
])

/**
 * JSON Pointers of the members whose name or value holds a card number, at any depth. Commands are
 * looked at as a whole, whatever their schema: what they hold is stored and shown.
 */
export const cardPointersIn = (
  json: unknown,
  pointer = "",
  found: Array<string> = []
): ReadonlyArray<string> => {
  if (typeof json === "string") {
    if (!LOOKED_AT_OTHERWISE.has(pointer) && holdsCardNumber(json)) found.push(pointer)
  } else if (Array.isArray(json)) {
    json.forEach((item, index) => cardPointersIn(item, `${pointer}/${index}`, found))
  } else if (typeof json === "object" && json !== null) {
    for (const [name, value] of Object.entries(json)) {
      const member = `${pointer}/${escaped(name)}`
      if (holdsCardNumber(name)) found.push(member)
      else cardPointersIn(value, member, found)
    }
  }
  return found
}

/** RFC 6901. */
export const escaped = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1")
