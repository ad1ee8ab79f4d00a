import { Schema } from "effect"

/** Outside, amounts are JSON integers of minor units. */
export const MinorUnits = Schema.Int

/** RFC 3339 in UTC, with milliseconds. */
export const Time = Schema.String

export const Failure = Schema.Struct({ code: Schema.String, detail: Schema.String })
