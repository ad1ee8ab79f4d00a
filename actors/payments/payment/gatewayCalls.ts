import { send } from "../decision.ts"
import type { Attempt } from "./attempts.ts"
import type { Payment } from "./state.ts"
import { gatewayOf } from "./attempts.ts"
import { attemptOf, become, changeAttempt, type Step, without } from "./step.ts"
import { asCharging } from "./narrow.ts"

/** Waits before asking the gateway what became of an attempt; the last one repeats. */
const INQUIRY_DELAYS_MILLIS = [1_000, 2_000, 4_000, 8_000, 15_000, 30_000, 60_000]
/** A payer acts within seconds to minutes. */
const ACTION_DELAYS_MILLIS = [
  ...[2_000, 2_000, 3_000, 5_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000],
  ...[15_000, 15_000, 30_000, 30_000, 60_000]
]
/** Waits before trying a destination again that was full or broken. */
const DEFERRAL_DELAYS_MILLIS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]
/**
 * After this many deferrals (about ten minutes) we stop sending and ask instead: a call that was
 * repeated after a crash may have arrived although this one says that nothing was sent.
 */
const DEFERRALS_MAX = 25

const delay = (delays: ReadonlyArray<number>, tries: number): number =>
  delays[Math.min(tries, delays.length - 1)]!

export const inquiryDelay = (tries: number): number => delay(INQUIRY_DELAYS_MILLIS, tries)
export const deferralDelay = (tries: number): number => delay(DEFERRAL_DELAYS_MILLIS, tries)

/** Sends an attempt for the first time. Its key never changes, so that a repeat cannot charge twice. */
export const sendAttempt = (
  step: Step,
  attempt: Pick<
    Attempt,
    | ("key" | "operation" | "amount" | "final" | "expiry" | "gateway" | "reason" | "dispute")
    | ("charge_id" | "stray")
  >
): Step =>
  call(
    changeAttempt(step, { ...attempt, status: "sent", sent_at: step.received.at, tries: 0 }),
    attempt.key
  )

/**
 * A repeated delivery found that the gateway knows nothing of an attempt, which still stands: it goes
 * out again under the same key. From now on two of them may be on their way, so only the gateway's own
 * word may end it, and no other gateway is asked.
 */
export const sendWithheld = (step: Step, attempt: Attempt): Step =>
  call(
    changeAttempt(step, {
      ...attempt,
      unknown_since: attempt.unknown_since ?? step.received.at
    }),
    attempt.key
  )

const firstSentAt = ({ first_sent_at, sent_at }: Attempt): number => first_sent_at ?? sent_at

/** Sends a deferred attempt again under the same key. */
export const sendAgain = (step: Step, attempt: Attempt): Step =>
  call(
    changeAttempt(step, {
      ...without(attempt, "wake_at"),
      status: "sent",
      sent_at: step.received.at,
      first_sent_at: firstSentAt(attempt)
    }),
    attempt.key
  )

const methodOf = ({ payment_method }: Payment) => {
  if (payment_method.type === "card") return { token: payment_method.token }
  const { type: _, ...pix } = payment_method
  return { pix }
}

const evidenceOf = (payment: Payment, dispute_id: string) => {
  const { documents, text } = payment.disputes!.find(({ id }) => id === dispute_id)!.evidence!
  return { dispute_id, evidence: { text, documents } }
}

const call = (step: Step, key: string): Step => {
  const { payment } = step
  const attempt = attemptOf(payment, key)!
  const charge_id = attempt.charge_id ?? payment.charge_id
  return send(step, {
    to: "gateway",
    type: "call",
    body: {
      payment_id: payment.id,
      gateway: gatewayOf(payment, attempt),
      attempt: key,
      operation: attempt.operation,
      amount: attempt.amount,
      currency: payment.currency,
      ...(attempt.operation === "charge" && {
        capture: payment.capture === "automatic",
        ...methodOf(payment),
        reference: payment.reference,
        ...(attempt.gateway !== undefined && { alternatives: true })
      }),
      ...(attempt.final === true && { final: true }),
      ...(attempt.dispute !== undefined && evidenceOf(payment, attempt.dispute)),
      ...(charge_id !== undefined && { charge_id }),
      first_sent_at: firstSentAt(attempt)
    }
  })
}

export const inquire = (step: Step, attempt: Attempt): Step => {
  const { payment } = step
  return send(changeAttempt(step, without(attempt, "wake_at")), {
    to: "gateway",
    type: "inquire",
    body: {
      payment_id: payment.id,
      gateway: gatewayOf(payment, attempt),
      attempt: attempt.key,
      operation: attempt.operation,
      amount: attempt.amount,
      currency: payment.currency,
      charge_id: attempt.charge_id ?? payment.charge_id,
      ...(attempt.dispute !== undefined && { dispute_id: attempt.dispute }),
      ...(attempt.refund_id !== undefined && { refund_id: attempt.refund_id }),
      sent_at: attempt.question?.since ?? attempt.unknown_since ?? attempt.sent_at,
      first_sent_at: firstSentAt(attempt)
    }
  })
}

/** The destination was not even tried: wait, then send again; in the end ask instead. */
export const waitForDestination = (step: Step, attempt: Attempt, detail: string): Step =>
  attempt.tries >= DEFERRALS_MAX ? waitForTruth(step, attempt, detail) : changeAttempt(step, {
    ...attempt,
    status: "deferred",
    detail,
    tries: attempt.tries + 1,
    wake_at: step.received.at + deferralDelay(attempt.tries)
  })

/** Bytes left and no answer came: only an inquiry may say what happened. */
export const waitForTruth = (step: Step, attempt: Attempt, detail: string): Step => {
  const tries = attempt.status === "unknown" ? attempt.tries : 0
  return changeAttempt(step, {
    ...attempt,
    status: "unknown",
    detail,
    tries: tries + 1,
    unknown_since: attempt.unknown_since ?? step.received.at,
    wake_at: step.received.at + inquiryDelay(tries)
  })
}

/** The payer has to do something at the gateway; we look whether it happened. */
export const waitForPayer = (
  step: Step,
  attempt: Attempt,
  action: {
    readonly charge_id: string
    readonly url: string
    readonly expires_at: string
    readonly br_code?: string
  }
): Step => {
  const tries = attempt.status === "requires_action" ? attempt.tries : 0
  return changeAttempt(
    become(step, {
      ...asCharging(step.payment),
      status: "requires_action",
      next_action: {
        url: action.url,
        expires_at: action.expires_at,
        ...(action.br_code !== undefined && { br_code: action.br_code })
      }
    }),
    {
      ...attempt,
      status: "requires_action",
      charge_id: action.charge_id,
      answered_at: step.received.at,
      tries: tries + 1,
      wake_at: step.received.at + delay(ACTION_DELAYS_MILLIS, tries)
    }
  )
}
