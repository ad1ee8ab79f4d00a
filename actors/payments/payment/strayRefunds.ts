import * as entries from "../../../src/ledger/entries.ts"
import { book } from "../decision.ts"
import type { Payment } from "./state.ts"
import type { Refund } from "./refund.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { bookOf, change, type Step } from "./step.ts"
import { leftOf, replaceStray, type Stray } from "./stray.ts"

/**
 * What a refund gives back that names a charge; of a payment that captured nothing, the oldest that has
 * something left. Undefined where it is for what was captured.
 */
export const strayFor = (
  { amount_captured, strays = [] }: Payment,
  charge_id: string | undefined
): Stray | undefined =>
  charge_id !== undefined
    ? strays.find((one) => one.charge_id === charge_id)
    : amount_captured > 0n
    ? undefined
    : strays.find((one) => leftOf(one) > 0n) ?? strays[0]

const strayOf = ({ strays = [] }: Payment, { stray }: Refund): Stray =>
  strays.find(({ charge_id }) => charge_id === stray)!

/** The accounts are those of the gateway where the money is, which the payment may have left. */
export const accountsFor = (step: Step, refund: Refund): entries.Book =>
  refund.stray === undefined
    ? bookOf(step)
    : { ...bookOf(step), gateway: strayOf(step.payment, refund).gateway }

export const ofStray = (amount: bigint): ReadonlyArray<entries.Returned> => [
  { owner: { _tag: "Suspense" }, amount }
]

/** So much more of it is given back, or (below zero) is not any more. Undefined where there is not as much. */
export const takeStray = (step: Step, refund: Refund, amount: bigint): Step | undefined => {
  const { payment } = step
  const stray = strayOf(payment, refund)
  const next = { ...stray, returned: stray.returned + amount }
  return amount > 0n && leftOf(next) < 0n
    ? undefined
    : change(step, { strays: replaceStray(payment.strays, next) })
}

/** Asks for it to be given back. The ledger moves now, as with any refund. */
export const askStrayRefund = (
  step: Step,
  id: string,
  stray: Stray,
  amount: bigint,
  reason: string | undefined
): { readonly step: Step; readonly attempt: string } => {
  const { payment, received } = step
  const key = `${payment.id}.refund.${id}`
  const { charge_id, gateway } = stray
  const refund: Refund = {
    id,
    attempt: key,
    amount,
    status: "pending",
    ...(reason !== undefined && { reason }),
    legs: [],
    stray: charge_id,
    created_at: received.at
  }
  const taken = takeStray(step, refund, amount)!
  const asked = change(taken, { refunds: [...payment.refunds, refund] })
  const booked = book(asked, entries.refund(accountsFor(asked, refund), id, ofStray(amount)))
  const attempt = {
    key,
    operation: "refund" as const,
    amount,
    charge_id,
    ...(gateway !== payment.gateway && { gateway })
  }
  return { step: sendAttempt(booked, attempt), attempt: key }
}
