import { randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { derivedId } from "../../domain/identifiers.ts"
import { json, readJson } from "./body.ts"
import type { Book } from "./book.ts"
import type { OperationRecord, OperationStatus } from "./operation.ts"
import { type Hook, tell, tellStray } from "./webhooks.ts"

interface Shown {
  readonly book: Book
  readonly hook?: Hook
}

/** What somebody does at the gateway itself, or the gateway by itself: nobody asked for it by the API. */
export const dashboard = async (
  state: Shown,
  request: IncomingMessage,
  response: ServerResponse,
  what: string
): Promise<void> => {
  const wanted = await readJson(request)
  switch (what) {
    case "operations":
      return revise(state, response, wanted as Revision)
    case "refunds":
      return giveBack(state, response, wanted as GivenBack)
    case "charges":
      return charge(state, response, wanted as Charge)
    default:
      return json(response, 404, { code: "not_found" })
  }
}

interface Revision {
  readonly key: string
  readonly status: OperationStatus
  /** Nobody is told: who wants to know has to ask. */
  readonly quietly?: boolean
}

/** The gateway takes back what it said of an operation. */
const revise = (state: Shown, response: ServerResponse, { key, quietly, status }: Revision) => {
  if (state.book.find(key) === undefined) return json(response, 404, { code: "not_found" })
  state.book.revise(key, status, status === "declined" ? "taken_back" : "")
  const revised = state.book.find(key)!
  json(response, 200, revised)
  if (quietly !== true) news(state, revised)
}

interface GivenBack {
  readonly charge_id: string
  readonly amount?: number
  readonly quietly?: boolean
}

/** Somebody refunds a charge, or what is left of it. */
const giveBack = (
  state: Shown,
  response: ServerResponse,
  { amount, charge_id, quietly }: GivenBack
) => {
  const { book } = state
  const charged = book.charge(charge_id)
  const { captured, refunded } = book.totals(charge_id)
  const given = amount ?? captured - refunded
  if (charged === undefined || given <= 0 || refunded + given > captured) {
    return json(response, 409, { code: "refund_not_possible" })
  }
  const refund_id = derivedId("re", charge_id, String(refunded), String(given))
  const { currency, merchant, payment_id } = charged
  const key = `${payment_id}.refund.${refund_id}`
  const of = { key, merchant, payment_id, charge_id, amount: given, currency, captured: 1 }
  book.add({ ...of, kind: "refund", status: "approved", code: "", at_millis: Date.now() })
  const made = book.find(key)!
  json(response, 200, { ...made, refund_id })
  if (quietly !== true) news(state, made, refund_id)
}

interface Charge {
  readonly merchant: string
  readonly amount: number
  readonly currency: string
}

/** Somebody charges a card by hand. */
const charge = (state: Shown, response: ServerResponse, wanted: Charge) => {
  const key = `dashboard.${randomUUID()}`
  const charge_id = derivedId("ch", key)
  const made = { ...wanted, key, charge_id, payment_id: "", captured: 1, code: "" }
  state.book.add({ ...made, kind: "charge", status: "approved", at_millis: Date.now() })
  const record = state.book.find(key)!
  json(response, 200, record)
  if (state.hook !== undefined) void tellStray(state.hook, record)
}

const news = ({ hook }: Shown, record: OperationRecord, refund_id?: string): void => {
  if (hook === undefined) return
  void tell(hook, { ...record, ...(refund_id !== undefined && { refund_id }) })
}
