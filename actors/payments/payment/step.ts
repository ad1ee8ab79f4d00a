import type { Book } from "../../../src/ledger/entries.ts"
import type { Received } from "../../../src/runtime/actor.ts"
import { type Draft, send, teller, wake } from "../decision.ts"
import type { Attempt } from "./attempts.ts"
import type { Common, Payment, PaymentIn, Status } from "./state.ts"
import type { Terms } from "../terms.ts"
import { transitions } from "./moves.ts"

/** A decision about one payment, as it grows. `finish` turns it into what the machine takes. */
export interface Step extends Draft {
  readonly payment: Payment
}

/** Its members are written out, not spread from a blank draft: every message of a payment begins here. */
export const begin = (payment: Payment, received: Received<Terms>): Step => ({
  received,
  rows: [],
  events: [],
  emit: [],
  timers: [],
  payment
})

/** Of what any payment has, whatever its status. */
export const change = (step: Step, changes: Partial<Common>): Step => ({
  ...step,
  payment: { ...step.payment, ...changes }
})

/** Leaves a member out: `exactOptionalPropertyTypes` has no undefined to set it to. */
export const without = <A extends object, K extends keyof A>(value: A, key: K): Omit<A, K> => {
  const { [key]: _, ...rest } = value
  return rest
}

/** A move the table does not know is a bug of ours: it stops this payment, not the partition. */
export const become = <S extends Status>(
  step: Step,
  /** By its own status: among all of them the compiler would let pass that something is missing. */
  payment: { readonly status: S } & PaymentIn<S>
): Step => {
  const [from, to] = [step.payment.status, payment.status]
  if (from === to) return { ...step, payment }
  if (!transitions[from].includes(to)) {
    throw new Error(`${payment.id} cannot go from ${from} to ${to}`)
  }
  return withoutQuote({ ...step, payment })
}

/** A payment that ended without money gives its quote back: another may use it while it holds. */
const withoutQuote = (step: Step): Step => {
  const { amount_captured, credit, id, status } = step.payment
  if (credit === undefined || amount_captured > 0n || transitions[status].length > 0) return step
  const body = { quote_id: credit.quote, payment_id: id }
  return send(step, { to: "payments", type: "quote_given_back", body })
}

/** Tells of the payment as it is when its decision is finished, and of what else the event's type has. */
export const tell = teller<"payment">()

export const bookOf = ({ payment, received }: Step): Book => ({
  merchant: payment.merchant,
  partition: received.partition,
  gateway: payment.gateway,
  currency: payment.currency,
  paymentId: payment.id
})

export const attemptOf = (payment: Payment, key: string): Attempt | undefined =>
  payment.attempts.find((attempt) => attempt.key === key)

/** Changes one attempt. A timer it no longer awaits leaves the table of waits. */
export const changeAttempt = (step: Step, next: Attempt): Step => {
  const before = attemptOf(step.payment, next.key)
  const changed = change(step, {
    attempts: before === undefined
      ? [...step.payment.attempts, next]
      : step.payment.attempts.map((attempt) => (attempt.key === next.key ? next : attempt))
  })
  return before?.wake_at === next.wake_at ? changed : wakeAt(changed, next.key, next.wake_at)
}

/** Sets, moves or (undefined) takes back what the payment waits for. */
export const wakeAt = (step: Step, timer: string, dueMillis: number | undefined): Step =>
  wake(step, step.payment.id, timer, dueMillis)
