import type Stripe from "stripe"
import type { Outcome } from "../../streams/messages/gateway.ts"
import { fromStripe } from "./stripeAmount.ts"
import { LAST_MILLIS } from "../../src/domain/moment.ts"

type Disputed = Extract<Outcome, { _tag: "Disputed" }>

/**
 * What a dispute's state means for the money. A warning is a question of the payer's bank before a
 * dispute: nothing was taken back, and what ends there never does. A state Stripe adds later is open.
 */
const statusOf = (status: Stripe.Dispute.Status): Disputed["status"] => {
  switch (status) {
    case "won":
      return "won"
    case "lost":
      return "lost"
    case "under_review":
    case "appeal_needs_response":
    case "appeal_under_review":
      return "under_review"
    case "prevented":
      return "warning"
    default:
      return status.startsWith("warning_") ? "warning" : "needs_response"
  }
}

/** What Stripe charges for the dispute, as far as it is of the dispute's own currency. */
const feeOf = (dispute: Stripe.Dispute, currency: string): bigint => {
  const fee = dispute.balance_transactions
    .filter((one) => one.currency === dispute.currency)
    .reduce((sum, one) => sum + one.fee, 0)
  return fee > 0 ? fromStripe(fee, currency) ?? 0n : 0n
}

export const outcomeOfDispute = (dispute: Stripe.Dispute): Outcome => {
  const currency = dispute.currency.toUpperCase()
  const amount = fromStripe(dispute.amount, currency)
  if (amount === undefined) {
    return { _tag: "Unknown", detail: `Stripe tells an impossible amount, ${dispute.amount}` }
  }
  const { due_by } = dispute.evidence_details
  return {
    _tag: "Disputed",
    dispute_id: dispute.id,
    amount,
    currency,
    fee: feeOf(dispute, currency),
    reason: dispute.reason,
    ...(due_by !== null && due_by > 0 && {
      evidence_due_by: new Date(Math.min(due_by * 1_000, LAST_MILLIS)).toISOString()
    }),
    status: statusOf(dispute.status)
  }
}

/** Kinds of documents that Stripe asks for by name. */
const FILES = [
  ...["cancellation_policy", "customer_communication", "customer_signature"] as const,
  ...["duplicate_charge_documentation", "receipt", "refund_policy"] as const,
  ...["service_documentation", "shipping_documentation", "uncategorized_file"] as const
]
type FileKind = (typeof FILES)[number]

/**
 * Words and documents as Stripe takes them. A document is the identifier of a file that was uploaded
 * there, `file_…` or `receipt:file_…` for a kind of its own; any other is named in the text. Of one kind
 * Stripe takes one: what is beyond it is named, too.
 */
export const evidenceOf = (
  { documents, text }: { readonly documents: ReadonlyArray<string>; readonly text: string }
): Stripe.DisputeUpdateParams.Evidence => {
  const files: Partial<Record<FileKind, string>> = {}
  const named: Array<string> = []
  for (const document of documents) {
    const match = /^(?:([a-z_]+):)?(file_\w+)$/.exec(document)
    const kind = FILES.find((one) => one === (match?.[1] ?? "uncategorized_file"))
    if (match === null || kind === undefined || files[kind] !== undefined) named.push(document)
    else files[kind] = match[2]!
  }
  return { ...files, uncategorized_text: [text, ...named].join("\n") }
}
