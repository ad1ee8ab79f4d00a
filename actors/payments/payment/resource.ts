import type { DisputeResource, PaymentResource } from "../../../streams/resources/payment.ts"
import type { Dispute } from "./dispute.ts"
import type { Payment } from "./state.ts"
import type { Refund } from "./refund.ts"
import { gatewayOf } from "./attempts.ts"
import type { Credit } from "./credit.ts"
import type { Stray } from "./stray.ts"

const time = (millis: number): string => new Date(millis).toISOString()

export const disputeResourceOf = (dispute: Dispute): DisputeResource => ({
  id: dispute.id,
  amount: Number(dispute.amount),
  fee: Number(dispute.fee),
  status: dispute.status,
  ...(dispute.reason !== undefined && { reason: dispute.reason }),
  ...(dispute.evidence_due_by !== undefined && { evidence_due_by: dispute.evidence_due_by }),
  ...(dispute.evidence && {
    evidence: { ...dispute.evidence, submitted_at: time(dispute.evidence.submitted_at) }
  }),
  opened_at: time(dispute.opened_at),
  ...(dispute.closed_at !== undefined && { closed_at: time(dispute.closed_at) })
})

/** Who pays is the bank's to know: events and webhooks carry no tax number. */
const methodShown = ({ payment_method }: Payment) => {
  const { payer: _, ...shown } = payment_method
  return shown
}

/** A code to read is an image, too. */
const actionShown = (id: string, action: NonNullable<Payment["next_action"]>) =>
  action.br_code === undefined
    ? action
    : { ...action, type: "pix" as const, url: `/v1/payments/${id}/qr-code` }

/** What all owners have for it in the other currency. What we gain or lose by a refund is not told. */
const creditShown = ({ legs }: Payment, { currency, quote, rate, refund_rate }: Credit) => ({
  currency,
  amount: Number(
    legs.reduce(
      (sum, { credit }) => credit === undefined ? sum : sum + credit.given - credit.taken,
      0n
    )
  ),
  quote,
  rate,
  refund_rate
})

const refundShown = (
  { amount, created_at, credit, id, made_at_gateway, reason, status, stray }: Refund
) => ({
  id,
  amount: Number(amount),
  status,
  ...(stray !== undefined && { charge_id: stray }),
  ...(made_at_gateway === true && { made_at_gateway }),
  ...(reason !== undefined && { reason }),
  ...(credit && {
    credit: {
      amount: Number(credit.legs.reduce((sum, { taken }) => sum + taken, 0n)),
      rate: credit.rate
    }
  }),
  created_at: time(created_at)
})

/** Of one that the gateway took back before any of it was returned nothing is left to tell. */
const isThere = ({ amount, returned }: Stray): boolean => amount > 0n || returned > 0n

const strayShown = ({ amount, charge_id, gateway, returned }: Stray) => ({
  charge_id,
  gateway,
  amount: Number(amount),
  returned: Number(returned)
})

/** A payment as the world sees it: the API's resource, the answer to a waiter, the body of events. */
export const resourceOf = (payment: Payment): PaymentResource => ({
  id: payment.id,
  merchant: payment.merchant,
  status: payment.status,
  amount: Number(payment.amount),
  ...(payment.surcharge !== undefined && { surcharge: Number(payment.surcharge) }),
  currency: payment.currency,
  capture: payment.capture,
  payment_method: methodShown(payment),
  ...(payment.customer && { customer: payment.customer }),
  ...(payment.device && { device: payment.device }),
  ...(payment.splits && {
    splits: payment.splits.map(({ amount, ...split }) => ({
      ...split,
      ...(amount !== undefined && { amount: Number(amount) })
    }))
  }),
  ...(payment.fee_bearer !== undefined && { fee_bearer: payment.fee_bearer }),
  ...(payment.credit && { credit: creditShown(payment, payment.credit) }),
  ...(payment.reference !== undefined && { reference: payment.reference }),
  ...(payment.description !== undefined && { description: payment.description }),
  ...(payment.metadata && { metadata: payment.metadata }),
  amount_authorized: Number(payment.amount_authorized),
  amount_captured: Number(payment.amount_captured),
  amount_refunded: Number(payment.amount_refunded),
  ...(payment.amount_settled !== undefined && { amount_settled: Number(payment.amount_settled) }),
  fee: Number(payment.legs.find(({ owner }) => owner._tag === "Fee")?.captured ?? 0n),
  ...(payment.risk && { risk: payment.risk }),
  gateway: payment.gateway,
  ...(payment.void_requested === true && { void_requested: true as const }),
  ...(payment.charge_id !== undefined && { charge_id: payment.charge_id }),
  attempts: payment.attempts.map((attempt) => ({
    key: attempt.key,
    operation: attempt.operation,
    amount: Number(attempt.amount),
    status: attempt.status,
    gateway: gatewayOf(payment, attempt),
    ...(attempt.reason !== undefined && { reason: attempt.reason }),
    ...(attempt.code !== undefined && { code: attempt.code }),
    ...(attempt.detail !== undefined && { detail: attempt.detail }),
    ...(attempt.charge_id !== undefined && { charge_id: attempt.charge_id }),
    sent_at: time(attempt.sent_at),
    ...(attempt.answered_at !== undefined && { answered_at: time(attempt.answered_at) }),
    ...(attempt.took_millis !== undefined && { took_millis: attempt.took_millis })
  })),
  refunds: payment.refunds.map(refundShown),
  ...(payment.strays?.some(isThere) &&
    { in_suspense: payment.strays.filter(isThere).map(strayShown) }),
  ...(payment.disputes && {
    amount_disputed: Number(
      payment.legs.reduce((sum, { disputed = 0n }) => sum + disputed, 0n)
    ),
    disputes: payment.disputes.map(disputeResourceOf)
  }),
  ...(payment.expires_at !== undefined && { expires_at: time(payment.expires_at) }),
  // What is given up is shown to no payer any more.
  ...(payment.next_action && payment.void_requested !== true &&
    { next_action: actionShown(payment.id, payment.next_action) }),
  ...(payment.failure && { failure: payment.failure }),
  created_at: time(payment.created_at),
  updated_at: time(payment.updated_at),
  version: payment.version
})
