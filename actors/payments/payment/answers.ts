import * as entries from "../../../src/ledger/entries.ts"
import type { Answered, Outcome } from "../../../streams/messages/gateway.ts"
import { book } from "../decision.ts"
import type { Attempt } from "./attempts.ts"
import { openCharge, operationUnderWay } from "./attempts.ts"
import {
  isUnwanted,
  isVoidAsked,
  undoUnwanted,
  voidLeft,
  withdraw,
  withdrawn
} from "./cancellation.ts"
import { creditCaptured } from "./crediting.ts"
import { chargeElsewhere, failed } from "./charging.ts"
import { evidenceNotTaken, evidenceTaken } from "./disputes.ts"
import { expiresNoMore, expiresOn } from "./expiry.ts"
import {
  inquire,
  sendWithheld,
  waitForDestination,
  waitForPayer,
  waitForTruth
} from "./gatewayCalls.ts"
import { captureStep, largerBy } from "./legs.ts"
import { refundAtGateway, refunded, refundedOtherwise, refundNotMade } from "./refunds.ts"
import { contradict, giveBackHold, moreCharges, movedBy } from "./suspense.ts"
import {
  attemptOf,
  become,
  bookOf,
  change,
  changeAttempt,
  type Step,
  tell,
  without
} from "./step.ts"
import { as, asCharging, asHeld, leaving } from "./narrow.ts"

type Answer = typeof Answered.Type
type Approved = Extract<Outcome, { _tag: "Approved" }>

/** The gateway answered about an attempt whose outcome is open. Its first definitive answer ends it. */
export const answered = (step: Step, attempt: Attempt, answer: Answer): Step | undefined => {
  const { outcome } = answer
  switch (outcome._tag) {
    case "Approved": {
      const made = approved(step, attempt, outcome, answer.took_millis)
      if (outcome.others === undefined) return made
      return moreCharges(made, attemptOf(made.payment, attempt.key)!, outcome) ?? made
    }
    case "Declined":
      return notMade(step, settled(attempt, "declined", step, answer, outcome), outcome)
    case "NotProcessed":
      // An earlier sending under the same key may still be on its way.
      if (!answer.inquiry && attempt.unknown_since !== undefined) {
        return unknown(step, attempt, outcome.detail)
      }
      return notMade(step, settled(attempt, "not_processed", step, answer, outcome), outcome)
    case "NotFound": {
      const lost = { code: "gateway_lost", detail: outcome.detail }
      return notMade(step, settled(attempt, "lost", step, answer, lost), lost)
    }
    case "RequiresAction":
      return requiresAction(step, attempt, outcome)
    case "Deferred":
      return deferred(step, attempt, answer, outcome.detail)
    case "Withheld":
      if (attempt.status !== "sent") return undefined
      return isUnwanted(step.payment, attempt)
        ? unknown(step, attempt, "it was not sent again: the merchant does not want it any more")
        : sendWithheld(step, attempt)
    case "Unknown":
      return unknown(step, attempt, outcome.detail)
    case "Disputed":
      return unknown(step, attempt, "the gateway spoke of a dispute instead")
  }
}

const settled = (
  attempt: Attempt,
  status: Attempt["status"],
  step: Step,
  answer: Answer,
  why: { readonly code: string; readonly detail: string }
): Attempt => ({
  ...without(attempt, "wake_at"),
  status,
  code: why.code,
  detail: why.detail,
  answered_at: step.received.at,
  took_millis: answer.took_millis
})

/** An inquiry that could not be made is made again; a call goes to another gateway, or waits for its own. */
const deferred = (step: Step, attempt: Attempt, answer: Answer, detail: string): Step => {
  if (answer.inquiry) {
    const { next_action } = step.payment
    return attempt.status === "requires_action" && next_action !== undefined
      ? waitForPayer(step, attempt, { ...next_action, charge_id: attempt.charge_id ?? "" })
      : waitForTruth(step, attempt, detail)
  }
  // Bytes may have left in an earlier try: then only asking is safe.
  if (attempt.unknown_since !== undefined) return waitForTruth(step, attempt, detail)
  if (isUnwanted(step.payment, attempt)) return unknown(step, attempt, detail)
  const why = { _tag: "Deferred", code: "gateway_not_reached", detail } as const
  return chargeElsewhere(step, settled(attempt, "not_processed", step, answer, why), why) ??
    waitForDestination(step, attempt, detail)
}

const requiresAction = (
  step: Step,
  attempt: Attempt,
  outcome: Extract<Outcome, { _tag: "RequiresAction" }>
): Step => {
  // A payer acts on charges only. For anything else this says nothing we can use: we ask again.
  if (attempt.operation !== "charge") return waitForTruth(step, attempt, "an action is required")
  const waiting = waitForPayer(step, attempt, outcome)
  if (step.payment.status === "requires_action") return waiting
  const shown = tell(waiting, "payment.requires_action")
  // Given up before there was anything to pay: nobody is to pay it now.
  return isUnwanted(shown.payment, attempt) && operationUnderWay(shown.payment) === undefined
    ? withdraw(shown).step
    : shown
}

/** Never failed by time: only the gateway's own word ends it. */
const unknown = (step: Step, attempt: Attempt, detail: string): Step => {
  const waiting = waitForTruth(step, attempt, detail)
  if (attempt.operation !== "charge" || step.payment.status === "unknown") return waiting
  const payment = asCharging(waiting.payment)
  return tell(become(waiting, { ...payment, status: "unknown" }), "payment.unknown")
}

const approved = (step: Step, attempt: Attempt, outcome: Approved, took: number): Step => {
  if (attempt.refund_id !== undefined) {
    return refundAtGateway(step, without(attempt, "wake_at"), outcome)
  }
  if (outcome.amount !== attempt.amount) return otherwise(step, attempt, outcome, took)
  const done = changeAttempt(step, {
    ...without(without(attempt, "wake_at"), "detail"),
    status: "approved",
    charge_id: outcome.charge_id,
    answered_at: step.received.at,
    took_millis: took
  })
  switch (attempt.operation) {
    case "charge":
      return charged(done, attempt, outcome)
    case "increment":
      return voidLeft(increased(done, attempt, outcome))
    case "capture":
      return voidLeft(captured(done, attempt, outcome.charge_id, true), isVoidAsked(done.payment))
    case "void":
      return attempt.stray === true ? done : voided(done, attempt)
    case "refund":
      return refunded(done, attempt, outcome.charge_id)
    case "evidence":
      return evidenceTaken(done, attempt.dispute)
  }
}

/** A refund is booked as it was made, where it can be. */
const otherwise = (step: Step, attempt: Attempt, outcome: Approved, took: number): Step => {
  const ended = {
    ...without(attempt, "wake_at"),
    code: "gateway_amount_mismatch",
    answered_at: step.received.at,
    took_millis: took
  }
  return (attempt.operation === "refund" ? refundedOtherwise(step, ended, outcome) : undefined) ??
    mismatched(step, attempt, outcome, took)
}

/** What the gateway moved is not what was asked for: not made for us, and its money is in question. */
const mismatched = (step: Step, attempt: Attempt, outcome: Approved, took: number): Step => {
  const why = {
    code: "gateway_amount_mismatch",
    detail: `the gateway reports ${outcome.amount}, asked for ${attempt.amount}`
  }
  const ended: Attempt = {
    ...without(attempt, "wake_at"),
    status: "declined",
    ...why,
    answered_at: step.received.at,
    took_millis: took
  }
  const refused = notMade(step, ended, why)
  const word = { charge_id: outcome.charge_id, detail: why.detail }
  const told = contradict(refused, ended, movedBy(attempt, outcome), word)
  return told === undefined ? refused : giveBackHold(told, ended, outcome)
}

const charged = (step: Step, attempt: Attempt, outcome: Approved): Step => {
  const { charge_id } = outcome
  const isUnwanted = isVoidAsked(step.payment)
  const known = become(step, {
    ...leaving(asCharging(step.payment), "next_action"),
    status: "authorized",
    charge_id,
    amount_authorized: attempt.amount
  })
  if (outcome.captured) {
    return undoUnwanted(captured(known, attempt, charge_id, false), isUnwanted)
  }
  const held = book(known, entries.hold(bookOf(known), attempt.key, attempt.amount))
  return undoUnwanted(
    tell(expiresOn(held, outcome.authorized_until), "payment.authorized"),
    isUnwanted
  )
}

/** The payment is of the larger amount from now on: fee and splits are counted on it. */
export const increased = (step: Step, attempt: Attempt, outcome: Approved): Step => {
  const { amount } = attempt
  const payment = as(step.payment, "authorized")
  const larger = become(step, {
    ...payment,
    ...largerBy(payment, amount),
    amount_authorized: payment.amount_authorized + amount
  })
  const held = book(larger, entries.hold(bookOf(larger), attempt.key, amount))
  const kept = outcome.authorized_until === undefined
    ? held
    : expiresOn(held, outcome.authorized_until)
  return tell(kept, "payment.authorization_increased", { increment: { amount: Number(amount) } })
}

export const captured = (
  step: Step,
  attempt: Attempt,
  chargeId: string,
  wasHeld: boolean
): Step => {
  const { amount } = attempt
  const { legs, moved } = captureStep(step.payment, amount)
  const total = step.payment.amount_captured + amount
  // A final capture gives back what it leaves of the authorization, in the same entry.
  const freed = attempt.final === true
    ? step.payment.amount_authorized - step.payment.amount_captured
    : amount
  const given = wasHeld ? book(step, entries.release(bookOf(step), attempt.key, freed)) : step
  const booked = creditCaptured(
    book(change(given, { legs }), entries.capture(bookOf(given), attempt.key, moved)),
    attempt.key
  )
  const held = asHeld(booked.payment)
  const told = { capture: { amount: Number(amount), charge_id: chargeId } }
  if (attempt.final !== true && total !== held.amount_authorized) {
    const next = { ...held, status: "partially_captured", amount_captured: total } as const
    return tell(become(booked, next), "payment.partially_captured", told)
  }
  const whole = leaving(held, "void_requested")
  return tell(
    become(expiresNoMore(booked), { ...whole, status: "captured", amount_captured: total }),
    "payment.captured",
    told
  )
}

/** What was still authorized is free again, because somebody gave it back or because it ran out. */
export const voided = (step: Step, attempt: Attempt): Step => {
  const charge = openCharge(step.payment)
  return charge === undefined ? given(step, attempt) : withdrawn(step, charge)
}

const given = (step: Step, attempt: Attempt): Step => {
  const booked = book(step, entries.release(bookOf(step), attempt.key, attempt.amount))
  const hasExpired = attempt.expiry === true
  const held = leaving(asHeld(step.payment), "void_requested")
  const ended = become(
    expiresNoMore(booked),
    held.status === "partially_captured"
      ? { ...held, status: "captured" }
      : { ...held, status: hasExpired ? "expired" : "voided" }
  )
  const freed = { amount: Number(attempt.amount) }
  return hasExpired
    ? tell(ended, "payment.expired", { expired: freed })
    : tell(ended, "payment.voided", { voided: freed })
}

/** The gateway did not do it, and no money moved. */
const notMade = (
  step: Step,
  attempt: Attempt,
  why: { readonly code: string; readonly detail: string } & Partial<Outcome>
): Step => {
  const elsewhere = chargeElsewhere(step, attempt, why)
  if (elsewhere !== undefined) return elsewhere
  const ended = changeAttempt(step, attempt)
  const failure = { code: why.code, detail: why.detail }
  switch (attempt.operation) {
    case "charge": {
      if (operationUnderWay(ended.payment)?.operation === "void") {
        return withdrawn(ended, attempt)
      }
      return failed(ended, failure)
    }
    case "refund":
      return refundNotMade(ended, attempt, failure)
    case "void":
      // The break that its authorization is stands, for a person.
      if (attempt.stray === true) return ended
      // An authorization that ran out is over whatever the gateway says of giving it back.
      if (attempt.expiry === true) return voided(ended, attempt)
      if (isVoidAsked(ended.payment)) return stillUnwanted(ended)
      return tell(ended, "payment.void_failed", { failure })
    case "evidence":
      return tell(evidenceNotTaken(ended, attempt.dispute), "payment.evidence_failed", { failure })
    default:
      return voidLeft(tell(ended, `payment.${attempt.operation}_failed`, { failure }))
  }
}

/**
 * The gateway did not take the charge back: most likely it is paid, which is asked now. Whatever comes of
 * the charge is undone then.
 */
const stillUnwanted = (step: Step): Step => {
  const charge = openCharge(step.payment)
  if (charge === undefined) return voidLeft(step)
  return charge.wake_at === undefined ? step : inquire(step, charge)
}
