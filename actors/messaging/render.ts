import { formatMinorUnits } from "../../src/domain/currency.ts"
import { type Locale, type Template, type TemplateName, templates } from "./rules.ts"

const SYMBOLS: Readonly<Record<string, string>> = { BRL: "R$", USD: "US$", EUR: "€" }

/** "R$ 1.234,56" in Portuguese, "R$ 1,234.56" in English. By hand: `Intl` rounds some currencies. */
export const formatMoney = (minorUnits: bigint, currency: string, locale: Locale): string => {
  const [whole = "", fraction] = formatMinorUnits(minorUnits, currency).split(".")
  const [thousands, decimals] = locale === "pt-BR" ? [".", ","] : [",", "."]
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, thousands)
  const number = fraction === undefined ? grouped : `${grouped}${decimals}${fraction}`
  return `${SYMBOLS[currency] ?? currency} ${number}`
}

export const localeOf = (wanted: string | undefined, fallback: Locale): Locale =>
  wanted === "en" || wanted === "pt-BR" ? wanted : fallback

/** A value never spans lines: a reference must not forge a second header or paragraph. */
const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

export const render = (
  name: TemplateName,
  locale: Locale,
  values: Readonly<Record<string, string>>
): Template => {
  const { subject, text } = templates[name][locale]
  const fill = (pattern: string) =>
    pattern.replace(/\{([a-z]+)\}/g, (_, key: string) => {
      const value = values[key]
      if (value === undefined) throw new Error(`template ${name} knows no ${key}`)
      return oneLine(value)
    })
  return { subject: fill(subject), text: fill(text) }
}
