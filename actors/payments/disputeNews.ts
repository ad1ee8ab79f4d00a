import * as entries from "../../src/ledger/entries.ts"
import type { JournalEntry } from "../../src/ledger/journal.ts"
import type { Answered, DisputeNotified, Outcome } from "../../streams/messages/gateway.ts"
import { isUnderWay } from "./cancellation.ts"
import { takeFee } from "./crediting.ts"
import { disputeOf, DISPUTES_MAX, lost, noted, opened, replace, won } from "./disputes.ts"
import { inquiryDelay } from "./gatewayCalls.ts"
import { type Dispute, type DisputeQuestion, isDisputeOpen, type Payment } from "./state.ts"
import { book, bookOf, change, send, type Step, tell, wakeAt, without } from "./step.ts"

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
  if (gateway !== payment.gateway || payment.charge_id === undefined) return undefined
  const questions = questionsOf(payment)
  const open = questions.find((one) => one.dispute === dispute)
  if (open === undefined) {
    return questions.length >= DISPUTES_MAX
      ? undefined
      : asks(step, { dispute, since: received.at, tries: 0 })
  }
  if (open.wake_at !== undefined) return asks(step, open)
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
  return question === undefined ? undefined : asks(step, question)
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
  // While the charge itself is in question nobody can say what was taken back of it.
  if (outcome._tag === "Disputed" && !isUnderWay(step.payment.status)) {
    return applied(answeredFor(step, question), outcome)
  }
  return outcome._tag === "NotFound" ? answeredFor(step, question) : waits(step, question)
}

const answeredFor = (step: Step, question: DisputeQuestion): Step =>
  question.again === true ? asks(step, question) : setQuestion(step, undefined, question.dispute)

const applied = (step: Step, news: Disputed): Step => {
  if (news.status === "warning") return step
  const known = disputeOf(step.payment, news.dispute_id)
  if (known === undefined) {
    const wrong = unfit(step.payment, news)
    if (wrong !== undefined) return contradicted(step, news, wrong)
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
      return dispute.status === "won" ? step : contradicted(step, news, "a dispute that was lost")
    case "lost":
      if (open) return lost(step, dispute, "lost")
      return dispute.status === "won" ? contradicted(step, news, "a dispute that was won") : step
    case "under_review": {
      if (dispute.status !== "needs_response") return step
      const next: Dispute = { ...dispute, status: "under_review" }
      return noted(replace(step, next), next)
    }
    default:
      return step
  }
}

/**
 * What cannot be, by what is known here: told once, as a break. A dispute that ended otherwise before
 * moved its money, which is in suspense until a person says whose it is.
 */
const contradicted = (step: Step, news: Disputed, what: string): Step => {
  const { amount, dispute_id: charge_id, status } = news
  const known = disputeOf(step.payment, charge_id)
  const name = known === undefined ? `dispute:${charge_id}` : `dispute:${charge_id}:${status}`
  if (step.payment.contradictions.includes(name)) return step
  const moved: ReadonlyArray<JournalEntry> = known === undefined
    ? []
    : status === "won"
    ? [entries.contradicted(bookOf(step), name, known.amount)]
    : [entries.refundContradicted(bookOf(step), name, known.amount)]
  const marked = change(step, { contradictions: [...step.payment.contradictions, name] })
  return tell(moved.reduce(book, marked), "payment.charge_contradicted", {
    contradiction: { charge_id, detail: `the gateway reports ${status} of ${amount}: ${what}` }
  })
}
