import { sourceOf } from "../../../streams/mailboxes.ts"
import type { Payout } from "../../../actors/payments/wallet/payout.ts"
import type { Attempt } from "../../../actors/payments/payment/attempts.ts"
import { type Dispute, isDisputeOpen } from "../../../actors/payments/payment/dispute.ts"
import type { Payment } from "../../../actors/payments/payment/state.ts"
import { derivedId, eventIdOf, refundIdOf } from "../../domain/identifiers.ts"
import * as entries from "../../ledger/entries.ts"
import type { EntryKind } from "../../ledger/journal.ts"
import { placeOf } from "../../runtime/letter.ts"
import type { EventRecord } from "../../store/events.ts"
import { type PaymentEvidence, REFUSED } from "./evidence.ts"
import type { MailboxMessage } from "./mailbox.ts"

/** Something that happened, with the place in the mailbox of what made it happen. */
export interface Traced {
  readonly what: string
  /** Undefined where no message of the mailbox can have caused it. */
  readonly seq: number | undefined
}

/** The effects on one payment, each list in the order in which it was written. */
interface Effects {
  readonly commands: ReadonlyArray<Traced>
  readonly entries: ReadonlyArray<Traced>
  readonly events: ReadonlyArray<Traced>
}

/** Identifiers of entries follow from their cause alone, so they can be made here again. */
const entryIds = (payment: Payment) => {
  const book = {
    merchant: payment.merchant,
    partition: 0,
    gateway: payment.gateway,
    currency: payment.currency,
    paymentId: payment.id
  }
  return {
    hold: (attempt: string) => entries.hold(book, attempt, 0n).id,
    release: (attempt: string) => entries.release(book, attempt, 0n).id,
    capture: (attempt: string) => entries.capture(book, attempt, []).id,
    refund: (refund: string) => entries.refund(book, refund, []).id,
    confirmed: (refund: string) => entries.refundConfirmed(book, refund, 0n).id,
    undone: (refund: string) => entries.refundFailed(book, refund, []).id,
    of: (kind: EntryKind, cause: string) => derivedId("je", payment.id, kind, cause)
  }
}

const refundOf = (payment: Payment, attempt: string): string =>
  attempt.slice(`${payment.id}.refund.`.length)

/** Journal entries in the order they were written, each named once. */
export const writtenEntries = (
  { postings }: Pick<PaymentEvidence, "postings">
): ReadonlyArray<string> => [
  ...new Set(postings.map(({ entry_id }) => entry_id))
]

/** The journal entries that the payment's own history asks for, no more and no fewer. */
export const dueEntries = ({ messages, payment }: PaymentEvidence): ReadonlyArray<string> => {
  const ids = entryIds(payment)
  const { disputes = [], settlements = [] } = payment
  return [
    ...attempted(payment),
    ...settlements.map((id) => ids.of("settlement", id)),
    // Each is one message of the payment to a balance.
    ...messages.filter(({ type }) => type === "cleared").map((one) =>
      ids.of("clearing", causeOf(one))
    ),
    ...disputes.flatMap((dispute) => disputeKinds(dispute).map((kind) => ids.of(kind, dispute.id)))
  ]
}

const disputeKinds = (dispute: Dispute): ReadonlyArray<EntryKind> => {
  const held = dispute.legs.some((amount) => amount > 0n)
  const closed = !isDisputeOpen(dispute)
  return [
    "dispute",
    ...(held ? ["dispute_hold" as const] : []),
    ...(dispute.fee > 0n ? ["dispute_fee" as const] : []),
    ...(held && closed ? ["dispute_release" as const] : []),
    ...(closed ? [dispute.status === "won" ? "dispute_won" as const : "dispute_lost" as const] : [])
  ]
}

/** What the ledger owes a payout: sent, and paid or returned. */
export const duePayoutEntries = ({ id, status }: Payout): ReadonlyArray<string> => {
  const entry = (kind: EntryKind) => derivedId("je", id, kind, id)
  return [
    entry("payout"),
    ...(status === "paid" || status === "returned" ? [entry("payout_paid")] : []),
    ...(status === "returned" ? [entry("payout_returned")] : []),
    ...(status === "failed" ? [entry("payout_failed")] : [])
  ]
}

const attempted = (payment: Payment): ReadonlyArray<string> => {
  const ids = entryIds(payment)
  return payment.attempts.flatMap((attempt) => {
    const { key, operation, status } = attempt
    if (operation === "refund") {
      const refund = refundOf(payment, key)
      return [
        ids.refund(refund),
        status === "approved" ? ids.confirmed(refund) : ids.undone(refund)
      ]
    }
    return status === "approved" ? movedBy(payment, attempt) : []
  })
}

const movedBy = (payment: Payment, { key, operation }: Attempt): ReadonlyArray<string> => {
  const ids = entryIds(payment)
  switch (operation) {
    case "charge":
      return [payment.capture === "automatic" ? ids.capture(key) : ids.hold(key)]
    case "capture":
      return [ids.release(key), ids.capture(key)]
    case "increment":
      return [ids.hold(key)]
    default:
      return [ids.release(key)]
  }
}

/** The first message that may write each entry: later ones are repeats and must not. */
const causesOf = ({ messages, payment }: PaymentEvidence): ReadonlyMap<string, number> => {
  const ids = entryIds(payment)
  const causes = new Map<string, number>()
  for (const message of messages) {
    for (const id of entriesBy(message, payment, ids)) {
      if (!causes.has(id)) causes.set(id, positionOf(message))
    }
  }
  return causes
}

const openingKinds: ReadonlyArray<EntryKind> = ["dispute", "dispute_hold", "dispute_fee"]
const closingKinds: ReadonlyArray<EntryKind> = ["dispute_release", "dispute_won", "dispute_lost"]

const entriesBy = (
  message: MailboxMessage,
  payment: Payment,
  ids: ReturnType<typeof entryIds>
): ReadonlyArray<string> => {
  const { attempt = "", commandId = "", disputeId = "", outcome, settlement = "", type } = message
  switch (type) {
    case "settled":
      return [ids.of("settlement", settlement)]
    case "cleared":
      return [ids.of("clearing", causeOf(message))]
    case "dispute_opened":
      return openingKinds.map((kind) => ids.of(kind, disputeId))
    case "dispute_closed":
    case "dispute_accept":
      return closingKinds.map((kind) => ids.of(kind, disputeId))
  }
  if (type === "refund") return [ids.refund(refundIdOf(payment.id, commandId))]
  const refund = refundOf(payment, attempt)
  switch (outcome) {
    case "Approved":
      return [ids.hold(attempt), ids.release(attempt), ids.capture(attempt), ids.confirmed(refund)]
    case "Declined":
    case "NotProcessed":
    case "NotFound":
      return [ids.undone(refund)]
    default:
      return []
  }
}

/** A message, or the nth of what it set off within its partition: that is decided right behind it. */
type Step = MailboxMessage & { readonly step?: number }

/** More than any message of a payment sets off in one turn. */
const STEPS_MAX = 32

const stepsOf = (message: MailboxMessage): ReadonlyArray<Step> =>
  Array.from({ length: STEPS_MAX }, (_, step) => ({ ...message, step }))

/** An event's identifier holds the place of its cause: it is found by trying each. */
const causeOfEvent = (
  event: EventRecord,
  payment: Payment,
  messages: ReadonlyArray<MailboxMessage>
): number | undefined =>
  position(messages.find((message) =>
    stepsOf(message).some((step) =>
      event.id ===
        (event.type === REFUSED
          ? derivedId("evt", sourceOf("payments", step.partition), placeOf(step), REFUSED)
          : eventIdOf(payment.id, event.type, causeOf(step)))
    )
  ))

/** What a decision calls the message that caused it. */
const causeOf = (step: Step): string => `${step.partition}.${placeOf(step)}`

/** A bundle holds fewer messages than this, so that they have their places between two sequences. */
const PARTS_MAX = 1_000

const positionOf = ({ part, seq }: MailboxMessage): number => seq + part / PARTS_MAX

const position = (message: MailboxMessage | undefined): number | undefined =>
  message === undefined ? undefined : positionOf(message)

export const effectsOf = (evidence: PaymentEvidence): Effects => {
  const { events, messages, payment } = evidence
  const causes = causesOf(evidence)
  return {
    commands: payment.commands.filter(({ refused }) => refused === undefined).map((
      { id, type }
    ) => ({
      what: `${type} ${id}`,
      seq: position(
        messages.find((message) =>
          message.origin === "ingress" && message.type === type && message.commandId === id
        )
      )
    })),
    entries: writtenEntries(evidence).map((id) => ({ what: id, seq: causes.get(id) })),
    events: events.map((event) => ({
      what: `${event.type} ${event.id}`,
      seq: causeOfEvent(event, payment, messages)
    }))
  }
}
