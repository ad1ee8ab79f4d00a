import type { Answered, Outcome } from "../../../streams/messages/gateway.ts"
import { type Attempt, isDefinitive } from "./attempts.ts"
import type { Payment } from "./state.ts"
import { captured, increased, voided } from "./answers.ts"
import { nextNumber, operationUnderWay } from "./attempts.ts"
import { inquire, inquiryDelay } from "./gatewayCalls.ts"
import { refundMadeAfterAll, refundNotMade } from "./refunds.ts"
import { attemptOf, changeAttempt, type Step, without } from "./step.ts"
import { contradict, giveBackHold, isKept, lift, moreCharges, movedBy } from "./suspense.ts"

type Answer = typeof Answered.Type
type Approved = Extract<Outcome, { _tag: "Approved" }>
type Declined = Extract<Outcome, { _tag: "Declined" }>

/** What the gateway says of it by what is booked: it made the attempt, or it did not. */
export const isMadeByWord = ({ contradicted, status }: Attempt): boolean =>
  (status === "approved") === (contradicted === undefined)

/**
 * The gateway speaks of an attempt that had ended. It is asked how it stands, and its answer counts. One
 * inquiry is under way at a time; what is heard meanwhile asks once more, so its last word is ours.
 */
export const askAnew = (step: Step, attempt: Attempt): Step | undefined => {
  const { question, wake_at } = attempt
  if (question === undefined) {
    return inquire(step, { ...attempt, question: { since: step.received.at, tries: 0 } })
  }
  if (wake_at !== undefined) return inquire(step, attempt)
  return question.again === true
    ? undefined
    : changeAttempt(step, { ...attempt, question: { ...question, again: true } })
}

/** It has ended just now. What the gateway told meanwhile, and otherwise, may be newer than its answer. */
export const compared = (step: Step, key: string): Step => {
  const attempt = attemptOf(step.payment, key)!
  if (attempt.heard === undefined || !isDefinitive(attempt.status)) return step
  const now = without(attempt, "heard")
  const agrees = (attempt.heard === "made") === isMadeByWord(now)
  return agrees ? changeAttempt(step, now) : askAnew(step, now) ?? step
}

/** An answer about what had ended. The same word is a repeat, another one a correction (`laterWords`). */
export const corrected = (step: Step, attempt: Attempt, answer: Answer): Step | undefined => {
  // Words that arrive after all do no harm.
  if (attempt.operation === "evidence") return undefined
  const { question, wake_at } = attempt
  const { outcome } = answer
  const isAwaited = answer.inquiry && question !== undefined && wake_at === undefined
  switch (outcome._tag) {
    case "Approved":
    case "Declined": {
      const known = isAwaited ? answeredFor(step, attempt) : step
      const now = attemptOf(known.payment, attempt.key)!
      const followed = turned(known, now, outcome, isAwaited)
      return withMore(followed ?? known, attempt.key, outcome) ?? followed ??
        (isAwaited ? known : undefined)
    }
    case "NotFound":
    case "NotProcessed":
      // That it knows nothing of it takes nothing back.
      return isAwaited ? answeredFor(step, attempt) : undefined
    default:
      return isAwaited ? waits(step, attempt) : undefined
  }
}

/** What the gateway has beside it, and did not have before. */
const withMore = (step: Step, key: string, outcome: Approved | Declined): Step | undefined => {
  const attempt = attemptOf(step.payment, key)!
  return outcome._tag === "Approved" && isMadeByWord(attempt)
    ? moreCharges(step, attempt, outcome)
    : undefined
}

const answeredFor = (step: Step, attempt: Attempt): Step =>
  attempt.question!.again === true
    ? inquire(step, { ...attempt, question: without(attempt.question!, "again") })
    : changeAttempt(step, without(attempt, "question"))

const waits = (step: Step, attempt: Attempt): Step => {
  const { since, tries } = attempt.question!
  return changeAttempt(step, {
    ...attempt,
    question: { since, tries: tries + 1 },
    wake_at: step.received.at + inquiryDelay(tries)
  })
}

/**
 * Answers overtake each other: that money did not move is believed where it answers a question only.
 * That it moved is booked at once, and asked about.
 */
const turned = (
  step: Step,
  attempt: Attempt,
  outcome: Approved | Declined,
  isAwaited: boolean
): Step | undefined => {
  const isMade = outcome._tag === "Approved"
  if (isMade === isMadeByWord(attempt)) return undefined
  if (isAwaited) return follow(step, attempt, outcome)
  if (!isMade) return askAnew(step, attempt)
  const followed = follow(step, attempt, outcome)
  return followed && (askAnew(followed, attemptOf(followed.payment, attempt.key)!) ?? followed)
}

const follow = (
  step: Step,
  attempt: Attempt,
  outcome: Approved | Declined
): Step | undefined => {
  const { charge_id = "" } = outcome
  if (attempt.contradicted !== undefined) return lift(step, attempt, charge_id)
  if (outcome._tag === "Declined") return takenBack(step, attempt, outcome)
  // It is in suspense already, as one that came beside another.
  if (isKept(step.payment, attempt, charge_id)) return moreCharges(step, attempt, outcome)
  const { key, operation, status, turns } = attempt
  const detail = `the gateway said ${status} and now reports ${operation} as made`
  // A contradiction that was booked before attempts kept their own: it stands.
  if (turns === undefined && step.payment.contradictions.includes(`${key}:${charge_id}`)) {
    return undefined
  }
  const made = madeAfterAll(step, attempt, outcome)
  if (made !== undefined) return made
  const told = contradict(step, attempt, movedBy(attempt, outcome), { charge_id, detail })
  return told && giveBackHold(told, attempt, outcome)
}

const leftOf = ({ amount_authorized, amount_captured }: Payment): bigint =>
  amount_authorized - amount_captured

/** Something is authorized, and nobody is about to change that. */
const isHeld = (payment: Payment): boolean =>
  (payment.status === "authorized" || payment.status === "partially_captured") &&
  operationUnderWay(payment) === undefined

/** What the payment can still follow is done as if it had been answered so. Undefined: it cannot. */
const madeAfterAll = (step: Step, attempt: Attempt, outcome: Approved): Step | undefined => {
  const { payment } = step
  const { charge_id } = outcome
  if (outcome.amount !== attempt.amount) return undefined
  const { code: _, detail: __, ...rest } = attempt
  const made: Attempt = {
    ...rest,
    status: "approved",
    charge_id,
    turns: (attempt.turns ?? 0) + 1
  }
  const known = changeAttempt(step, made)
  switch (attempt.operation) {
    case "capture":
      return isHeld(payment) && attempt.amount <= leftOf(payment)
        ? captured(known, made, charge_id, true)
        : undefined
    case "increment":
      return isHeld(payment) && payment.amount_captured === 0n
        ? increased(known, made, outcome)
        : undefined
    case "void":
      if (attempt.stray === true || payment.status === "voided" || payment.status === "expired") {
        return known
      }
      return isHeld(payment) ? voided(known, { ...made, amount: leftOf(payment) }) : undefined
    case "refund":
      return refundMadeAfterAll(known, made, charge_id)
    default:
      return undefined
  }
}

const takenBack = (step: Step, attempt: Attempt, { code, detail }: Declined): Step | undefined => {
  const { payment } = step
  const { charge_id = payment.charge_id ?? "", operation } = attempt
  const word = {
    charge_id,
    detail: `the gateway takes back that the ${operation} was made: ${code}`
  }
  switch (operation) {
    case "refund": {
      const failed: Attempt = {
        ...attempt,
        status: "declined",
        code,
        detail,
        turns: (attempt.turns ?? 0) + 1
      }
      return refundNotMade(changeAttempt(step, failed), failed, { code, detail })
    }
    case "charge":
      return chargeTakenBack(step, attempt, word)
    case "capture":
      return contradict(step, attempt, -attempt.amount, word)
    default:
      return contradict(step, attempt, 0n, word)
  }
}

/** What the charge itself took is missing now; an authorization is simply over. */
const chargeTakenBack = (
  step: Step,
  attempt: Attempt,
  word: Parameters<typeof contradict>[3]
): Step | undefined => {
  const { payment } = step
  // A charge that takes money takes all of it, and leaves nothing to capture.
  const taken = nextNumber(payment, "capture") === 1 ? payment.amount_captured : 0n
  if (taken > 0n) return contradict(step, attempt, -taken, word)
  if (isHeld(payment)) {
    const { expiry: _, ...gone } = attempt
    const given = voided(step, { ...gone, amount: leftOf(payment) })
    return contradict(given, attempt, 0n, word)
  }
  // Nothing is held any more, or what is under way will say so itself.
  return payment.status === "captured" ? contradict(step, attempt, 0n, word) : undefined
}
