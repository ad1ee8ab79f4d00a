import fc from "fast-check"
import { expect, test } from "vitest"
import { dayInBrazil, endInBrazil, isDay } from "../../src/domain/day.ts"
import { millisOf } from "../../src/domain/moment.ts"

test.each(["2026-02-28", "2024-02-29", "2000-02-29", "2026-12-31", "9999-12-31"])(
  "%s is a day",
  (text) => expect(isDay(text)).toBe(true)
)

test.each([
  ...["2026-02-30", "2026-02-29", "1900-02-29", "2026-04-31", "2026-13-01", "2026-00-10"],
  ...["2026-01-00", "2026-1-1", "26-01-01", "2026-01-01T00:00:00Z", " 2026-01-01", "2026-01-01\n"],
  ...["２０２６-01-01", "+2026-01-01", ""]
])("%j is no day", (text) => expect(isDay(text)).toBe(false))

test.each([
  ["2026-07-01T00:00:00Z", "2026-07-01T00:00:00.000Z"],
  ["2026-07-01t00:00:00z", "2026-07-01T00:00:00.000Z"],
  ["2026-07-01T00:00:00.1239Z", "2026-07-01T00:00:00.123Z"],
  ["2026-07-01T00:00:00.5+05:30", "2026-06-30T18:30:00.500Z"],
  ["2026-06-30T21:00:00-03:00", "2026-07-01T00:00:00.000Z"],
  ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"]
])("%s is the moment %s", (text, iso) => expect(millisOf(text)).toBe(Date.parse(iso)))

test.each([
  ...["2026-02-30T00:00:00Z", "2026-04-31T00:00:00Z", "2026-01-01T24:00:00Z"],
  ...["2026-01-01T12:60:00Z", "2026-01-01T12:00:60Z", "2026-01-01T25:00:00Z"],
  ...["2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+02:60", "2026-01-01T00:00:00+0200"],
  ...["2026-01-01T00:00:00", "2026-01-01 00:00:00Z", "2026-01-01", "2026-01-01T00:00Z"],
  ...["2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "1969-12-31T23:59:59Z"],
  ...["9999-12-31T23:59:59-00:01"],
  ...["0070-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n", "now", ""]
])("%j is no moment", (text) => expect(millisOf(text)).toBeUndefined())

const millis = fc.integer({ min: 0, max: Date.parse("9999-12-31T00:00:00Z") })

test("every moment is read as it is written, in any zone", () => {
  fc.assert(fc.property(millis, fc.integer({ min: -1_439, max: 1_439 }), (at, zone) => {
    const local = new Date(at + zone * 60_000)
    // Before 1970 and after 9999 by its own zone it is written otherwise.
    fc.pre(local.getUTCFullYear() <= 9_999)
    const two = (part: number) => String(Math.trunc(part)).padStart(2, "0")
    const away = Math.abs(zone)
    const written = `${local.toISOString().slice(0, -1)}${zone < 0 ? "-" : "+"}` +
      `${two(away / 60)}:${two(away % 60)}`
    expect(millisOf(written)).toBe(at)
  }))
})

test("a day ends in São Paulo three hours after it does by UTC, and the next begins there", () => {
  fc.assert(fc.property(millis, (at) => {
    const day = dayInBrazil(at)
    const end = endInBrazil(day)!
    expect(isDay(day) && at <= end && end - at < 86_400_000).toBe(true)
    expect(dayInBrazil(end)).toBe(day)
    expect(dayInBrazil(end + 1) > day).toBe(true)
  }))
  expect(dayInBrazil(Date.parse("2026-12-01T02:59:59.999Z"))).toBe("2026-11-30")
  expect(dayInBrazil(Date.parse("2026-12-01T03:00:00Z"))).toBe("2026-12-01")
  expect(endInBrazil("2026-02-30")).toBeUndefined()
})
