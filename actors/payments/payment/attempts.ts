import { type Attempt, isDefinitive, type Payment } from "../state.ts"

type Attempts = Pick<Payment, "attempts" | "past">

/** Attempts of one kind are numbered: the next has this number. */
export const nextNumber = (
  { attempts, past }: Attempts,
  operation: Attempt["operation"]
): number =>
  (past?.[operation] ?? 0) +
  attempts.filter((attempt) => attempt.operation === operation).length + 1

/** The charge whose payer has not acted, or of which nobody knows: nothing is booked for it yet. */
export const openCharge = ({ attempts }: Attempts): Attempt | undefined =>
  attempts.find(({ operation, status }) => operation === "charge" && !isDefinitive(status))

/** Of a void that came too late for its charge, whose money goes back instead. */
export const PAID_FIRST = "paid_first"

/** What is done to an authorization, one after the other. */
const ONE_AT_A_TIME: ReadonlySet<Attempt["operation"]> = new Set(["increment", "capture", "void"])

/** An operation whose outcome is still open; a second one has to wait for it. */
export const operationUnderWay = ({ attempts }: Attempts): Attempt | undefined =>
  attempts.find(({ operation, status }) => ONE_AT_A_TIME.has(operation) && !isDefinitive(status))

/** A payment that was charged stays with its gateway; a charge that may go on to another names its own. */
export const gatewayOf = (payment: Pick<Payment, "gateway">, attempt: Attempt): string =>
  attempt.gateway ?? payment.gateway
