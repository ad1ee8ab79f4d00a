import { Schema } from "effect"

const SHAPE = /^\d{4}-\d{2}-\d{2}$/

const startOf = (day: string): number => Date.parse(`${day}T00:00:00Z`)

/** Whether a calendar has it: the engine alone makes 2 March of 30 February. */
export const isDay = (text: string): boolean => {
  if (!SHAPE.test(text)) return false
  const at = startOf(text)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** A day of the calendar, 2026-08-31. Compared as text, it is in its order. */
export const Day = Schema.String.check(
  Schema.makeFilter(
    (text: string) => isDay(text) || "must be a day of the calendar such as 2026-08-31",
    { toJsonSchema: () => ({ format: "date" }) }
  )
)
export type Day = typeof Day.Type

/** Brasília's time, where the banks are: three hours behind UTC, and without a summer time since 2019. */
const BRAZIL_BEHIND_MILLIS = 3 * 3_600_000

/** The day it is in São Paulo. */
export const dayInBrazil = (millis: number): Day =>
  new Date(millis - BRAZIL_BEHIND_MILLIS).toISOString().slice(0, 10)

/** The last millisecond of a day in São Paulo; undefined where no calendar has such a day. */
export const endInBrazil = (day: string): number | undefined =>
  isDay(day) ? startOf(day) + BRAZIL_BEHIND_MILLIS + 86_399_999 : undefined

/** Days are written so that they stand in their order as texts, too. */
export const isBefore = (one: Day, other: Day): boolean => one < other
