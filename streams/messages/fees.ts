import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { MerchantId } from "../../src/domain/identifiers.ts"
import { GivenMethods } from "./methods.ts"
import { GivenAmount, GivenBasisPoints, InternalAmount } from "./money.ts"

/** Who pays the fee: the merchant alone, everybody who gets a part (by their parts), or the payer on top. */
export const FeeBearer = Schema.Literals(["merchant", "recipients", "customer"])
export type FeeBearer = typeof FeeBearer.Type

const TIERS_MAX = 20
const RULES_MAX = 200

/** A percentage and a fixed amount, by tiers where there are any, within bounds. */
const priceOf = (basisPoints: typeof InternalAmount, amount: typeof InternalAmount) => {
  const rate = { percentage_basis_points: basisPoints, fixed: amount }
  return {
    ...rate,
    /** From this amount on (minor units, inclusive) the whole amount pays this rate. */
    tiers: Schema.optionalKey(
      Schema.Array(Schema.Struct({ from: amount, ...rate })).check(Schema.isMaxLength(TIERS_MAX))
    ),
    minimum: Schema.optionalKey(amount),
    maximum: Schema.optionalKey(amount)
  }
}

/** One price, as payments keep it: whatever it says, they were made under it. */
export const FeeTerms = Schema.Struct(priceOf(InternalAmount, InternalAmount))
export type FeeTerms = typeof FeeTerms.Type

/** One price, as it may be given. */
export const GivenFeeTerms = Schema.Struct(priceOf(GivenBasisPoints, GivenAmount)).check(
  Schema.makeFilter(({ maximum, minimum, tiers = [] }: FeeTerms) => {
    if (minimum !== undefined && maximum !== undefined && minimum > maximum) {
      return { path: ["minimum"], issue: "must not be above the maximum" }
    }
    const nth = tiers.findIndex(({ from }, nth) => nth > 0 && from <= tiers[nth - 1]!.from)
    return nth < 0 ? undefined : {
      path: ["tiers", nth, "from"],
      issue: "must be above where the tier before begins"
    }
  })
)

/** Which payments a price is for. What is left out fits all. */
const FeeRule = Schema.Struct({
  merchants: Schema.optionalKey(Schema.Array(MerchantId)),
  methods: Schema.optionalKey(Schema.Array(Schema.String)),
  currencies: Schema.optionalKey(Schema.Array(Currency)),
  fee: FeeTerms
})
type FeeRule = typeof FeeRule.Type

/** The first rule that fits a payment has its price; what fits none pays the terms' plain fee. */
export const FeeSchedule = Schema.Array(FeeRule).check(Schema.isMaxLength(RULES_MAX))

/** A rule that fits nothing is a mistake. */
export const GivenFeeSchedule = Schema.Array(Schema.Struct({
  merchants: Schema.optionalKey(Schema.Array(MerchantId).check(Schema.isMinLength(1))),
  methods: Schema.optionalKey(GivenMethods),
  currencies: Schema.optionalKey(Schema.Array(Currency).check(Schema.isMinLength(1))),
  fee: GivenFeeTerms
})).check(Schema.isMaxLength(RULES_MAX))
