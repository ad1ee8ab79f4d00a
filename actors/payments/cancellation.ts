import { derivedId } from "../../src/domain/identifiers.ts"
import * as entries from "../../src/ledger/entries.ts"
import { takeCredit } from "./crediting.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { refundStep } from "./legs.ts"
import type { Payment, Status } from "./state.ts"
import { book, bookOf, change, type Step } from "./step.ts"

/** The charge is at the gateway and its outcome open: it cannot be stopped, only be undone. */
export const isUnderWay = (status: Status): boolean =>
  status === "processing" || status === "requires_action" || status === "unknown"

/** The merchant does not want it any more: what the gateway says later is undone at once. */
export const voidLater = (step: Step): Step => change(step, { void_requested: true })

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
export const undoUnwanted = (step: Step): Step => {
  const { payment } = step
  if (payment.void_requested !== true) return step
  if (payment.status === "captured") {
    const id = derivedId("ref", payment.id, "void", "requested")
    return askRefund(step, id, payment.amount_captured, "the payment was voided")!.step
  }
  const key = `${payment.id}.void.${voidsOf(payment) + 1}`
  return sendAttempt(step, { key, operation: "void", amount: payment.amount_authorized })
}

const voidsOf = ({ attempts }: Payment): number =>
  attempts.filter(({ operation }) => operation === "void").length
