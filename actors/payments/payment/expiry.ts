import type { Payment } from "./state.ts"
import { operationUnderWay } from "./attempts.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { become, type Step, wakeAt } from "./step.ts"
import { as } from "./narrow.ts"

/** How long an authorization is kept where neither the gateway nor the terms say. */
const AUTHORIZATION_SECONDS = 7 * 86_400

export const expiryTimerOf = ({ id }: Payment): string => `${id}.expiry`

/** An authorization does not last for ever; the gateway's own word about it counts. */
export const expiresOn = (step: Step, told: number | undefined): Step => {
  const { at, config } = step.received
  const seconds = config.authorization_seconds ?? AUTHORIZATION_SECONDS
  const expires_at = told ?? at + seconds * 1_000
  const known = become(step, { ...as(step.payment, "authorized"), expires_at })
  return wakeAt(known, expiryTimerOf(step.payment), expires_at)
}

/** Nothing is authorized any more that could run out. */
export const expiresNoMore = (step: Step): Step =>
  step.payment.expires_at === undefined
    ? step
    : wakeAt(step, expiryTimerOf(step.payment), undefined)

/**
 * The authorization ran out: the gateway is asked to give it back, and its answer, whatever it is,
 * ends the hold. While another operation is under way its outcome decides first: the wake stays in
 * the table and comes again.
 */
export const expire = (step: Step, due: number): Step | undefined => {
  const { payment } = step
  const open = payment.status === "authorized" || payment.status === "partially_captured"
  if (!open || payment.expires_at !== due || operationUnderWay(payment)) return undefined
  return sendAttempt(expiresNoMore(step), {
    key: `${payment.id}.void.expiry`,
    operation: "void",
    amount: payment.amount_authorized - payment.amount_captured,
    expiry: true
  })
}
