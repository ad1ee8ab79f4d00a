import { Schema } from "effect"

/** Amounts of money, compared in whole units of the payment's own currency. */
const amountFields = ["amount", "customer_sum_1h", "customer_sum_24h"] as const

const countFields = [
  "customer_count_1h",
  "customer_count_24h",
  "device_count_1h",
  "device_count_24h",
  "device_customers_24h",
  "ip_count_1h",
  "ip_count_24h"
] as const

const flagFields = ["customer_seen_before"] as const

const textFields = ["currency", "method", "ip", "customer_id", "device_id"] as const

export type AmountField = (typeof amountFields)[number]
export type CountField = (typeof countFields)[number]
export type FlagField = (typeof flagFields)[number]
export type TextField = (typeof textFields)[number]
export type Field = AmountField | CountField | FlagField | TextField

const fields: ReadonlySet<string> = new Set<Field>([
  ...amountFields,
  ...countFields,
  ...flagFields,
  ...textFields
])

export const Comparison = Schema.Literals(["gt", "gte", "lt", "lte", "eq"])
export type Comparison = typeof Comparison.Type

/** Units of a currency as an exact decimal: "5000.00" is five thousand reais, yen or dinars. */
const Decimal = Schema.String.check(
  Schema.isPattern(/^\d{1,15}(\.\d{1,4})?$/, { message: "must be a decimal such as 5000.00" })
)

/** Entries of one list. A longer one belongs in a table, not in a rule. */
const LIST_ENTRIES_MAX = 1_000

/**
 * One test of one feature. A field fixes what it can be compared with, so a rule that compares an
 * address with a number is refused when the configuration is read, not found out at three in the morning.
 */
export const Condition = Schema.Union([
  Schema.Struct({ field: Schema.Literals(amountFields), op: Comparison, value: Decimal }),
  Schema.Struct({ field: Schema.Literals(countFields), op: Comparison, value: Schema.Int }),
  Schema.Struct({
    field: Schema.Literals(flagFields),
    op: Schema.Literals(["eq"]),
    value: Schema.Boolean
  }),
  Schema.Struct({
    field: Schema.Literals(textFields),
    op: Schema.Literals(["in", "not_in"]),
    value: Schema.Array(Schema.String).check(Schema.isMaxLength(LIST_ENTRIES_MAX))
  })
])
export type Condition = typeof Condition.Type

const CONDITIONS_MAX = 20
const Conditions = Schema.Array(Condition).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(CONDITIONS_MAX)
)

export const When = Schema.Union([
  Schema.Struct({ all: Conditions }),
  Schema.Struct({ any: Conditions })
])
export type When = typeof When.Type

export const SCORE_MAX = 1_000
const Score = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: SCORE_MAX }))

/** Points add up to the score; a decision forces at least itself. */
const Then = Schema.Union([
  Schema.Struct({ points: Score }),
  Schema.Struct({ decision: Schema.Literals(["review", "deny"]) })
])
type Then = typeof Then.Type

const DETAIL_CHARACTERS_MAX = 200
const placeholder = /\{([a-z0-9_]+)\}/g

/** What a person reads; `{field}` stands for the feature's value. */
const Detail = Schema.String.check(
  Schema.isMinLength(1),
  Schema.isMaxLength(DETAIL_CHARACTERS_MAX),
  Schema.makeFilter((text: string) => {
    const unknown = [...text.matchAll(placeholder)].find(([, name]) => !fields.has(name!))
    return unknown === undefined || `${unknown[0]} is not a feature`
  })
)

export const Rule = Schema.Struct({
  code: Schema.String.check(
    Schema.isPattern(/^[a-z][a-z0-9_]{0,63}$/, { message: "must match [a-z][a-z0-9_]{0,63}" })
  ),
  when: When,
  then: Then,
  detail: Detail
})
export type Rule = typeof Rule.Type

const RULES_MAX = 100

export const RuleSet = Schema.Struct({
  /** Scores from here on hold the payment for a person. */
  review_at: Score,
  /** Scores from here on reject it. */
  deny_at: Score,
  rules: Schema.Array(Rule).check(Schema.isMaxLength(RULES_MAX))
}).check(
  Schema.makeFilter((set: { review_at: number; deny_at: number }) =>
    set.review_at <= set.deny_at || "review_at must not be above deny_at"
  ),
  Schema.makeFilter((set: { rules: ReadonlyArray<{ code: string }> }) =>
    new Set(set.rules.map((rule) => rule.code)).size === set.rules.length ||
    "each rule needs a code of its own"
  )
)
export type RuleSet = typeof RuleSet.Type

/** Puts feature values in the places of a rule's detail. */
export const fillDetail = (detail: string, valueOf: (field: Field) => string): string =>
  detail.replace(placeholder, (_, name: Field) => valueOf(name))

/**
 * The rules of a new installation. Velocity alone adds points in two steps, so that a busy customer
 * is let through and a flood is held: only the second step reaches `review_at`.
 */
export const defaultRules: RuleSet = {
  review_at: 500,
  deny_at: 900,
  rules: [
    {
      code: "ip_denied",
      when: { all: [{ field: "ip", op: "in", value: ["203.0.113.66"] }] },
      then: { decision: "deny" },
      detail: "device IP {ip} is on the deny list"
    },
    {
      code: "large_first_payment",
      when: {
        all: [
          { field: "amount", op: "gt", value: "5000.00" },
          { field: "customer_seen_before", op: "eq", value: false }
        ]
      },
      then: { decision: "review" },
      detail: "{amount} is above 5000.00 from a customer never seen before"
    },
    {
      code: "customer_busy_1h",
      when: { all: [{ field: "customer_count_1h", op: "gt", value: 10 }] },
      then: { points: 200 },
      detail: "{customer_count_1h} payments of this customer within an hour, more than 10"
    },
    {
      code: "customer_flood_1h",
      when: { all: [{ field: "customer_count_1h", op: "gt", value: 30 }] },
      then: { points: 400 },
      detail: "{customer_count_1h} payments of this customer within an hour, more than 30"
    },
    {
      code: "customer_sum_24h",
      when: { all: [{ field: "customer_sum_24h", op: "gt", value: "25000.00" }] },
      then: { points: 200 },
      detail: "{customer_sum_24h} from this customer within a day, above 25000.00"
    },
    {
      code: "device_many_customers_24h",
      when: { all: [{ field: "device_customers_24h", op: "gt", value: 5 }] },
      then: { points: 200 },
      detail: "{device_customers_24h} customers on this device within a day, more than 5"
    }
  ]
}
