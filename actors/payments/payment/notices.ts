import type { Notified } from "../../../streams/messages/gateway.ts"
import { isDefinitive } from "./attempts.ts"
import { askAnew, isMadeByWord } from "./corrections.ts"
import { inquire } from "./gatewayCalls.ts"
import { attemptOf, changeAttempt, type Step } from "./step.ts"
import { isKnownCharge } from "./suspense.ts"

/** Refunds made at the gateway in one document: those asked about, and the latest of those known. */
const REFUNDS_AT_GATEWAY_MAX = 100

type Notice = typeof Notified.Type

/**
 * The gateway's webhook says that something happened to an attempt. It may be old, repeated, out of
 * order or wrong, so it decides nothing: it makes us ask, now instead of at the next wake. What agrees
 * with what is known asks nothing, and what is about a call that still awaits its own answer waits for that.
 */
export const heard = (step: Step, notice: Notice): Step | undefined => {
  const attempt = attemptOf(step.payment, notice.attempt)
  if (attempt === undefined) return refundHeard(step, notice)
  const { says } = notice
  if (attempt.status === "sent") {
    return says === "pending" || says === attempt.heard
      ? undefined
      : changeAttempt(step, { ...attempt, heard: says })
  }
  if (isDefinitive(attempt.status)) {
    // While it is asked about, any news may be newer than the answer.
    const { charge_id } = notice
    const isNew = charge_id !== undefined && says === "made" &&
      !isKnownCharge(step.payment, attempt, charge_id)
    const agrees = (says === "made") === isMadeByWord(attempt) && attempt.question === undefined &&
      !isNew
    return says === "pending" || agrees ? undefined : askAnew(step, attempt)
  }
  // One that was never sent has no outcome; should it have one after all, that is worth a question.
  return attempt.status === "deferred" && says !== "made" ? undefined : inquire(step, attempt)
}

/** A refund that we did not ask for: somebody made it at the gateway itself, which is asked about it. */
const refundHeard = (
  step: Step,
  { attempt: key, charge_id, gateway, refund_id, says }: Notice
): Step | undefined => {
  const { payment, received: { at } } = step
  const { attempts, id } = payment
  if (refund_id === undefined || gateway !== payment.gateway) return undefined
  // What is not made moved nothing; and its name must be none of another payment.
  if (says === "not_made" || !key.startsWith(`${id}.refund.`)) return undefined
  if (attempts.filter((one) => one.refund_id !== undefined).length >= REFUNDS_AT_GATEWAY_MAX) {
    return undefined
  }
  return inquire(step, {
    key,
    operation: "refund",
    amount: 0n,
    refund_id,
    ...(charge_id !== undefined && { charge_id }),
    status: "unknown",
    sent_at: at,
    unknown_since: at,
    tries: 0
  })
}
