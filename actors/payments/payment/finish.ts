import { type Made, made } from "../decision.ts"
import { isDefinitive } from "./attempts.ts"
import { isOutcome } from "./moves.ts"
import type { Payment } from "./state.ts"
import { operationUnderWay, PAID_FIRST } from "./attempts.ts"
import { clear } from "./clearing.ts"
import { parted } from "./past.ts"
import { resourceOf } from "./resource.ts"
import { attemptOf, type Step } from "./step.ts"

/** Turns what was decided about a payment into what the machine takes. */
export const finish = (decided: Step): Made => {
  const step = clear(decided)
  const { received } = step
  const [served, waiting] = partition(
    step.payment.waiters,
    ({ attempt }) => isSettled(step.payment, attempt)
  )
  // Written out here, too: a spread of changes over so large a state is what deciding would cost most.
  const payment: Payment = {
    ...step.payment,
    waiters: waiting,
    version: step.payment.version + 1,
    updated_at: received.at
  }
  const left = parted(payment)
  const isTold = served.length > 0 || step.events.length > 0
  const resource = isTold ? resourceOf(left.payment) : undefined
  return made(step, {
    put: [[payment.id, left.payment], ...left.put],
    about: payment.id,
    told: { payment: resource },
    answers: served.map(({ attempt, to }) => ({ to, body: outcomeOf(payment, attempt, resource) }))
  })
}

/** What a waiter is told: the payment, or that its capture, void or refund was not made. */
export const outcomeOf = (
  payment: Payment,
  attemptKey: string | undefined,
  resource: unknown = resourceOf(payment)
): unknown => {
  const attempt = attemptKey === undefined ? undefined : attemptOf(payment, attemptKey)
  if (attempt === undefined || !isDefinitive(attempt.status) || attempt.status === "approved") {
    return { payment: resource }
  }
  // It came too late for the charge, which is undone instead, or was not made at all.
  const stands = payment.void_requested === true || payment.status === "failed" ||
    attempt.code === PAID_FIRST
  if (attempt.operation === "void" && stands) return { payment: resource }
  return {
    refused: {
      code: `${attempt.operation}_${attempt.status}`,
      detail: attempt.detail ?? `the gateway did not make the ${attempt.operation}`
    }
  }
}

/** Whether those who wait for the charge, or for one attempt, are told now how it stands. */
export const isSettled = (payment: Payment, attempt: string | undefined): boolean => {
  if (attempt === undefined) return isOutcome(payment.status)
  const status = attemptOf(payment, attempt)?.status
  // A void that waits for what is under way has no attempt yet.
  if (status === undefined) return isOutcome(payment.status) && !operationUnderWay(payment)
  return isDefinitive(status) || status === "unknown"
}

const partition = <A>(
  items: ReadonlyArray<A>,
  test: (item: A) => boolean
): [Array<A>, Array<A>] => [items.filter(test), items.filter((item) => !test(item))]
