import type { Family } from "./mailboxes.ts"

/**
 * Which event goes to which actor. The emitting actor does not know its readers.
 * Each reader gets the event in its mailbox as a message of the given type with the body
 * `{ event_id, type, merchant, at, about, data }`.
 */
export interface Route {
  readonly events: ReadonlyArray<string>
  readonly to: Family
  readonly as: string
}

export const routes: ReadonlyArray<Route> = [
  {
    events: [
      "payment.captured",
      "payment.partially_captured",
      "payment.authorized",
      "payment.failed",
      "payment.rejected",
      "payment.in_review",
      "payment.requires_action",
      "payment.voided",
      "payment.expired",
      "payment.authorization_increased",
      "payment.refunded",
      "payment.dispute_opened",
      "payment.dispute_evidence_submitted",
      "payment.evidence_failed",
      "payment.dispute_accepted",
      "payment.dispute_won",
      "payment.dispute_lost",
      "payment.settled",
      "payout.created",
      "payout.paid",
      "payout.failed",
      "transfer.sent",
      "transfer.completed",
      "transfer.received",
      "transfer.failed",
      "fx.converted",
      "fx.reversed",
      "payout.returned",
      "payout.contradicted"
    ],
    to: "messaging",
    as: "event"
  },
  {
    events: [
      "payment.captured",
      "payment.partially_captured",
      "payment.refunded",
      "payment.charge_contradicted",
      "payout.contradicted"
    ],
    to: "reconciliation",
    as: "event"
  }
]
