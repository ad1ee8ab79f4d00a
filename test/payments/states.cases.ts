/**
 * Payments that cannot be, which the compiler must refuse. Nothing here runs: `deno check` is the test.
 * Each refused line stands under its `@ts-expect-error`, which is an error itself where nothing is refused.
 */
import { become, change } from "../../actors/payments/payment/step.ts"
import type { Step } from "../../actors/payments/payment/step.ts"
import type { PaymentIn } from "../../actors/payments/payment/state.ts"

const failure = { code: "declined", detail: "no" }

export const ends = (step: Step, charging: PaymentIn<"unknown">): ReadonlyArray<Step> => {
  const { next_action: _, void_requested: __, ...left } = charging
  return [
    become(step, { ...left, status: "failed", failure }),
    // @ts-expect-error: what failed says why
    become(step, { ...left, status: "failed" }),
    // @ts-expect-error: what failed waits for no void any more
    become(step, { ...left, status: "failed", failure, void_requested: true }),
    // @ts-expect-error: nobody has to pay it any more
    become(step, { ...charging, status: "failed", failure }),
    // @ts-expect-error: nothing of it was captured
    become(step, { ...left, status: "failed", failure, amount_captured: 100n }),
    // @ts-expect-error: the payer has to know what to do
    become(step, { ...left, status: "requires_action" }),
    // @ts-expect-error: what is authorized has a charge at its gateway
    become(step, { ...left, status: "authorized", amount_authorized: 100n })
  ]
}

export const charges = (step: Step, held: PaymentIn<"authorized">): ReadonlyArray<Step> => {
  const { amount_authorized: amount_captured, void_requested: _, ...left } = held
  const whole = { ...left, amount_authorized: amount_captured, amount_captured }
  return [
    become(step, { ...whole, status: "captured" }),
    // @ts-expect-error: a void that waits is made before it ends
    become(step, { ...held, status: "captured", amount_captured }),
    // @ts-expect-error: nothing failed
    become(step, { ...whole, status: "captured", failure }),
    // @ts-expect-error: what ran out was not captured
    become(step, { ...whole, status: "expired" }),
    // @ts-expect-error: money is given back of what was captured only
    become(step, { ...held, amount_refunded: 1n }),
    // @ts-expect-error: a bank takes back what was captured only
    become(step, { ...held, disputes: [] })
  ]
}

export const begins = (step: Step, fresh: PaymentIn<"screening">): ReadonlyArray<Step> => [
  become(step, fresh),
  // @ts-expect-error: a person looks at what has a score
  become(step, { ...fresh, status: "in_review" }),
  // @ts-expect-error: no gateway has named a charge
  become(step, { ...fresh, charge_id: "ch_1" }),
  // @ts-expect-error: there is no such status
  become(step, { ...fresh, status: "screned" })
]

export const changes = (step: Step): ReadonlyArray<Step> => [
  change(step, { amount_settled: 100n }),
  // @ts-expect-error: a payment becomes another status, with all that it has
  change(step, { status: "captured" }),
  // @ts-expect-error: what is captured belongs to a status
  change(step, { amount_captured: 100n })
]
