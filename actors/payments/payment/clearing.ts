import { allocate } from "../../../src/domain/allocation.ts"
import { settlement } from "../../../src/ledger/clearing.ts"
import type { Settled } from "../../../streams/messages/payouts.ts"
import { balanceIdOf } from "../wallet/balance.ts"
import { book, send } from "../decision.ts"
import type { Leg } from "./leg.ts"
import type { Payment } from "./state.ts"
import { takenBack } from "./legs.ts"
import { bookOf, change, type Step, tell } from "./step.ts"

/** The gateway's line for a capture or a refund of this payment was found: its money is at the bank. */
export const settled = (step: Step, body: typeof Settled.Type): Step | undefined => {
  const { fee, gross, refund = false, settlement: id } = body
  const { amount_settled = 0n, settlements = [] } = step.payment
  if (settlements.includes(id) || (gross === 0n && fee === 0n)) return undefined
  const known = change(step, {
    settlements: [...settlements, id],
    amount_settled: amount_settled + (gross > 0n && !refund ? gross : 0n)
  })
  return tell(
    book(known, settlement(bookOf(known), id, gross, fee)),
    "payment.settled",
    { settlement: { gross: Number(gross), fee: Number(fee) } }
  )
}

interface Clearable {
  /** Its part of what is settled. */
  readonly part: bigint
  /** What it has available: that, less what it gave back or may have to. */
  readonly target: bigint
}

/** Before anything is settled nothing is cleared, and nothing is to be done. */
const clearable = (payment: Payment): ReadonlyArray<Clearable> => {
  const { amount_captured, amount_settled = 0n, disputes = [], legs } = payment
  if (payment.credit !== undefined) return creditClearable(payment)
  const parts = amount_settled >= amount_captured
    ? legs.map(({ captured }) => captured)
    : allocate(amount_settled, legs.map(({ captured }) => captured))
  const fees = disputes.reduce((sum, { fee }) => sum + fee, 0n)
  return legs.map((leg, nth) => {
    const part = parts[nth]!
    const left = part - takenBack(leg)
    const own = left > 0n ? left : 0n
    return { part, target: leg.owner._tag === "Merchant" ? own - fees : own }
  })
}

/** In the currency of the credit. What was taken at another rate may be more than was ever given. */
const creditClearable = (
  { amount_captured, amount_settled = 0n, legs }: Payment
): ReadonlyArray<Clearable> => {
  const whole = amount_settled >= amount_captured
  return legs.map(({ credit }) => {
    if (credit === undefined) return { part: 0n, target: 0n }
    const { given, taken } = credit
    const part = whole ? given : (given * amount_settled) / amount_captured
    const left = part - taken
    return { part, target: whole || left > 0n ? left : 0n }
  })
}

const least = (one: bigint, other: bigint): bigint => (one < other ? one : other)

/** Tells the balances what the legs have more or less of, once a settlement began it. */
export const clear = (step: Step): Step => {
  const { payment } = step
  if (payment.settlements === undefined) return step
  const wanted = clearable(payment)
  let changed = step
  const legs = payment.legs.map((leg, nth): Leg => {
    const { cleared = 0n, cleared_once = cleared, owner, ...rest } = leg
    const { part, target } = wanted[nth]!
    const amount = target - cleared
    if (owner._tag === "Fee" || amount === 0n) return leg
    // The rest of what comes was available before, and was taken back.
    const first = part > cleared_once ? least(amount, part - cleared_once) : 0n
    const once = first > 0n ? cleared_once + first : cleared_once
    changed = send(changed, {
      to: "payments",
      type: "cleared",
      body: {
        balance: balanceIdOf(
          payment.credit?.currency ?? payment.currency,
          owner._tag === "Recipient" ? owner.recipient : undefined
        ),
        payment_id: payment.id,
        amount,
        ...(amount > 0n && first < amount && { again: amount - first })
      }
    })
    return { ...rest, owner, cleared: target, ...(once !== target && { cleared_once: once }) }
  })
  return changed === step ? step : change(changed, { legs })
}
