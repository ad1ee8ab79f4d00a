import { exponentOf } from "../../src/domain/currency.ts"
import type { Risk } from "../../streams/messages/fraud.ts"
import { type Features, formatFeature } from "./features.ts"
import {
  type Comparison,
  type Condition,
  fillDetail,
  type Rule,
  type RuleSet,
  SCORE_MAX,
  type When
} from "./rules.ts"
import { REASONS_MAX } from "./state.ts"

/** Applies a rule set. Total: whatever the features, it gives a score, a decision and its reasons. */
export const evaluate = (rules: RuleSet, features: Features): Risk => {
  const fired = rules.rules.filter((rule) => matches(rule.when, features))
  const points = fired.reduce((sum, { then }) => sum + ("points" in then ? then.points : 0), 0)
  // A forced decision lifts the score to its threshold, so that score and decision never disagree.
  const forced = fired.map((rule) => floorOf(rule, rules))
  const score = Math.min(SCORE_MAX, Math.max(points, ...forced))
  return {
    score,
    decision: score >= rules.deny_at ? "deny" : score >= rules.review_at ? "review" : "allow",
    reasons: [...fired]
      .sort((left, right) => weightOf(right, rules) - weightOf(left, rules))
      .slice(0, REASONS_MAX)
      .map(({ code, detail }) => ({
        code,
        detail: fillDetail(detail, (field) => formatFeature(features, field))
      }))
  }
}

const floorOf = ({ then }: Rule, rules: RuleSet): number =>
  "points" in then ? 0 : then.decision === "deny" ? SCORE_MAX : rules.review_at

const weightOf = (rule: Rule, rules: RuleSet): number =>
  "points" in rule.then ? rule.then.points : SCORE_MAX + floorOf(rule, rules)

const matches = (when: When, features: Features): boolean =>
  "all" in when
    ? when.all.every((condition) => holds(condition, features))
    : when.any.some((condition) => holds(condition, features))

const holds = (condition: Condition, features: Features): boolean => {
  switch (condition.field) {
    case "amount":
    case "customer_sum_1h":
    case "customer_sum_24h": {
      const amount = features.amounts[condition.field]
      return amount !== undefined &&
        compares(condition.op, compareUnits(amount, features.currency, condition.value))
    }
    case "customer_seen_before":
      return features.flags[condition.field] === condition.value
    case "currency":
    case "method":
    case "ip":
    case "customer_id":
    case "device_id": {
      const text = features.texts[condition.field]
      return text !== undefined && condition.value.includes(text) === (condition.op === "in")
    }
    default: {
      const count = features.counts[condition.field]
      return count !== undefined && compares(condition.op, Math.sign(count - condition.value))
    }
  }
}

/** Exact: both sides are brought to one scale as integers. Negative, 0 or positive like a difference. */
const compareUnits = (minorUnits: bigint, currency: string, decimal: string): number => {
  const [whole = "0", fraction = ""] = decimal.split(".")
  const left = minorUnits * 10n ** BigInt(fraction.length)
  const right = BigInt(whole + fraction) * 10n ** BigInt(exponentOf(currency))
  return left < right ? -1 : left > right ? 1 : 0
}

const compares = (op: Comparison, order: number): boolean => {
  switch (op) {
    case "gt":
      return order > 0
    case "gte":
      return order >= 0
    case "lt":
      return order < 0
    case "lte":
      return order <= 0
    case "eq":
      return order === 0
  }
}
