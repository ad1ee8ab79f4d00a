import { derivedId } from "../../../src/domain/identifiers.ts"
import * as entries from "../../../src/ledger/entries.ts"
import type { Outcome } from "../../../streams/messages/gateway.ts"
import { book } from "../decision.ts"
import type { Attempt } from "./attempts.ts"
import type { Payment } from "./state.ts"
import type { Refund } from "./refund.ts"
import { giveCredit, takeCredit } from "./crediting.ts"
import { refundStep, refundUndone, takenBack } from "./legs.ts"
import { attemptOf, become, bookOf, change, changeAttempt, type Step, tell } from "./step.ts"
import { accountsFor, ofStray, takeStray } from "./strayRefunds.ts"
import { contradict, doubt, outOfSuspense } from "./suspense.ts"
import { asCaptured } from "./narrow.ts"

type Approved = Extract<Outcome, { _tag: "Approved" }>

const refundOf = ({ refunds }: Payment, { key }: Attempt): Refund | undefined =>
  refunds.find(({ attempt }) => attempt === key)

const nameOf = ({ booked_as, id }: Refund): string => booked_as ?? id

/** What of it was captured before. */
const ofCaptured = ({ amount, stray }: Refund): bigint => stray === undefined ? amount : 0n

const replace = ({ payment }: Step, next: Refund): ReadonlyArray<Refund> =>
  payment.refunds.map((one) => one.id === next.id ? next : one)

/** So much more (below zero: less) of what was captured is back by the gateway's word. */
const refundedBy = (step: Step, amount: bigint): Step => {
  if (amount === 0n) return step
  const payment = asCaptured(step.payment)
  return become(step, { ...payment, amount_refunded: payment.amount_refunded + amount })
}

/** The gateway gave it back. */
export const refunded = (step: Step, attempt: Attempt, chargeId: string): Step => {
  const refund = refundOf(step.payment, attempt)!
  const confirmed = change(refundedBy(step, ofCaptured(refund)), {
    refunds: replace(step, { ...refund, status: "succeeded" })
  })
  const accounts = accountsFor(step, refund)
  return told(
    book(confirmed, entries.refundConfirmed(accounts, nameOf(refund), refund.amount)),
    refund,
    chargeId
  )
}

/** As events tell of it. */
const shown = (step: Step, refund: Refund) => {
  const { gateway } = accountsFor(step, refund)
  return {
    id: refund.id,
    amount: Number(refund.amount),
    ...(gateway !== step.payment.gateway && { gateway })
  }
}

const told = (step: Step, refund: Refund, charge_id: string): Step =>
  tell(step, "payment.refunded", { refund: { ...shown(step, refund), charge_id } })

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
  const wasMade = refund.status === "succeeded"
  const { charge_id } = attempt
  const failed = tell(unbooked(step, refund), "payment.refund_failed", {
    refund: { ...shown(step, refund), ...(wasMade && { charge_id, taken_back: true }) },
    failure
  })
  return failed.payment.attempts.filter(isCrossed).reduce(bookCrossed, failed)
}

/** Made at the gateway, of what was captured, while the legs had not as much left. */
const NO_ROOM = "no_room"

const isCrossed = ({ code, contradicted }: Attempt): boolean =>
  code === NO_ROOM && contradicted !== undefined

/** There is room for what somebody gave back at the gateway meanwhile: it is a refund like another. */
const bookCrossed = (step: Step, attempt: Attempt): Step => {
  const left = outOfSuspense(step, attempt)
  const { charge_id = "", code: _, detail: __, ...rest } = attemptOf(left.payment, attempt.key)!
  const made: Attempt = { ...rest, charge_id, status: "approved" }
  return bookMade(
    changeAttempt(left, made),
    refundFor(step, made),
    charge_id,
    step.payment.credit?.refund_rate ?? "original"
  ) ?? step
}

const refundFor = (
  { payment: { id }, received: { at } }: Step,
  { amount, key, refund_id }: Attempt
) => ({
  id: derivedId("ref", id, refund_id!),
  attempt: key,
  amount,
  made_at_gateway: true,
  created_at: at
})

/** All that was booked for it is reversed. */
const unbooked = (step: Step, refund: Refund): Step => {
  const { amount } = refund
  const wasMade = refund.status === "succeeded"
  const name = nameOf(refund)
  const { back, moved } = putBack(step, refund)
  const undone = change(wasMade ? refundedBy(back, -ofCaptured(refund)) : back, {
    refunds: replace(step, { ...refund, status: "failed" })
  })
  const accounts = accountsFor(undone, refund)
  const unconfirmed = wasMade
    ? book(undone, entries.refundUnconfirmed(accounts, name, amount))
    : undone
  return giveCredit(
    book(unconfirmed, entries.refundFailed(accounts, name, moved)),
    name,
    refund.credit
  )
}

/** Whoever gave it has it again. */
const putBack = (step: Step, refund: Refund) => {
  if (refund.stray !== undefined) {
    return { back: takeStray(step, refund, -refund.amount)!, moved: ofStray(refund.amount) }
  }
  const { legs, moved } = refundUndone(step.payment, refund.legs)
  return { back: change(step, { legs }), moved }
}

/**
 * The gateway gave back another amount than was asked for. Its word is booked, the rest is the merchant's
 * again, and that it did so is a break. Undefined where there was not as much to give back.
 */
export const refundedOtherwise = (
  step: Step,
  attempt: Attempt,
  { amount, charge_id }: Approved
): Step | undefined => {
  const refund = refundOf(step.payment, attempt)
  if (refund === undefined) return undefined
  const detail = `the gateway gave back ${amount}, asked for ${refund.amount}`
  const made: Attempt = { ...attempt, amount, status: "approved", charge_id, detail }
  const known = changeAttempt(unbooked(step, refund), made)
  const asked = { ...refund, amount, booked_as: `${refund.id}:${charge_id}:${amount}` }
  const booked = bookMade(known, asked, charge_id, refund.credit?.rate ?? "original")
  return booked &&
    doubt(booked, made, { charge_id, detail }, `${attempt.key}:${charge_id}:${amount}`)
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
  if (asked.stray !== undefined) return bookStrayMade(step, { ...asked, legs: [] }, chargeId)
  const { payment } = step
  const { amount } = asked
  const left = payment.legs.reduce((sum, leg) => sum + leg.captured - takenBack(leg), 0n)
  if (amount <= 0n || amount > left) return undefined
  const { legs, moved } = refundStep(payment, amount)
  const refund: Refund = { ...asked, status: "succeeded", legs: moved.map((leg) => leg.amount) }
  const taken = takeCredit(change(step, { legs }), nameOf(refund), moved, rate)
  if (taken === undefined) return undefined
  const made: Refund = { ...refund, ...(taken.back && { credit: taken.back }) }
  const known = change(refundedBy(taken.step, amount), { refunds: withMade(payment, made) })
  const booked = [
    entries.refund(bookOf(known), nameOf(made), moved),
    entries.refundConfirmed(bookOf(known), nameOf(made), amount)
  ].reduce(book, known)
  return told(booked, made, chargeId)
}

/** It takes the place of the one that was asked for, where it was. */
const withMade = ({ refunds }: Payment, made: Refund): ReadonlyArray<Refund> =>
  refunds.some(({ id }) => id === made.id)
    ? refunds.map((one) => one.id === made.id ? made : one)
    : [...refunds, made]

const bookStrayMade = (
  step: Step,
  asked: Omit<Refund, "status">,
  chargeId: string
): Step | undefined => {
  const made: Refund = { ...asked, status: "succeeded" }
  const taken = made.amount > 0n ? takeStray(step, made, made.amount) : undefined
  if (taken === undefined) return undefined
  const accounts = accountsFor(taken, made)
  const booked = [
    entries.refund(accounts, nameOf(made), ofStray(made.amount)),
    entries.refundConfirmed(accounts, nameOf(made), made.amount)
  ].reduce(book, change(taken, { refunds: withMade(step.payment, made) }))
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
  { amount, charge_id }: Approved
): Step => {
  const { payment } = step
  const made: Attempt = { ...attempt, amount, charge_id, status: "approved" }
  const known = changeAttempt(step, made)
  const stray = payment.strays?.find((one) => one.charge_id === attempt.charge_id)
  // Of money that we do not know of yet it is none of what was captured.
  const isOfOther = stray === undefined && attempt.charge_id !== undefined &&
    attempt.charge_id !== payment.charge_id
  const asked = { ...refundFor(step, made), ...(stray && { stray: stray.charge_id }) }
  const detail = `the gateway reports a refund of ${amount} that nobody asked for`
  const booked = isOfOther
    ? undefined
    : bookMade(known, asked, charge_id, payment.credit?.refund_rate ?? "original")
  if (booked !== undefined) return doubt(booked, made, { charge_id, detail })
  const refused: Attempt = {
    ...made,
    status: "declined",
    code: isOfOther || stray !== undefined ? "not_asked_for" : NO_ROOM,
    detail
  }
  return contradict(step, refused, -amount, { charge_id, detail }) ?? step
}
