import { Schema } from "effect"
import { MoneyFields } from "./money.ts"

export const Reason = Schema.Struct({ code: Schema.String, detail: Schema.String })

const RiskDecision = Schema.Literals(["allow", "review", "deny"])

export const Risk = Schema.Struct({
  /** 0 (no risk seen) to 1000. */
  score: Schema.Finite,
  decision: RiskDecision,
  reasons: Schema.Array(Reason)
})
export type Risk = typeof Risk.Type

/** Asked by payments for each new payment. */
export const Score = Schema.Struct({
  payment_id: Schema.String,
  ...MoneyFields,
  method: Schema.String,
  token_fingerprint: Schema.optionalKey(Schema.String),
  customer_id: Schema.optionalKey(Schema.String),
  device_id: Schema.optionalKey(Schema.String),
  ip: Schema.optionalKey(Schema.String)
})

export const FraudMessages = { score: Score }
