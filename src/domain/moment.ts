import { Schema } from "effect"
import { isDay } from "./day.ts"

const RFC3339 =
  /^(\d{4}-\d{2}-\d{2})T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/i

const MINUTE_MILLIS = 60_000
/** RFC 3339 writes no year after 9999. */
export const LAST_MILLIS = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/**
 * Milliseconds since 1970 of a moment by RFC 3339; undefined where no calendar or clock shows it (30
 * February, 24:00:00), where its zone is left out (it could be any of 26 hours), before 1970, and where UTC
 * is past 9999 already. What is finer than a millisecond is cut off.
 */
export const millisOf = (text: string): number | undefined => {
  const match = RFC3339.exec(text)
  if (match === null || !isDay(match[1]!)) return undefined
  const [, day, hour, minute, second, fraction = "", sign, zoneHour, zoneMinute] = match
  const ahead = sign === undefined ? 0 : Number(`${sign}1`) *
    (Number(zoneHour) * 60 + Number(zoneMinute))
  const shown = `${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`
  const at = Date.parse(shown) - ahead * MINUTE_MILLIS
  return at >= 0 && at <= LAST_MILLIS ? at : undefined
}

/** A moment with its zone, since 1970. */
export const Moment = Schema.String.check(
  Schema.makeFilter(
    (text: string) => millisOf(text) !== undefined || "must be a time such as 2026-07-01T00:00:00Z",
    { toJsonSchema: () => ({ format: "date-time" }) }
  )
)

export const shownMoment = (millis: number | string): string =>
  new Date(Number(millis)).toISOString()
