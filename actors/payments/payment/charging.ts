import type { Outcome } from "../../../streams/messages/gateway.ts"
import { choose, type Routable, ruleFor, triesMaxOf } from "../routing.ts"
import type { Attempt, Payment, Terms } from "../state.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { change, changeAttempt, moveTo, type Step, tell } from "./step.ts"

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

/** Asks the gateway for the money; which one is data. */
export const charge = (step: Step): Step => {
  const { payment, received: { config } } = step
  const asked = { key: nextKey(payment), operation: "charge", amount: payment.amount } as const
  const begun = moveTo(step, "processing")
  if (config.routing === undefined) return sendAttempt(begun, asked)
  const choice = choiceFor(step)
  if (choice === undefined) {
    // The table has changed since the payment was taken.
    const failure = { code: "no_gateway", detail: "no routing rule is for this payment any more" }
    return tell(change(moveTo(begun, "failed"), { failure }), "payment.failed", { failure })
  }
  const [{ gateway, reason }, ...others] = choice.order as [
    (typeof choice.order)[number],
    ...typeof choice.order
  ]
  return sendAttempt(change(begun, { gateway }), {
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
  const { next_action: _, ...payment } = step.payment
  const left = changeAttempt({ ...step, payment }, ended)
  return sendAttempt(change(moveTo(left, "processing"), { gateway: next.gateway }), {
    key: nextKey(left.payment),
    operation: "charge",
    amount: payment.amount,
    gateway: next.gateway,
    reason: `${next.reason}; ${ended.gateway} said ${why.code}`
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
