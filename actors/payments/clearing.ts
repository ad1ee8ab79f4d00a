import { allocate } from "../../src/domain/allocation.ts"
import { settlement } from "../../src/ledger/clearing.ts"
import type { Settled } from "../../streams/messages/payouts.ts"
import { balanceIdOf } from "./balance.ts"
import { takenBack } from "./legs.ts"
import type { Leg, Payment } from "./state.ts"
import { book, bookOf, change, send, type Step, tell } from "./step.ts"

/** The gateway's line for a capture or a refund of this payment was found: its money is at the bank. */
export const settled = (step: Step, body: typeof Settled.Type): Step | undefined => {
  const { fee, gross, settlement: id } = body
  const { amount_settled = 0n, settlements = [] } = step.payment
  if (settlements.includes(id) || (gross === 0n && fee === 0n)) return undefined
  const known = change(step, {
    settlements: [...settlements, id],
    amount_settled: amount_settled + (gross > 0n ? gross : 0n)
  })
  return tell(
    book(known, settlement(bookOf(known), id, gross, fee)),
    "payment.settled",
    { settlement: { gross: Number(gross), fee: Number(fee) } }
  )
}

/**
 * What each leg has available: its part of what is settled, less what it gave back or may have to.
 * Before anything is settled nothing is cleared, and nothing is to be done.
 */
const clearedTargets = (payment: Payment): ReadonlyArray<bigint> => {
  const { amount_captured, amount_settled = 0n, disputes = [], legs } = payment
  if (payment.credit !== undefined) return creditedTargets(payment)
  const parts = amount_settled >= amount_captured
    ? legs.map(({ captured }) => captured)
    : allocate(amount_settled, legs.map(({ captured }) => captured))
  const fees = disputes.reduce((sum, { fee }) => sum + fee, 0n)
  return legs.map((leg, nth) => {
    const part = parts[nth]! - takenBack(leg)
    const own = part > 0n ? part : 0n
    return leg.owner._tag === "Merchant" ? own - fees : own
  })
}

/** In the currency of the credit. What was taken at another rate may be more than was ever given. */
const creditedTargets = (
  { amount_captured, amount_settled = 0n, legs }: Payment
): ReadonlyArray<bigint> => {
  const whole = amount_settled >= amount_captured
  return legs.map(({ credit }) => {
    if (credit === undefined) return 0n
    const { given, taken } = credit
    const part = whole ? given - taken : (given * amount_settled) / amount_captured - taken
    return whole || part > 0n ? part : 0n
  })
}

/** Tells the balances what the legs have more or less of, once a settlement began it. */
export const clear = (step: Step): Step => {
  const { payment } = step
  if (payment.settlements === undefined) return step
  const targets = clearedTargets(payment)
  let changed = step
  const legs = payment.legs.map((leg, nth): Leg => {
    const { cleared = 0n, owner } = leg
    const amount = targets[nth]! - cleared
    if (owner._tag === "Fee" || amount === 0n) return leg
    changed = send(changed, {
      to: "payments",
      type: "cleared",
      body: {
        balance: balanceIdOf(
          payment.credit?.currency ?? payment.currency,
          owner._tag === "Recipient" ? owner.recipient : undefined
        ),
        payment_id: payment.id,
        amount
      }
    })
    return { ...leg, cleared: targets[nth]! }
  })
  return changed === step ? step : change(changed, { legs })
}
