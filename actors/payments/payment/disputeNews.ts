import * as entries from "../../../src/ledger/entries.ts"
import type { Answered, DisputeNotified, Outcome } from "../../../streams/messages/gateway.ts"
import { book, send } from "../decision.ts"
import { type Dispute, type DisputeQuestion, isDisputeOpen } from "./dispute.ts"
import type { Payment } from "./state.ts"
import { transitions } from "./moves.ts"
import { operationUnderWay } from "./attempts.ts"
import { takeFee } from "./crediting.ts"
import { disputeOf, DISPUTES_MAX, lost, noted, opened, replace, won } from "./disputes.ts"
import { inquiryDelay } from "./gatewayCalls.ts"
import { bookOf, change, type Step, tell, wakeAt, without } from "./step.ts"
import { withName } from "./suspense.ts"

type Disputed = Extract<Outcome, { _tag: "Disputed" }>

const questionKey = (payment: Payment, dispute: string): string =>
  `${payment.id}.dispute.${dispute}`

const questionsOf = ({ dispute_questions = [] }: Payment) => dispute_questions

const asks = (step: Step, question: DisputeQuestion): Step => {
  const { payment } = step
  return send(setQuestion(step, without(without(question, "wake_at"), "again")), {
    to: "gateway",
    type: "inquire",
    body: {
      payment_id: payment.id,
      gateway: payment.gateway,
      attempt: questionKey(payment, question.dispute),
      operation: "dispute",
      amount: 0n,
      currency: payment.currency,
      charge_id: payment.charge_id,
      dispute_id: question.dispute,
      sent_at: question.since
    }
  })
}

/** Sets, moves or (undefined) ends the question about one dispute, and with it its timer. */
const setQuestion = (
  step: Step,
  next: DisputeQuestion | undefined,
  dispute: string = next!.dispute
): Step => {
  const questions = questionsOf(step.payment)
  const before = questions.find((one) => one.dispute === dispute)
  const changed = change(step, {
    dispute_questions: [
      ...questions.filter((one) => one !== before),
      ...(next === undefined ? [] : [next])
    ]
  })
  return before?.wake_at === next?.wake_at
    ? changed
    : wakeAt(changed, questionKey(step.payment, dispute), next?.wake_at)
}

/**
 * The gateway's webhook says that something happened to a dispute. It may be old, repeated or out of
 * order, so it decides nothing: the gateway is asked how the dispute stands now.
 */
export const disputeHeard = (
  step: Step,
  { dispute_id: dispute, gateway }: typeof DisputeNotified.Type
): Step | undefined => {
  const { payment, received } = step
  // A dispute is where the charge is.
  if (gateway !== payment.gateway) return undefined
  const questions = questionsOf(payment)
  const open = questions.find((one) => one.dispute === dispute)
  if (open === undefined) {
    return questions.length >= DISPUTES_MAX
      ? doubted(step, dispute, "not_asked", "more disputes at once than are asked about")
      : asksOfCharge(step, { dispute, since: received.at, tries: 0 })
  }
  if (open.wake_at !== undefined) {
    return payment.charge_id === undefined ? undefined : asks(step, open)
  }
  return open.again === true ? undefined : setQuestion(step, { ...open, again: true })
}

/** The timer of a question that had no answer. Only the one that is awaited asks again. */
export const askAgain = (
  step: Step,
  { due, timer }: { readonly timer: string; readonly due: number }
): Step | undefined => {
  const question = questionsOf(step.payment).find((one) =>
    questionKey(step.payment, one.dispute) === timer && one.wake_at === due
  )
  return question === undefined ? undefined : asksOfCharge(step, question)
}

/**
 * A gateway may tell of a dispute before it answered the charge. The question waits for that answer;
 * where there is no charge in the end, the gateway contradicts itself.
 */
const asksOfCharge = (step: Step, question: DisputeQuestion): Step | undefined => {
  const { payment, received } = step
  if (payment.charge_id !== undefined) return asks(step, question)
  if (transitions[payment.status].length > 0) {
    return waits(step, { ...question, since: received.at })
  }
  const { dispute } = question
  const why = `a dispute, and the payment is ${payment.status}`
  if (!questionsOf(payment).includes(question)) return doubted(step, dispute, "no_charge", why)
  const ended = setQuestion(step, undefined, dispute)
  return doubted(ended, dispute, "no_charge", why) ?? ended
}

const waits = (step: Step, question: DisputeQuestion): Step =>
  setQuestion(step, {
    ...without(question, "again"),
    tries: question.tries + 1,
    wake_at: step.received.at + inquiryDelay(question.tries)
  })

/** How the dispute stands, or that nobody could say. Repeated answers find no question, or nothing new. */
export const disputeTold = (
  step: Step,
  { attempt, outcome }: typeof Answered.Type
): Step | undefined => {
  const question = questionsOf(step.payment)
    .find((one) => questionKey(step.payment, one.dispute) === attempt)
  if (question === undefined) return undefined
  // While a capture is in question nobody can say what was taken back of it.
  const isCapturing = operationUnderWay(step.payment)?.operation === "capture"
  if (outcome._tag === "Disputed" && !isCapturing) {
    return applied(answeredFor(step, question), outcome)
  }
  return outcome._tag === "NotFound" ? neverKnown(step, question) : waits(step, question)
}

/** The gateway told of it and has had all its time to find it: nobody asks for ever, a person looks. */
const neverKnown = (step: Step, question: DisputeQuestion): Step => {
  const next = answeredFor(step, question)
  if (question.again === true) return next
  const { dispute } = question
  return doubted(next, dispute, "not_found", "the gateway told of a dispute and knows none") ?? next
}

const answeredFor = (step: Step, question: DisputeQuestion): Step =>
  question.again === true ? asks(step, question) : setQuestion(step, undefined, question.dispute)

const applied = (step: Step, news: Disputed): Step => {
  if (news.status === "warning") return step
  const known = disputeOf(step.payment, news.dispute_id)
  const wrong = known === undefined ? unfit(step.payment, news) : unlike(known, step.payment, news)
  if (wrong !== undefined) {
    const detail = `the gateway reports ${news.status} of ${news.amount}: ${wrong}`
    return doubted(step, news.dispute_id, known && "other_terms", detail) ?? step
  }
  const { amount, dispute_id: id, evidence_due_by, fee, reason } = news
  const begun = known === undefined
    ? opened(step, { id, amount, fee, reason, evidence_due_by, told: true })
    // It may have been written down here first: now the gateway knows it, and takes evidence.
    : charged(step, { ...known, told: true }, fee)
  return follows(begun, disputeOf(begun.payment, id)!, news)
}

const unfit = (payment: Payment, { amount, currency }: Disputed): string | undefined => {
  const { amount_captured, disputes = [] } = payment
  if (currency !== payment.currency) return `a dispute in ${currency}`
  if (amount === 0n || amount > amount_captured) {
    return `a dispute over ${amount}, and ${amount_captured} was captured`
  }
  return disputes.length >= DISPUTES_MAX ? "one dispute more than a payment takes" : undefined
}

/** It is booked as it was told first: what it is really about is for a person to find out. */
const unlike = (
  known: Dispute,
  payment: Payment,
  { amount, currency }: Disputed
): string | undefined =>
  amount === known.amount && currency === payment.currency
    ? undefined
    : `a dispute in ${currency}, known as one over ${known.amount} ${payment.currency}`

/** What the gateway charges for it may come after the dispute itself. */
const charged = (step: Step, dispute: Dispute, fee: bigint): Step => {
  if (fee <= dispute.fee) return replace(step, dispute)
  const cause = `${dispute.id}:${fee}`
  const more = entries.disputeFee(bookOf(step), cause, fee - dispute.fee)
  const next = { ...dispute, fee }
  return noted(takeFee(more.reduce(book, replace(step, next)), cause, fee - dispute.fee), next)
}

const follows = (step: Step, dispute: Dispute, news: Disputed): Step => {
  const open = isDisputeOpen(dispute)
  switch (news.status) {
    case "won":
      if (open) return won(step, dispute)
      return dispute.status === "won" ? lifted(step, dispute) : contradicted(step, dispute, "won")
    case "lost":
      if (open) return lost(step, dispute, "lost")
      return dispute.status === "won" ? contradicted(step, dispute, "lost") : lifted(step, dispute)
    case "under_review": {
      if (dispute.status !== "needs_response") return step
      const next: Dispute = { ...dispute, status: "under_review" }
      return noted(replace(step, next), next)
    }
    default:
      return step
  }
}

const doubtOf = (dispute: string, about: string | undefined): string =>
  about === undefined ? `dispute:${dispute}` : `dispute:${dispute}:${about}`

/** What cannot be, by what is known here: told once, as a break. Undefined where it was told before. */
const doubted = (
  step: Step,
  dispute: string,
  about: string | undefined,
  detail: string,
  first = about
): Step | undefined => {
  const { contradictions } = step.payment
  const name = doubtOf(dispute, about)
  if (contradictions.includes(name)) return undefined
  return tell(
    change(step, { contradictions: withName(contradictions, doubtOf(dispute, first), name) }),
    "payment.charge_contradicted",
    { contradiction: { charge_id: dispute, detail } }
  )
}

/** It ended otherwise before. Its money moved again, and is in suspense until a person says whose it is. */
const contradicted = (step: Step, dispute: Dispute, status: "won" | "lost"): Step => {
  const { amount, id, turns = 0 } = dispute
  if (dispute.contradicted !== undefined) return step
  const about = turns === 0 ? status : `${status}:${turns}`
  const detail = `the gateway reports ${status} of ${amount}: it ended otherwise`
  const told = doubted(step, id, about, detail, status)
  if (told === undefined) return step
  const word = { name: doubtOf(id, about), amount: status === "won" ? amount : -amount }
  const noted = replace(told, { ...dispute, contradicted: word, turns: turns + 1 })
  return book(noted, entries.contradicted(bookOf(told), word.name, word.amount))
}

/** It came back to how the dispute had ended: what stood in suspense leaves it. */
const lifted = (step: Step, dispute: Dispute): Step => {
  const { contradicted: word, id, status, turns = 0 } = dispute
  if (word === undefined) return step
  const noted = replace(step, { ...without(dispute, "contradicted"), turns: turns + 1 })
  return tell(
    book(noted, entries.contradictionLifted(bookOf(step), word.name, word.amount)),
    "payment.charge_contradicted",
    { contradiction: { charge_id: id, detail: `the gateway says again that it is ${status}` } }
  )
}
