import { type Call, jsonOf } from "../desk.ts"
import type { Book } from "./book.ts"
import type { Asked } from "./decisions.ts"
import { type Complaint, decisionOf, type DisputeRecord, type DisputeStatus } from "./disputes.ts"
import { newsOf } from "./hostility.ts"
import { notFound } from "./state.ts"
import { type Hook, tellDispute } from "./webhooks.ts"

/** Between a charge and its dispute, and between evidence and the bank's decision. */
const DISPUTE_MILLIS = 1_000

interface Complained {
  readonly book: Book
  readonly hook?: Hook
  readonly hostile?: { readonly seed: number }
}

/** What the outside world does after a request, so that nobody has to be asked to play it. */
export const follow = (state: Complained, asked: Asked): void => {
  if (asked.kind === "charge" && asked.token === "tok_disputed") {
    const made = state.book.find(asked.key)
    if (made?.requests === 1) {
      later(() => disputeNews(state, state.book.disputes.complain(made, {})))
    }
  }
  if (asked.kind !== "evidence") return
  const id = asked.dispute_id!
  const end = decisionOf(asked.evidence?.text ?? "")
  disputeNews(state, state.book.disputes.find(id))
  if (end !== undefined) later(() => ends(state, id, end))
}

/** The payer's bank takes a moment. */
const later = (what: () => void): void => {
  setTimeout(what, DISPUTE_MILLIS).unref()
}

const ends = (state: Complained, id: string, status: DisputeStatus): void => {
  state.book.disputes.decide(id, status)
  disputeNews(state, state.book.disputes.find(id))
}

const disputeNews = (
  { hook, hostile }: Complained,
  dispute: DisputeRecord | undefined
): void => {
  if (dispute === undefined || hook === undefined) return
  const { id, status } = dispute
  const waits = hostile === undefined ? [0] : newsOf(hostile.seed, id, status)
  for (const wait of waits) setTimeout(() => void tellDispute(hook, dispute), wait).unref()
}

export const showDispute = (state: Complained, call: Call, id: string): Response => {
  if (id === "") return call.json(state.book.disputes.open())
  const found = state.book.disputes.find(id)
  return found === undefined
    ? notFound(call)
    : call.json({ ...found, evidence_due_by: new Date(found.due_millis).toISOString() })
}

/** Somebody plays the payer: complains about a charge, or about a part of it. */
export const complain = async (
  state: Complained,
  call: Call,
  chargeId: string
): Promise<Response> => {
  const charged = state.book.charge(chargeId)
  if (charged?.status !== "approved") return call.json({ code: "charge_not_found" }, 404)
  // Nobody gets back more than was taken.
  const { captured } = state.book.totals(chargeId)
  const { amount = captured, ...complaint } = (await jsonOf(call)) as Complaint
  const made = state.book.disputes.complain(charged, {
    ...complaint,
    amount: Math.min(amount, captured)
  })
  disputeNews(state, made)
  return showDispute(state, call, made.id)
}

/** Somebody plays the bank: decides a dispute, or moves it on. */
export const decideDispute = async (
  state: Complained,
  call: Call,
  id: string
): Promise<Response> => {
  const { status } = (await jsonOf(call)) as { status: DisputeStatus }
  ends(state, id, status)
  return showDispute(state, call, id)
}
