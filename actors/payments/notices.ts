import type { Notified } from "../../streams/messages/gateway.ts"
import { inquire } from "./gatewayCalls.ts"
import { isDefinitive } from "./state.ts"
import { attemptOf, type Step } from "./step.ts"

/**
 * The gateway's webhook says that something happened to an attempt. It may be old, repeated, out of
 * order or wrong, so it decides nothing: it makes us ask, now instead of at the next wake. What agrees
 * with what is known, or is about a call that still awaits its own answer, asks nothing.
 */
export const heard = (step: Step, notice: typeof Notified.Type): Step | undefined => {
  const attempt = attemptOf(step.payment, notice.attempt)
  if (attempt === undefined || attempt.status === "sent") return undefined
  const { says } = notice
  if (isDefinitive(attempt.status)) {
    const made = attempt.status === "approved"
    return says === "pending" || (says === "made") === made ? undefined : inquire(step, attempt)
  }
  // One that was never sent has no outcome; should it have one after all, that is worth a question.
  return attempt.status === "deferred" && says !== "made" ? undefined : inquire(step, attempt)
}
