import type { Outcome } from "../../../streams/messages/gateway.ts"
import { choose, type Routable, ruleFor, triesMaxOf } from "../routing.ts"
import type { Attempt } from "./attempts.ts"
import type { Payment, PaymentIn } from "./state.ts"
import type { Terms } from "../terms.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { become, changeAttempt, type Step, tell } from "./step.ts"
import { asCharging, leaving } from "./narrow.ts"

const routableOf = ({ amount, currency, id, payment_method }: Payment): Routable => ({
  id,
  amount,
  currency,
  method: payment_method.type
})

/** Whether any rule is for such a payment. */
export const isRoutable = ({ routing }: Terms, payment: Routable): boolean =>
  routing === undefined || ruleFor(routing, payment) !== undefined

const choiceFor = ({ payment, received: { config } }: Step) =>
  config.routing && choose(config.routing, config.health ?? {}, routableOf(payment))

const chargesOf = (payment: Payment): ReadonlyArray<Attempt> =>
  payment.attempts.filter(({ operation }) => operation === "charge")

const nextKey = (payment: Payment): string =>
  `${payment.id}.charge.${chargesOf(payment).length + 1}`

/** Asks the gateway for the money of what is `processing` from now on; which one is data. */
export const charge = (step: Step, payment: PaymentIn<"processing">): Step => {
  const { received: { config } } = step
  const asked = { key: nextKey(payment), operation: "charge", amount: payment.amount } as const
  if (config.routing === undefined) return sendAttempt(become(step, payment), asked)
  const choice = choiceFor(step)
  if (choice === undefined) {
    // The table has changed since the payment was taken.
    const failure = { code: "no_gateway", detail: "no routing rule is for this payment any more" }
    return failed(become(step, payment), failure)
  }
  const [{ gateway, reason }, ...others] = choice.order as [
    (typeof choice.order)[number],
    ...typeof choice.order
  ]
  return sendAttempt(become(step, { ...payment, gateway }), {
    ...asked,
    // Where there is no other gateway, the payment's own says it all.
    ...(others.length > 0 && { gateway, reason })
  })
}

/**
 * Charges another gateway, where the rule has one left and no money can have moved at this one: it was
 * never reached, it refused before processing, or it declined softly and the rule asks elsewhere then.
 * `ended` is the attempt as it ended here.
 */
export const chargeElsewhere = (
  step: Step,
  ended: Attempt,
  why: { readonly code: string } & Partial<Outcome>
): Step | undefined => {
  const wanted = step.payment.void_requested !== true && mayMove(ended, why)
  const choice = wanted ? choiceFor(step) : undefined
  if (choice === undefined) return undefined
  const { order, rule } = choice
  const tried = chargesOf(step.payment)
  if (tried.length >= triesMaxOf(rule)) return undefined
  if (why._tag === "Declined" && rule.retry_soft_declines !== true) return undefined
  const next = order.find(({ gateway }) => tried.every((one) => one.gateway !== gateway))
  if (next === undefined) return undefined
  const left = changeAttempt(step, ended)
  const { gateway } = next
  const payment = leaving(asCharging(left.payment), "next_action")
  return sendAttempt(become(left, { ...payment, status: "processing", gateway }), {
    key: nextKey(left.payment),
    operation: "charge",
    amount: payment.amount,
    gateway,
    reason: `${next.reason}; ${ended.gateway} said ${why.code}`
  })
}

/** No gateway made the charge, and none will be asked any more. */
export const failed = (
  step: Step,
  failure: { readonly code: string; readonly detail: string }
): Step => {
  const payment = leaving(asCharging(step.payment), "next_action", "void_requested")
  return tell(become(step, { ...payment, status: "failed", failure }), "payment.failed", {
    failure
  })
}

const mayMove = (
  ended: Attempt,
  why: Partial<Outcome> & { readonly soft?: boolean }
): boolean => {
  // One without a gateway of its own was sent by a delivery that may send it again.
  if (ended.operation !== "charge" || ended.gateway === undefined) return false
  switch (why._tag) {
    case "Declined":
      return why.soft === true
    case "NotProcessed":
    case "Deferred":
      // An earlier sending under the same key may still be on its way.
      return ended.unknown_since === undefined
    default:
      return false
  }
}
