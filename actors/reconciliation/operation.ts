import { formatMinorUnits } from "../../src/domain/currency.ts"
import type {
  SettlementEvent,
  SettlementLine,
  Stray
} from "../../streams/messages/reconciliation.ts"
import {
  type Expectation,
  type Line,
  newOperation,
  type Operation,
  OPERATION_LINES_MAX,
  operationKey
} from "./state.ts"

/** Which file lines came from. */
interface FileOf {
  readonly file: string
  readonly file_seq: number
  readonly date: string
}

export const lineOf = (line: SettlementLine, { date, file, file_seq }: FileOf): Line => ({
  id: `${file}/${line.part}/${line.row}`,
  file_seq,
  settlement_id: line.settlement_id,
  line: line.line,
  ...(line.payment_id !== undefined && { payment_id: line.payment_id }),
  amount: line.gross,
  fee: line.fee,
  currency: line.currency,
  day: date
})

const byId = (left: Line, right: Line): number =>
  left.id < right.id ? -1 : left.id > right.id ? 1 : 0

/**
 * Adds a line. Of two files of one day that tell of the same settlement, the later restates what the
 * earlier said of this operation. What it leaves out stands: gateways also send a day in pieces.
 * Lines are kept in a fixed order, so that the state does not depend on theirs.
 */
export const addLine = (operation: Operation, line: Line): Operation => {
  if (operation.lines.some(({ id }) => id === line.id)) return operation
  const told = (other: Line) =>
    other.settlement_id === line.settlement_id && other.day === line.day &&
    other.file_seq !== line.file_seq
  const others = operation.lines.filter(told)
  if (others.some(({ file_seq }) => file_seq > line.file_seq)) return operation
  const kept = operation.lines.filter((other) => !told(other))
  const uncounted = others.length > 0 ? 0 : operation.uncounted
  const lines = [...kept, line].sort(byId)
  return lines.length > OPERATION_LINES_MAX
    ? { ...operation, lines: lines.slice(0, OPERATION_LINES_MAX), uncounted: uncounted + 1 }
    : { ...operation, lines, uncounted }
}

const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10)

type Contradicted = Extract<SettlementEvent, { data: { contradiction: unknown } }>
type Settled = Exclude<SettlementEvent, Contradicted>
type RefundFailed = Extract<SettlementEvent, { type: "payment.refund_failed" }>

const isContradicted = (event: SettlementEvent): event is Contradicted =>
  "contradiction" in event.data

/** What nobody asked for is a break at once, and stays the one it is however often it is told. */
export const addStray = (
  known: Operation | undefined,
  source: string,
  { amount, at, charge_id, currency, kind }: Stray
): Operation => {
  const operation = known ?? newOperation(source, kind, charge_id)
  if (operation.contradicted !== undefined) return operation
  const shown = `${formatMinorUnits(amount, currency)} ${currency}`
  return {
    ...operation,
    contradicted: {
      id: "stray",
      detail: `the gateway tells of a ${kind} of ${shown} that is for no payment`,
      amount: kind === "refund" ? -amount : amount,
      currency,
      day: dayOf(at)
    }
  }
}

/** A refund that never was made moved nothing that a file could settle. */
const movedNothing = (event: SettlementEvent): event is RefundFailed =>
  event.type === "payment.refund_failed" && event.data.refund.taken_back !== true

/** Which operation at which gateway an event is about. */
const placeOf = (event: SettlementEvent): Parameters<typeof newOperation> => {
  if (event.type === "payment.refunded" || event.type === "payment.refund_failed") {
    const { charge_id = "", gateway } = event.data.refund
    return [gateway ?? event.data.payment.gateway, "refund", charge_id]
  }
  if (!isContradicted(event)) {
    return [event.data.payment.gateway, "charge", event.data.capture.charge_id]
  }
  const { charge_id, gateway, operation } = event.data.contradiction
  if (event.type === "payout.contradicted") return [gateway ?? "", "payout", charge_id]
  const kind = operation === "refund" ? "refund" : "charge"
  // A payment may have left the gateway that says so.
  return [gateway ?? event.data.payment.gateway, kind, charge_id]
}

export const keyOfEvent = (event: SettlementEvent): string => operationKey(...placeOf(event))

const amountOf = (event: Settled): bigint => {
  switch (event.type) {
    case "payment.refunded":
      return -event.data.refund.amount
    case "payment.refund_failed":
      return event.data.refund.amount
    default:
      return event.data.capture.amount
  }
}

const expectationOf = (event: Settled): Expectation => ({
  id: event.event_id,
  payment_id: event.data.payment.id,
  amount: amountOf(event),
  currency: event.data.payment.currency,
  at: event.at,
  day: dayOf(event.at)
})

/** Adds what an event says. An event known already, by its identifier, changes nothing. */
export const addEvent = (
  known: Operation | undefined,
  event: SettlementEvent
): Operation | undefined => {
  if (movedNothing(event)) return known
  const operation = known ?? newOperation(...placeOf(event))
  if (isContradicted(event)) {
    const { currency, id } = "payout" in event.data ? event.data.payout : event.data.payment
    // The first by name stands for all, whichever came first.
    if ((operation.contradicted?.id ?? "~") <= event.event_id) return operation
    return {
      ...operation,
      contradicted: {
        id: event.event_id,
        payment_id: id,
        detail: event.data.contradiction.detail,
        currency,
        day: dayOf(event.at)
      }
    }
  }
  if (operation.expected.some(({ id }) => id === event.event_id)) return operation
  const expected = [...operation.expected, expectationOf(event)]
    .sort((left, right) => (left.id < right.id ? -1 : 1))
  return { ...operation, expected }
}
