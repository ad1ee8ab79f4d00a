import { Schema } from "effect"
import { GivenFeeSchedule, GivenFeeTerms } from "../../streams/messages/fees.ts"
import { GivenPayoutRules } from "../../streams/messages/payouts.ts"
import { GivenRouting } from "../../streams/messages/routing.ts"
import { Terms } from "./terms.ts"

/** Longer than a year no card's authorization lasts. */
const AUTHORIZATION_SECONDS_MAX = 366 * 86_400

/**
 * Terms as they may be given. Those that are stored are read as they are: earlier code checked less,
 * and what was made under them stands.
 */
export const GivenTerms = Schema.Struct({
  ...Terms.fields,
  fee: GivenFeeTerms,
  fees: Schema.optionalKey(GivenFeeSchedule),
  payouts: Schema.optionalKey(GivenPayoutRules),
  routing: Schema.optionalKey(GivenRouting),
  authorization_seconds: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: AUTHORIZATION_SECONDS_MAX }))
  )
})
