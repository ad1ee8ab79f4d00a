import { Schema } from "effect"

/** Weights of the second check digit, from the left; the first has all but the foremost. */
const CPF_WEIGHTS = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
const CNPJ_WEIGHTS = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]

const CPF = /^\d{11}$/
/** Letters are of root and order only, and only capitals (Instrução Normativa RFB 2.229/2024, since July 2026). */
const CNPJ = /^[0-9A-Z]{12}\d{2}$/
/** Such as 000.000.000-00: its check digits are right, and it is given to nobody. */
const ONE_CHARACTER = /^(.)\1*$/

const ZERO = 48

/** Receita Federal's module 11: a character counts as its ASCII code less 48, so that "A" is 17. */
const checkDigit = (text: string, weights: ReadonlyArray<number>): number => {
  const sum = weights.reduce((sum, weight, at) => sum + weight * (text.charCodeAt(at) - ZERO), 0)
  const rest = sum % 11
  return rest < 2 ? 0 : 11 - rest
}

const isChecked = (text: string, weights: ReadonlyArray<number>): boolean => {
  if (ONE_CHARACTER.test(text)) return false
  const first = checkDigit(text, weights.slice(1))
  const second = checkDigit(text, weights)
  return text.endsWith(`${first}${second}`)
}

/** Of a person. */
export const isCpf = (text: string): boolean => CPF.test(text) && isChecked(text, CPF_WEIGHTS)

/** Of a company, with digits alone or with letters. */
export const isCnpj = (text: string): boolean => CNPJ.test(text) && isChecked(text, CNPJ_WEIGHTS)

/** A Brazilian taxpayer, person or company, without punctuation. Its check digits are right. */
export const TaxId = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      isCpf(text) || isCnpj(text) ||
      "must be a CPF (11 digits) or a CNPJ (14 characters), without punctuation and with right check digits",
    { toJsonSchema: () => ({ pattern: "^(\\d{11}|[0-9A-Z]{12}\\d{2})$" }) }
  )
)
export type TaxId = typeof TaxId.Type
