import { derivedId } from "../../domain/identifiers.ts"
import type { Book } from "./book.ts"
import type { OperationKind, OperationRecord } from "./operation.ts"

/** A payer has this long to act. */
const ACTION_MILLIS = 15 * 60_000
const SLOW_MILLIS = 2_000
/** A charge is not increased beyond it: minor units of any currency. */
const INCREASED_AMOUNT_MAX = 1_000_000
/** What an approval says whose authorization lasts seconds. */
export const SHORT = "short_authorization"
export const SHORT_MILLIS = 3_000

export interface Asked {
  readonly key: string
  readonly kind: OperationKind
  readonly merchant: string
  readonly payment_id: string
  readonly amount: number
  readonly currency: string
  readonly token?: string
  readonly capture?: boolean
  readonly charge_id?: string
  readonly dispute_id?: string
  readonly evidence?: { readonly text: string; readonly documents: ReadonlyArray<string> }
}

export type Verdict =
  /** Never answers; what it recorded is found by inquiry. */
  | { readonly _tag: "Silent" }
  | { readonly _tag: "NotProcessed"; readonly code: string }
  | {
    readonly _tag: "Recorded"
    readonly record: OperationRecord
    readonly delayMillis: number
    readonly answers: number
  }

/** Decides by token, once per key. A key that was seen gets the answer it got. */
export const judge = (book: Book, asked: Asked): Verdict => {
  const known = book.find(asked.key)
  if (known !== undefined) {
    book.again(asked.key)
    return { _tag: "Recorded", record: known, delayMillis: 0, answers: 1 }
  }
  switch (asked.kind) {
    case "charge":
      return charge(book, asked)
    case "payout":
      return payOut(book, asked)
    case "evidence":
      return defend(book, asked)
    default:
      return follow(book, asked)
  }
}

/** Payouts go to bank accounts, which decide by their token, too. */
const payOut = (book: Book, asked: Asked): Verdict => {
  const closed = asked.token === "ba_closed"
  const made = closed
    ? record(book, asked, "declined", "account_closed")
    : record(book, asked, "approved", "")
  if (asked.token === "ba_timeout") return { _tag: "Silent" }
  return { _tag: "Recorded", record: made, delayMillis: 0, answers: 1 }
}

/** What the merchant says against a dispute counts once, and only while there is time. */
const defend = (book: Book, asked: Asked): Verdict => {
  const dispute = book.disputes.find(asked.dispute_id ?? "")
  if (dispute === undefined) return { _tag: "NotProcessed", code: "dispute_not_found" }
  const taken = book.disputes.defend(dispute.id, JSON.stringify(asked.evidence ?? {}))
  const about = { ...asked, charge_id: dispute.charge_id }
  const made = taken
    ? record(book, about, "approved", "")
    : record(book, about, "declined", "dispute_closed")
  return { _tag: "Recorded", record: made, delayMillis: 0, answers: 1 }
}

const charge = (book: Book, asked: Asked): Verdict => {
  const add = (status: OperationRecord["status"], code = "") => record(book, asked, status, code)
  const answer = (made: OperationRecord, delayMillis = 0, answers = 1): Verdict => ({
    _tag: "Recorded",
    record: made,
    delayMillis,
    answers
  })
  switch (asked.token) {
    case "tok_declined_hard":
      return answer(add("declined", "do_not_honor"))
    case "tok_declined_soft":
      return answer(add("declined", "insufficient_funds"))
    case "tok_error":
      return { _tag: "NotProcessed", code: "gateway_error" }
    case "tok_disputed":
      return answer(add("approved"))
    case "tok_slow":
      return answer(add("approved"), SLOW_MILLIS)
    case "tok_requires_action":
      return answer(add("requires_action"))
    case "tok_timeout_approved":
      add("approved")
      return { _tag: "Silent" }
    case "tok_timeout_declined":
      add("declined", "do_not_honor")
      return { _tag: "Silent" }
    case "tok_timeout_lost":
      return { _tag: "Silent" }
    case "tok_duplicate_answer":
      return answer(add("approved"), 0, 2)
    case "tok_approved_short":
      return answer(add("approved", SHORT))
    default:
      return asked.token?.startsWith("tok_approved") === true
        ? answer(add("approved"))
        : answer(add("declined", "invalid_token"))
  }
}

/** Captures, voids and refunds: the gateway checks them against its own book. */
const follow = (book: Book, asked: Asked): Verdict => {
  const charged = book.charge(asked.charge_id ?? "")
  if (charged?.status === "requires_action" && asked.kind === "void") {
    book.decide(charged.charge_id, "declined", false, "voided")
    const made = record(book, { ...asked, charge_id: charged.charge_id }, "approved", "")
    return { _tag: "Recorded", record: made, delayMillis: 0, answers: 1 }
  }
  if (charged?.status !== "approved") return { _tag: "NotProcessed", code: "charge_not_found" }
  const { authorized, captured, refunded, voided } = book.totals(charged.charge_id)
  const possible = asked.kind === "capture"
    ? !voided && captured + asked.amount <= authorized
    : asked.kind === "increment"
    ? !voided && captured === 0 && authorized + asked.amount <= INCREASED_AMOUNT_MAX
    : asked.kind === "void"
    ? !voided && captured < authorized
    : refunded + asked.amount <= captured
  const made = record(
    book,
    { ...asked, charge_id: charged.charge_id },
    possible ? "approved" : "declined",
    possible ? "" : `${asked.kind}_not_possible`
  )
  return { _tag: "Recorded", record: made, delayMillis: 0, answers: 1 }
}

const record = (
  book: Book,
  asked: Asked,
  status: OperationRecord["status"],
  code: string
): OperationRecord => {
  const moved = asked.kind === "charge"
    ? asked.capture === true
    : asked.kind === "capture" || asked.kind === "refund"
  const made = {
    key: asked.key,
    kind: asked.kind,
    merchant: asked.merchant,
    payment_id: asked.payment_id,
    charge_id: asked.charge_id ?? derivedId("ch", asked.key),
    amount: asked.amount,
    currency: asked.currency,
    status,
    // What would move, whatever it says at first: a later word may be another one.
    captured: moved ? 1 : 0,
    code,
    at_millis: Date.now()
  }
  book.add(made)
  return { ...made, requests: 1 }
}

export const actionExpiresAt = (record: OperationRecord): number => record.at_millis + ACTION_MILLIS

/** A payer who did not act in time declined. */
export const expireAction = (book: Book, record: OperationRecord): OperationRecord => {
  if (record.status !== "requires_action" || Date.now() < actionExpiresAt(record)) return record
  book.decide(record.charge_id, "declined", false, "action_expired")
  return book.charge(record.charge_id)!
}
