import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { MerchantId } from "../../src/domain/identifiers.ts"
import { InternalAmount } from "./money.ts"

/** Who pays the fee: the merchant alone, everybody who gets a part (by their parts), or the payer on top. */
export const FeeBearer = Schema.Literals(["merchant", "recipients", "customer"])
export type FeeBearer = typeof FeeBearer.Type

const rate = { percentage_basis_points: InternalAmount, fixed: InternalAmount }

const TIERS_MAX = 20
const RULES_MAX = 200

/** From this amount on (minor units, inclusive) the whole amount pays this rate. */
const Tier = Schema.Struct({ from: InternalAmount, ...rate })

const ascending = (tiers: ReadonlyArray<typeof Tier.Type>) =>
  tiers.every(({ from }, nth) => nth === 0 || from > tiers[nth - 1]!.from) ||
  "each tier must begin above the one before"

/** One price: a percentage and a fixed amount, by tiers where there are any, within bounds. */
export const FeeTerms = Schema.Struct({
  ...rate,
  tiers: Schema.optionalKey(
    Schema.Array(Tier).check(Schema.isMaxLength(TIERS_MAX), Schema.makeFilter(ascending))
  ),
  minimum: Schema.optionalKey(InternalAmount),
  maximum: Schema.optionalKey(InternalAmount)
})
export type FeeTerms = typeof FeeTerms.Type

/** Which payments a price is for. What is left out fits all. */
export const FeeRule = Schema.Struct({
  merchants: Schema.optionalKey(Schema.Array(MerchantId)),
  methods: Schema.optionalKey(Schema.Array(Schema.String)),
  currencies: Schema.optionalKey(Schema.Array(Currency)),
  fee: FeeTerms
})
export type FeeRule = typeof FeeRule.Type

/** The first rule that fits a payment has its price; what fits none pays the terms' plain fee. */
export const FeeSchedule = Schema.Array(FeeRule).check(Schema.isMaxLength(RULES_MAX))
