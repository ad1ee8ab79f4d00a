import { Schema } from "effect"
import { FeeSchedule, FeeTerms } from "../../streams/messages/fees.ts"
import { FxTerms } from "../../streams/messages/fx.ts"
import { PayoutRules } from "../../streams/messages/payouts.ts"
import { GatewayName, Health, Routing } from "../../streams/messages/routing.ts"

export const Terms = Schema.Struct({
  /** Where charges go when there is no routing. */
  gateway: GatewayName,
  fee: FeeTerms,
  /** Other prices, by merchant, method and currency. */
  fees: Schema.optionalKey(FeeSchedule),
  /** When money is paid out and what of it is kept back. By hand and nothing where left out. */
  payouts: Schema.optionalKey(PayoutRules),
  routing: Schema.optionalKey(Routing),
  health: Schema.optionalKey(Schema.Record(Schema.String, Health)),
  /** How long an authorization is kept where the gateway does not say. Seven days where left out. */
  authorization_seconds: Schema.optionalKey(Schema.Int),
  /** What currencies are worth in others. Nothing is converted where left out. */
  fx: Schema.optionalKey(FxTerms)
})
export type Terms = typeof Terms.Type

/** 2.99 % of what is captured, through the simulator, until a configuration says otherwise. */
export const defaultTerms: Terms = {
  gateway: "simulator",
  fee: { percentage_basis_points: 299n, fixed: 0n },
  routing: {
    rules: [
      { name: "pix", methods: ["pix"], to: [{ gateway: "pix" }] },
      { name: "all", methods: ["card"], to: [{ gateway: "simulator" }] }
    ]
  }
}
