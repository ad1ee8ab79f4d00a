import type { IncomingMessage, ServerResponse } from "node:http"
import { json, readJson } from "./body.ts"
import type { Book } from "./book.ts"
import type { Asked } from "./decisions.ts"
import { type Complaint, decisionOf, type DisputeRecord, type DisputeStatus } from "./disputes.ts"
import { newsOf } from "./hostility.ts"
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

export const showDispute = (state: Complained, response: ServerResponse, id: string) => {
  if (id === "") return json(response, 200, state.book.disputes.open())
  const found = state.book.disputes.find(id)
  return found === undefined
    ? json(response, 404, { code: "not_found" })
    : json(response, 200, { ...found, evidence_due_by: new Date(found.due_millis).toISOString() })
}

/** Somebody plays the payer: complains about a charge, or about a part of it. */
export const complain = async (
  state: Complained,
  request: IncomingMessage,
  response: ServerResponse,
  chargeId: string
) => {
  const charged = state.book.charge(chargeId)
  if (charged?.status !== "approved") return json(response, 404, { code: "charge_not_found" })
  // Nobody gets back more than was taken.
  const { captured } = state.book.totals(chargeId)
  const { amount = captured, ...complaint } = (await readJson(request)) as Complaint
  const made = state.book.disputes.complain(charged, {
    ...complaint,
    amount: Math.min(amount, captured)
  })
  showDispute(state, response, made.id)
  disputeNews(state, made)
}

/** Somebody plays the bank: decides a dispute, or moves it on. */
export const decideDispute = async (
  state: Complained,
  request: IncomingMessage,
  response: ServerResponse,
  id: string
) => {
  const { status } = (await readJson(request)) as { status: DisputeStatus }
  ends(state, id, status)
  showDispute(state, response, id)
}
