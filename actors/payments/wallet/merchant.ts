import { Result, Schema } from "effect"
import type { Received, States } from "../../../src/runtime/actor.ts"
import { type Decided, NOTHING } from "../decision.ts"
import { isMerchant, type State } from "../state.ts"
import type { Terms } from "../terms.ts"

/** Somebody has this merchant's book: what is sent there finds its owner. */
export const Merchant = Schema.TaggedStruct("Merchant", {
  id: Schema.String,
  merchant: Schema.String,
  created_at: Schema.Finite
})
export type Merchant = typeof Merchant.Type

/** Each merchant has one, under its own name. */
export const MERCHANT_KEY = "merchant"

export const open = (
  states: States<State>,
  _body: unknown,
  { at, merchant, replyTo }: Received<Terms>
): Decided => {
  const known = states.get(MERCHANT_KEY)
  const opened: Merchant = known !== undefined && isMerchant(known)
    ? known
    : { _tag: "Merchant", id: MERCHANT_KEY, merchant, created_at: at }
  const body = { merchant: { id: merchant, created_at: new Date(opened.created_at).toISOString() } }
  const answers = replyTo === undefined ? [] : [{ to: replyTo, body }]
  if (opened === known) return answers.length === 0 ? NOTHING : Result.succeed({ answers })
  return Result.succeed({ put: [[MERCHANT_KEY, opened]], answers })
}
