import { derivedId } from "../../src/domain/identifiers.ts"
import * as entries from "../../src/ledger/entries.ts"
import type { Outcome } from "../../streams/messages/gateway.ts"
import { giveCredit, takeCredit } from "./crediting.ts"
import { refundStep, refundUndone, takenBack } from "./legs.ts"
import type { Attempt, Payment, Refund } from "./state.ts"
import { book, bookOf, change, changeAttempt, type Step, tell } from "./step.ts"
import { contradict, doubt } from "./suspense.ts"

const refundOf = ({ refunds }: Payment, { key }: Attempt): Refund | undefined =>
  refunds.find(({ attempt }) => attempt === key)

const nameOf = ({ booked_as, id }: Refund): string => booked_as ?? id

const replace = ({ payment }: Step, next: Refund): ReadonlyArray<Refund> =>
  payment.refunds.map((one) => one.id === next.id ? next : one)

/** The gateway gave it back. */
export const refunded = (step: Step, attempt: Attempt, chargeId: string): Step => {
  const refund = refundOf(step.payment, attempt)!
  const confirmed = change(step, {
    amount_refunded: step.payment.amount_refunded + refund.amount,
    refunds: replace(step, { ...refund, status: "succeeded" })
  })
  return told(
    book(confirmed, entries.refundConfirmed(bookOf(step), nameOf(refund), refund.amount)),
    refund,
    chargeId
  )
}

const told = (step: Step, { amount, id }: Refund, charge_id: string): Step =>
  tell(step, "payment.refunded", { refund: { id, amount: Number(amount), charge_id } })

/**
 * The gateway gave nothing back, or takes back that it did: every leg has again what it gave, and the
 * refund can be made again.
 */
export const refundNotMade = (
  step: Step,
  attempt: Attempt,
  failure: { readonly code: string; readonly detail: string }
): Step => {
  const refund = refundOf(step.payment, attempt)
  // One that somebody is said to have made at the gateway, and that was none.
  if (refund === undefined) return step
  const { amount, id } = refund
  const wasMade = refund.status === "succeeded"
  const name = nameOf(refund)
  const { legs, moved } = refundUndone(step.payment, refund.legs)
  const undone = change(step, {
    legs,
    refunds: replace(step, { ...refund, status: "failed" }),
    ...(wasMade && { amount_refunded: step.payment.amount_refunded - amount })
  })
  const back = wasMade
    ? book(undone, entries.refundUnconfirmed(bookOf(undone), name, amount))
    : undone
  const booked = book(back, entries.refundFailed(bookOf(undone), name, moved))
  const { charge_id } = attempt
  return tell(giveCredit(booked, name, refund.credit), "payment.refund_failed", {
    refund: { id, amount: Number(amount), ...(wasMade && { charge_id, taken_back: true }) },
    failure
  })
}

/**
 * Books a refund that was made without being under way here. Undefined where the legs have not as much
 * left, or nobody can say at which rate.
 */
const bookMade = (
  step: Step,
  asked: Omit<Refund, "legs" | "status">,
  chargeId: string,
  rate: "original" | "current"
): Step | undefined => {
  const { payment } = step
  const { amount } = asked
  const left = payment.legs.reduce((sum, leg) => sum + leg.captured - takenBack(leg), 0n)
  if (amount <= 0n || amount > left) return undefined
  const { legs, moved } = refundStep(payment, amount)
  const refund: Refund = { ...asked, status: "succeeded", legs: moved.map((leg) => leg.amount) }
  const taken = takeCredit(change(step, { legs }), nameOf(refund), moved, rate)
  if (taken === undefined) return undefined
  const made: Refund = { ...refund, ...(taken.back && { credit: taken.back }) }
  const isKnown = payment.refunds.some(({ id }) => id === made.id)
  const known = change(taken.step, {
    amount_refunded: payment.amount_refunded + amount,
    refunds: isKnown ? replace(step, made) : [...payment.refunds, made]
  })
  const booked = [
    entries.refund(bookOf(known), nameOf(made), moved),
    entries.refundConfirmed(bookOf(known), nameOf(made), amount)
  ].reduce(book, known)
  return told(booked, made, chargeId)
}

/** It had failed by the gateway's word, and its money has gone out all the same. */
export const refundMadeAfterAll = (
  step: Step,
  attempt: Attempt,
  chargeId: string
): Step | undefined => {
  const refund = refundOf(step.payment, attempt)
  if (refund === undefined) return undefined
  const asked = { ...refund, booked_as: `${refund.id}:${attempt.turns}` }
  return bookMade(step, asked, chargeId, refund.credit?.rate ?? "original")
}

/** Somebody gave money back at the gateway itself: booked as far as it can be, and a break. */
export const refundAtGateway = (
  step: Step,
  attempt: Attempt,
  { amount, charge_id }: Extract<Outcome, { _tag: "Approved" }>
): Step => {
  const { payment, received } = step
  const made: Attempt = { ...attempt, amount, charge_id, status: "approved" }
  const known = changeAttempt(step, made)
  const asked = {
    id: derivedId("ref", payment.id, attempt.refund_id!),
    attempt: attempt.key,
    amount,
    made_at_gateway: true,
    created_at: received.at
  }
  const detail = `the gateway reports a refund of ${amount} that nobody asked for`
  const booked = bookMade(known, asked, charge_id, payment.credit?.refund_rate ?? "original")
  if (booked !== undefined) return doubt(booked, made, { charge_id, detail })
  const refused: Attempt = { ...made, status: "declined", code: "not_asked_for", detail }
  return contradict(step, refused, -amount, { charge_id, detail }) ?? step
}
