import { derivedId } from "../../../src/domain/identifiers.ts"
import * as entries from "../../../src/ledger/entries.ts"
import { book, row } from "../decision.ts"
import type { Attempt } from "./attempts.ts"
import type { Payment, Status } from "./state.ts"
import { nextNumber, openCharge, operationUnderWay, PAID_FIRST } from "./attempts.ts"
import { takeCredit } from "./crediting.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { refundStep } from "./legs.ts"
import { become, bookOf, change, changeAttempt, type Step, tell, without } from "./step.ts"
import { as, asCharging, asHeld, leaving } from "./narrow.ts"

/** No gateway was asked for anything yet. */
export const isBeforeCharge = (status: Status): boolean =>
  status === "screening" || status === "in_review"

/** The charge is at the gateway and its outcome open: it cannot be stopped, only be undone. */
export const isUnderWay = (status: Status): boolean =>
  status === "processing" || status === "requires_action" || status === "unknown"

/** Nothing is to be given back, and nothing will be charged: a later score or review finds it ended. */
export const voidNow = (step: Step): Step => {
  const { id, status } = step.payment
  const left = status === "in_review"
    ? row(step, { _tag: "Review", paymentId: id, open: false })
    : step
  const payment = as(left.payment, "screening", "in_review")
  return tell(become(left, { ...payment, status: "voided" }), "payment.voided", {
    voided: { amount: 0 }
  })
}

/**
 * The merchant does not want it any more, and something is under way: what the gateway says of it is
 * undone at once. Whoever waits for the void waits for the attempt that will be made then.
 */
export const voidLater = (step: Step): { readonly step: Step; readonly attempt: string } => ({
  step: voidAsked(step),
  attempt: voidKeyOf(step.payment)
})

const voidAsked = (step: Step): Step =>
  become(step, {
    ...as(
      step.payment,
      "processing",
      "requires_action",
      "unknown",
      "authorized",
      "partially_captured"
    ),
    void_requested: true
  })

export const isVoidAsked = ({ void_requested }: Payment): boolean => void_requested === true

/**
 * A charge waits for its payer: the gateway is asked to take it back, so that nobody can pay it any more.
 * Whoever paid first has paid, and gets it back.
 */
export const withdraw = (step: Step): { readonly step: Step; readonly attempt: string } => {
  const { payment } = step
  const key = voidKeyOf(payment)
  const { amount, charge_id, gateway } = openCharge(payment)!
  const asked = sendAttempt(voidAsked(step), {
    key,
    operation: "void",
    amount,
    ...(charge_id !== undefined && { charge_id }),
    ...(gateway !== undefined && { gateway })
  })
  return { step: asked, attempt: key }
}

/** The gateway has taken it back, or it ended unpaid meanwhile: the payment ends with it. */
export const withdrawn = (step: Step, charge: Attempt): Step => {
  const ended = changeAttempt(step, {
    ...without(charge, "wake_at"),
    status: "declined",
    code: "withdrawn",
    detail: "the merchant gave it up before it was paid",
    answered_at: step.received.at
  })
  const asked = operationUnderWay(ended.payment)
  const done = asked === undefined
    ? ended
    : changeAttempt(ended, { ...without(asked, "wake_at"), status: "approved" })
  const payment = leaving(asCharging(done.payment), "next_action", "void_requested")
  return tell(become(done, { ...payment, status: "voided" }), "payment.voided", {
    voided: { amount: 0 }
  })
}

/** A charge that nobody wants is not sent once more: only asked about. */
export const isUnwanted = (payment: Payment, { operation }: Attempt): boolean =>
  operation === "charge" && isVoidAsked(payment)

/** The one that is asked for next. */
const voidKeyOf = (payment: Payment): string => `${payment.id}.void.${nextNumber(payment, "void")}`

const uncaptured = ({ amount_authorized, amount_captured }: Payment): bigint =>
  amount_authorized - amount_captured

/** Asks the gateway to give back what was not captured. */
export const askVoid = (step: Step): { readonly step: Step; readonly attempt: string } => {
  const key = voidKeyOf(step.payment)
  const amount = uncaptured(step.payment)
  return { step: sendAttempt(step, { key, operation: "void", amount }), attempt: key }
}

/**
 * Asks for a refund. The ledger moves now: what is on its way back cannot be refunded twice. Undefined
 * where it is to come back at the current rate, and there is none.
 */
export const askRefund = (
  step: Step,
  id: string,
  amount: bigint,
  reason: string | undefined,
  rate: "original" | "current" = "original"
): { readonly step: Step; readonly attempt: string } | undefined => {
  const { payment, received } = step
  const key = `${payment.id}.refund.${id}`
  const { legs, moved } = refundStep(payment, amount)
  const taken = takeCredit(change(step, { legs }), id, moved, rate)
  if (taken === undefined) return undefined
  const asked = change(taken.step, {
    refunds: [...payment.refunds, {
      id,
      attempt: key,
      amount,
      status: "pending",
      ...(reason !== undefined && { reason }),
      legs: moved.map((leg) => leg.amount),
      ...(taken.back && { credit: taken.back }),
      created_at: received.at
    }]
  })
  const booked = book(asked, entries.refund(bookOf(asked), id, moved))
  return { step: sendAttempt(booked, { key, operation: "refund", amount }), attempt: key }
}

/** The charge was made after all. Where it is not wanted any more, it goes back in the same turn. */
export const undoUnwanted = (step: Step, isUnwanted: boolean): Step => {
  if (!isUnwanted) return step
  const asked = operationUnderWay(step.payment)
  const { amount_captured, id, status } = step.payment
  // One that was asked for while the payer had not acted may give back what is held now.
  if (status !== "captured") return asked === undefined ? askVoid(heed(step)).step : step
  const paid = asked === undefined ? step : changeAttempt(step, {
    ...without(asked, "wake_at"),
    status: "not_processed",
    code: PAID_FIRST,
    detail: "the payer paid first: it is given back",
    answered_at: step.received.at
  })
  const refund = derivedId("ref", id, "void", "requested")
  return askRefund(paid, refund, amount_captured, "the payment was voided")!.step
}

/**
 * A capture or an increment is over, and a void was asked for meanwhile: it gives back what is left
 * now. What the merchant had captured stays captured, as with a void that comes later.
 */
export const voidLeft = (step: Step, isAsked = isVoidAsked(step.payment)): Step => {
  if (!isAsked) return step
  if (step.payment.status !== "captured") return askVoid(heed(step)).step
  const failure = { code: "nothing_to_void", detail: "the capture before it left nothing" }
  const none = changeAttempt(step, {
    key: voidKeyOf(step.payment),
    operation: "void",
    amount: 0n,
    status: "not_processed",
    ...failure,
    sent_at: step.received.at,
    tries: 0
  })
  return tell(none, "payment.void_failed", { failure })
}

/** From here on the void is an attempt like any other. */
const heed = (step: Step): Step => become(step, leaving(asHeld(step.payment), "void_requested"))
