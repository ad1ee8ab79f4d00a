import * as entries from "../../../src/ledger/entries.ts"
import type { Received } from "../../../src/runtime/actor.ts"
import { book, refuse, row } from "../decision.ts"
import { type Dispute, isDisputeOpen } from "./dispute.ts"
import { isDefinitive } from "./attempts.ts"
import type { Payment } from "./state.ts"
import type { Terms } from "../terms.ts"
import { nextNumber } from "./attempts.ts"
import { giveCredit, takeCredit, takeFee } from "./crediting.ts"
import { type Body, cannotBe, command, type Taken } from "./commands.ts"
import { disputeLifted, disputeStep } from "./legs.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { become, bookOf, change, type Step, tell, without } from "./step.ts"
import { asCaptured } from "./narrow.ts"

/** Disputes of one payment. A gateway has one at a time; beyond this something is wrong. */
export const DISPUTES_MAX = 20

/**
 * The payer's bank took its money back. Every leg's part is held until the dispute ends; what was
 * given back already by refunds cannot be held once more and is at our own risk.
 */
export const disputeOpened = (
  payment: Payment,
  body: Body<"dispute_opened">,
  received: Received<Terms>
) =>
  command(payment, "dispute_opened", body, received, (step) => {
    const { amount, dispute_id: id, evidence_due_by, fee = 0n, reason } = body
    if (payment.status !== "captured" && payment.status !== "partially_captured") {
      return cannotBe("disputed", payment)
    }
    const known = disputeOf(payment, id)
    if (known !== undefined) {
      return known.amount === amount && known.fee === fee
        ? { step }
        : refuse("dispute_reused", `dispute ${id} is known with other amounts`, payment.id)
    }
    const { disputes = [] } = payment
    if (amount > payment.amount_captured) {
      const detail = `${amount} is more than the ${payment.amount_captured} that was captured`
      return refuse("amount_too_large", detail, payment.id)
    }
    if (disputes.length >= DISPUTES_MAX) {
      return refuse("too_many_disputes", `a payment takes ${DISPUTES_MAX} disputes`, payment.id)
    }
    const told = { id, amount, fee, reason, evidence_due_by }
    return { step: opened(step, told) }
  })

/** What a gateway, or somebody in its name, says of a new dispute. */
interface News {
  readonly id: string
  readonly amount: bigint
  readonly fee: bigint
  readonly reason: string | undefined
  readonly evidence_due_by: string | undefined
  readonly told?: boolean
}

export const opened = (
  step: Step,
  { amount, evidence_due_by, fee, id, reason, told: told_by_gateway }: News
): Step => {
  const { payment, received } = step
  const { legs, moved } = disputeStep(payment, amount)
  // What a bank takes back comes at the rate at which it was given: nobody chose the day.
  const taken = takeCredit(change(step, { legs }), id, moved, "original")!
  const dispute: Dispute = {
    id,
    amount,
    fee,
    status: "needs_response",
    legs: moved.map((leg) => leg.amount),
    ...(taken.back && { credit: taken.back }),
    opened_at: received.at,
    ...(reason !== undefined && { reason }),
    ...(evidence_due_by !== undefined && { evidence_due_by }),
    ...(told_by_gateway === true && { told: true })
  }
  const held = become(taken.step, {
    ...asCaptured(taken.step.payment),
    disputes: [...(payment.disputes ?? []), dispute]
  })
  const booked = [
    entries.dispute(bookOf(held), id, amount),
    ...entries.disputeHold(bookOf(held), id, moved),
    ...entries.disputeFee(bookOf(held), id, fee)
  ].reduce(book, held)
  return told(takeFee(booked, id, fee), dispute, "opened")
}

/** The gateway's last word: the money comes back, or it is lost leg by leg. */
export const disputeClosed = (
  payment: Payment,
  body: Body<"dispute_closed">,
  received: Received<Terms>
) =>
  command(payment, "dispute_closed", body, received, (step) => {
    const dispute = disputeOf(payment, body.dispute_id)
    if (dispute === undefined) return unknown(payment, body.dispute_id)
    if (isDisputeOpen(dispute)) {
      return { step: body.outcome === "won" ? won(step, dispute) : lost(step, dispute, "lost") }
    }
    const agreed = dispute.status === body.outcome ||
      (dispute.status === "accepted" && body.outcome === "lost")
    return agreed ? { step } : over(payment, dispute)
  })

/**
 * The merchant's defence; a later one replaces it. A gateway that told of the dispute itself is sent it,
 * and says whether it took it; of any other dispute it is told to whoever brings it there.
 */
export const disputeEvidence = (
  payment: Payment,
  body: Body<"dispute_evidence">,
  received: Received<Terms>
) =>
  command(payment, "dispute_evidence", body, received, (step) => {
    const dispute = disputeOf(payment, body.dispute_id)
    if (dispute === undefined) return unknown(payment, body.dispute_id)
    if (!isDisputeOpen(dispute)) return over(payment, dispute)
    const { documents = [], text } = body
    const evidence = { text, documents, submitted_at: received.at }
    if (dispute.told !== true) {
      return { step: submitted(step, { ...dispute, evidence }) }
    }
    const sent = payment.attempts.filter(({ operation }) => operation === "evidence")
    if (sent.some(({ dispute: id, status }) => id === dispute.id && !isDefinitive(status))) {
      const detail = "the evidence before it is under way: try again after it"
      return refuse("operation_in_progress", detail, payment.id)
    }
    const attempt = `${payment.id}.evidence.${nextNumber(payment, "evidence")}`
    const { evidence: evidence_before } = dispute
    const next = { ...dispute, evidence, ...(evidence_before && { evidence_before }) }
    return {
      step: sendAttempt(noted(replace(step, next), next), {
        key: attempt,
        operation: "evidence",
        amount: dispute.amount,
        dispute: dispute.id
      }),
      attempt
    }
  })

const submitted = (step: Step, dispute: Dispute): Step => {
  const next: Dispute = { ...dispute, status: "under_review" }
  return told(replace(step, next), next, "evidence_submitted")
}

/** The gateway has what the merchant says. A dispute that is over meanwhile is over. */
export const evidenceTaken = (step: Step, id: string | undefined): Step => {
  const dispute = disputeOf(step.payment, id)
  if (dispute === undefined) return step
  const next = without(dispute, "evidence_before")
  return isDisputeOpen(next) ? submitted(step, next) : noted(replace(step, next), next)
}

/** The gateway has what it had before. */
export const evidenceNotTaken = (step: Step, id: string | undefined): Step => {
  const dispute = disputeOf(step.payment, id)
  if (dispute === undefined) return step
  const { evidence: _, evidence_before: evidence, ...rest } = dispute
  const next = { ...rest, ...(evidence && { evidence }) }
  return noted(replace(step, next), next)
}

/** The merchant gives in, and need not wait for the gateway to say so. */
export const disputeAccept = (
  payment: Payment,
  body: Body<"dispute_accept">,
  received: Received<Terms>
) =>
  command(payment, "dispute_accept", body, received, (step): Taken | ReturnType<typeof refuse> => {
    const dispute = disputeOf(payment, body.dispute_id)
    if (dispute === undefined) return unknown(payment, body.dispute_id)
    if (!isDisputeOpen(dispute)) return over(payment, dispute)
    return { step: lost(step, dispute, "accepted") }
  })

export const disputeOf = (payment: Payment, id: string | undefined): Dispute | undefined =>
  payment.disputes?.find((one) => one.id === id)

const unknown = (payment: Payment, id: string) =>
  refuse("dispute_not_found", `the payment has no dispute ${id}`, payment.id)

const over = (payment: Payment, dispute: Dispute) =>
  refuse("invalid_state", `the dispute is ${dispute.status}`, payment.id)

export const won = (step: Step, dispute: Dispute): Step => {
  const { legs, moved } = disputeLifted(step.payment, dispute.legs)
  const next: Dispute = { ...dispute, status: "won", closed_at: step.received.at }
  const lifted = change(replace(step, next), { legs })
  const booked = [
    ...entries.disputeRelease(bookOf(lifted), dispute.id, moved),
    entries.disputeWon(bookOf(lifted), dispute.id, dispute.amount)
  ].reduce(book, lifted)
  return told(giveCredit(booked, dispute.id, dispute.credit), next, "won")
}

export const lost = (step: Step, dispute: Dispute, status: "lost" | "accepted"): Step => {
  const next: Dispute = { ...dispute, status, closed_at: step.received.at }
  const ended = replace(step, next)
  const moved = ended.payment.legs.map(({ owner }, nth) => ({ owner, amount: dispute.legs[nth]! }))
  const booked = [
    ...entries.disputeRelease(bookOf(ended), dispute.id, moved),
    entries.disputeLost(bookOf(ended), dispute.id, dispute.amount, moved)
  ].reduce(book, ended)
  return told(booked, next, status)
}

export const replace = (step: Step, next: Dispute): Step =>
  become(step, {
    ...asCaptured(step.payment),
    disputes: step.payment.disputes!.map((one) => one.id === next.id ? next : one)
  })

/** Keeps it in the list of disputes, too. */
export const noted = (step: Step, dispute: Dispute): Step =>
  row(step, {
    _tag: "Dispute",
    paymentId: step.payment.id,
    currency: step.payment.currency,
    dispute
  })

const told = (
  step: Step,
  dispute: Dispute,
  what: "opened" | "evidence_submitted" | "accepted" | "won" | "lost"
): Step =>
  tell(
    noted(step, dispute),
    `payment.dispute_${what}`,
    { dispute: { id: dispute.id, amount: Number(dispute.amount), status: dispute.status } }
  )
