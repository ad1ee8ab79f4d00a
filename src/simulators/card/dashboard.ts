import { randomUUID } from "node:crypto"
import { derivedId } from "../../domain/identifiers.ts"
import { type Call, jsonOf } from "../desk.ts"
import type { Book } from "./book.ts"
import type { OperationRecord, OperationStatus } from "./operation.ts"
import { notFound } from "./state.ts"
import { type Hook, tell, tellStray } from "./webhooks.ts"

interface Shown {
  readonly book: Book
  readonly hook?: Hook
}

/** What somebody does at the gateway itself, or the gateway by itself: nobody asked for it by the API. */
export const dashboard = async (
  state: Shown,
  call: Call,
  what: string
): Promise<Response> => {
  const wanted = await jsonOf(call)
  switch (what) {
    case "operations":
      return revise(state, call, wanted as Revision)
    case "refunds":
      return giveBack(state, call, wanted as GivenBack)
    case "charges":
      return charge(state, call, wanted as Charge)
    default:
      return notFound(call)
  }
}

interface Revision {
  readonly key: string
  readonly status: OperationStatus
  /** Nobody is told: who wants to know has to ask. */
  readonly quietly?: boolean
}

/** The gateway takes back what it said of an operation. */
const revise = (state: Shown, call: Call, { key, quietly, status }: Revision): Response => {
  if (state.book.find(key) === undefined) return notFound(call)
  state.book.revise(key, status, status === "declined" ? "taken_back" : "")
  const revised = state.book.find(key)!
  if (quietly !== true) news(state, revised)
  return call.json(revised)
}

interface GivenBack {
  readonly charge_id: string
  readonly amount?: number
  readonly quietly?: boolean
}

/** Somebody refunds a charge, or what is left of it. */
const giveBack = (
  state: Shown,
  call: Call,
  { amount, charge_id, quietly }: GivenBack
): Response => {
  const { book } = state
  const charged = book.charge(charge_id)
  const { captured, refunded } = book.totals(charge_id)
  const given = amount ?? captured - refunded
  if (charged === undefined || given <= 0 || refunded + given > captured) {
    return call.json({ code: "refund_not_possible" }, 409)
  }
  const refund_id = derivedId("re", charge_id, String(refunded), String(given))
  const { currency, merchant, payment_id } = charged
  const key = `${payment_id}.refund.${refund_id}`
  const of = { key, merchant, payment_id, charge_id, amount: given, currency, captured: 1 }
  book.add({ ...of, kind: "refund", status: "approved", code: "", at_millis: Date.now() })
  const made = book.find(key)!
  if (quietly !== true) news(state, made, refund_id)
  return call.json({ ...made, refund_id })
}

interface Charge {
  readonly merchant: string
  readonly amount: number
  readonly currency: string
}

/** Somebody charges a card by hand. */
const charge = (state: Shown, call: Call, wanted: Charge): Response => {
  const key = `dashboard.${randomUUID()}`
  const charge_id = derivedId("ch", key)
  const made = { ...wanted, key, charge_id, payment_id: "", captured: 1, code: "" }
  state.book.add({ ...made, kind: "charge", status: "approved", at_millis: Date.now() })
  const record = state.book.find(key)!
  if (state.hook !== undefined) void tellStray(state.hook, record)
  return call.json(record)
}

const news = ({ hook }: Shown, record: OperationRecord, refund_id?: string): void => {
  if (hook === undefined) return
  void tell(hook, { ...record, ...(refund_id !== undefined && { refund_id }) })
}
