/** Words, numbers and times as they are told in the reader's language. */

import { WORDS } from "./words.js"

/** Digits behind the point, where they are not two. */
const EXPONENTS = JSON.parse(
  document.querySelector("meta[name=currency-exponents]")?.getAttribute("content") ?? "{}"
)

const remembered = () => {
  try {
    return localStorage.getItem("lastro.language")
  } catch {
    return null
  }
}
export let language = remembered() || (/^pt\b/i.test(navigator.language) ? "pt-BR" : "en")

/** Private windows may refuse to remember: the choice then lasts as long as the page. */
export const switchLanguage = () => {
  language = language === "pt-BR" ? "en" : "pt-BR"
  try {
    localStorage.setItem("lastro.language", language)
  } catch { /* See above. */ }
}

export const t = (key, values = {}) => {
  const pair = WORDS[key]
  if (!pair) return key
  return pair[language === "pt-BR" ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => String(values[name]))
}
/** A word the server chose: translated where it is known, else as it came. */
export const named = (prefix, value) => {
  const text = String(value ?? "–")
  return Object.hasOwn(WORDS, prefix + text) ? t(prefix + text) : text.replace(/_/g, " ")
}
export const plural = (key, count) => count === 1 ? t(key + "_one") : t(key, { n: number(count) })
export const number = (value, digits = 0) =>
  typeof value === "number" && Number.isFinite(value)
    ? new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value)
    : "–"
export const rate = (value) => number(value, value < 100 ? 1 : 0)
export const millis = (value) =>
  typeof value !== "number"
    ? "–"
    : value < 1000
    ? number(value, value < 10 ? 1 : 0) + " ms"
    : number(value / 1000, 2) + " s"
/** Minor units, a number or beyond 2^53 a string, never through a float. */
export const decimal = (value, currency) => {
  let units
  try {
    units = BigInt(value)
  } catch {
    return String(value ?? "–")
  }
  const digits = EXPONENTS[currency] ?? 2
  const text = String(units < 0n ? -units : units).padStart(digits + 1, "0")
  const whole = new Intl.NumberFormat(language).format(BigInt(text.slice(0, text.length - digits)))
  const point = language === "pt-BR" ? "," : "."
  return (units < 0n ? "−" : "") + whole + (digits ? point + text.slice(-digits) : "")
}
export const money = (value, currency) => decimal(value, currency) + " " + (currency ?? "")
export const span = (seconds) => {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "–"
  const s = Math.max(0, seconds)
  if (s < 10) return number(s, 1) + " s"
  if (s < 120) return number(Math.round(s)) + " s"
  if (s < 7200) return number(Math.floor(s / 60)) + " min"
  return s < 172800 ? number(Math.floor(s / 3600)) + " h" : number(Math.floor(s / 86400)) + " d"
}
export const clock = (iso, fraction) => {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return String(iso ?? "–")
  return new Intl.DateTimeFormat(language, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    ...(fraction && { fractionalSecondDigits: 3 }),
    ...(date.toDateString() !== new Date().toDateString() && { day: "2-digit", month: "short" })
  }).format(date)
}
export const short = (id) => {
  const text = String(id ?? "–")
  return text.length > 22 ? text.slice(0, 12) + "…" + text.slice(-6) : text
}
