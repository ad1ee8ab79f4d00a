import { Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { AmountOrZero } from "../../src/domain/money.ts"
import { GivenMethods } from "./methods.ts"

/** A gateway's name: a token of account paths, addresses and metrics. */
export const GatewayName = Schema.String.check(
  Schema.isPattern(/^[a-z0-9_\-]{1,32}$/u, { message: "must match [a-z0-9_-]{1,32}" })
)

/** Gateways one charge may try. A chain that is longer keeps a payer waiting for a no. */
const TRIES_MAX = 5
const RULES_MAX = 100
const WEIGHT_MAX = 1_000

const Tries = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: TRIES_MAX }))

export const Target = Schema.Struct({
  gateway: GatewayName,
  /** Its part of the payments, against the others' weights. 1 where none is given. */
  weight: Schema.optionalKey(
    Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: WEIGHT_MAX }))
  )
})

/** One line of the table: which payments it is for, and where they go. */
export const Rule = Schema.Struct({
  name: GatewayName,
  methods: Schema.optionalKey(Schema.Array(Schema.String)),
  currencies: Schema.optionalKey(Schema.Array(Currency)),
  /** Minor units, inclusive. */
  amount_from: Schema.optionalKey(AmountOrZero),
  /** Minor units, exclusive. */
  amount_below: Schema.optionalKey(AmountOrZero),
  to: Schema.NonEmptyArray(Target),
  /** Tried in this order when none of `to` could be charged. */
  fallback: Schema.optionalKey(Schema.Array(GatewayName)),
  /** What puts the gateways of `to` in order. */
  prefer: Schema.optionalKey(Schema.Literals(["weight", "cost", "success_rate"])),
  /** Whether another gateway is asked after a soft decline. */
  retry_soft_declines: Schema.optionalKey(Schema.Boolean),
  tries_max: Schema.optionalKey(Tries)
})
export type Rule = typeof Rule.Type

/** What a gateway keeps of a charge. */
export const Cost = Schema.Struct({ percentage_basis_points: AmountOrZero, fixed: AmountOrZero })

/** Who pays out in these currencies, or in all. */
const PayoutRoute = Schema.Struct({
  currencies: Schema.optionalKey(Schema.Array(Currency)),
  gateway: GatewayName
})

/** Where charges go. The first rule that fits decides; what fits none is refused. */
export const Routing = Schema.Struct({
  rules: Schema.NonEmptyArray(Rule).check(Schema.isMaxLength(RULES_MAX)),
  costs: Schema.optionalKey(Schema.Record(Schema.String, Cost)),
  /** Where payouts go; the first that fits. */
  payouts: Schema.optionalKey(Schema.Array(PayoutRoute).check(Schema.isMaxLength(RULES_MAX)))
})
export type Routing = typeof Routing.Type

const GivenRule = Schema.Struct({
  ...Rule.fields,
  methods: Schema.optionalKey(GivenMethods),
  currencies: Schema.optionalKey(Schema.Array(Currency).check(Schema.isMinLength(1)))
}).check(
  Schema.makeFilter(({ amount_below, amount_from = 0n }: Rule) =>
    amount_below === undefined || amount_from < amount_below
      ? undefined
      : { path: ["amount_below"], issue: "must be above amount_from" }
  )
)

const WHOLE_BASIS_POINTS = 10_000n

const named = (rules: ReadonlyArray<{ readonly name: string }>) => {
  const nth = rules.findIndex(({ name }, nth) => rules.findIndex((one) => one.name === name) < nth)
  return nth < 0 ? undefined : { path: [nth, "name"], issue: "another rule has this name" }
}

/** As it may be given: what fits nothing, or costs more than all, is a mistake. */
export const GivenRouting = Schema.Struct({
  rules: Schema.NonEmptyArray(GivenRule).check(
    Schema.isMaxLength(RULES_MAX),
    Schema.makeFilter(named)
  ),
  costs: Schema.optionalKey(Schema.Record(
    Schema.String,
    Schema.Struct({
      ...Cost.fields,
      percentage_basis_points: AmountOrZero.check(
        Schema.makeFilter((points: bigint) =>
          points <= WHOLE_BASIS_POINTS || `must be at most ${WHOLE_BASIS_POINTS}`
        )
      )
    })
  )),
  payouts: Schema.optionalKey(
    Schema.Array(Schema.Struct({
      ...PayoutRoute.fields,
      currencies: Schema.optionalKey(Schema.Array(Currency).check(Schema.isMinLength(1)))
    })).check(Schema.isMaxLength(RULES_MAX))
  )
})

/** How a gateway does, as its callers saw it lately. Arrives as configuration. */
export const Health = Schema.Struct({
  down: Schema.Boolean,
  /** Approved of a thousand that were decided; undefined where too few were. */
  success_permille: Schema.optionalKey(Schema.Int)
})
export type Health = typeof Health.Type
