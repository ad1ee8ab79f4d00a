/**
 * Mistakes between actors that the compiler must refuse. Nothing here runs: `deno check` is the test.
 * Each refused line stands under its `@ts-expect-error`, which is an error itself where nothing is refused.
 */
import { tell } from "../../actors/payments/payment/step.ts"
import type { Step } from "../../actors/payments/payment/step.ts"
import type { NotificationRule } from "../../actors/messaging/rules.ts"
import { bodyOf } from "../../streams/events.ts"
import type { Decision, Emission, Timer } from "../../streams/emissions.ts"
import type { RoutedEvent } from "../../streams/messages/event.ts"

const key = "acme"
const scored = { payment_id: "pay_1", amount: 1n, currency: "BRL", method: "card" }

export const asked: Emission = { to: "fraud", type: "score", key, body: scored }

export const emissions: ReadonlyArray<Emission> = [
  // @ts-expect-error: fraud knows no such message
  { to: "fraud", type: "scoore", key, body: scored },
  // @ts-expect-error: there is no such family
  { to: "paymnets", type: "wake", key, body: { payment_id: "pay_1", timer: "t", due: 1 } },
  // @ts-expect-error: the receiver reads `payment_id`
  { to: "fraud", type: "score", key, body: { ...scored, payment_id: undefined } },
  // @ts-expect-error: amounts travel as bigints
  { to: "fraud", type: "score", key, body: { ...scored, amount: 1 } },
  // @ts-expect-error: a message of one family is none of another
  { to: "gateway", type: "score", key, body: scored }
]

const at = { id: "tm_1", atMillis: 1 }

export const timers: ReadonlyArray<Timer<"payments">> = [
  { ...at, type: "wake", body: { payment_id: "pay_1", timer: "t", due: 1 } },
  // @ts-expect-error: payments is woken by `wake`
  { ...at, type: "wakee", body: { payment_id: "pay_1", timer: "t", due: 1 } },
  // @ts-expect-error: a wake says when it was due
  { ...at, type: "wake", body: { payment_id: "pay_1", timer: "t" } }
]

export const decisions: ReadonlyArray<Decision<"messaging", unknown>> = [
  { timers: [{ ...at, type: "wake", body: { delivery_id: "del_1", due: 1 } }] },
  // @ts-expect-error: that is a timer of payments
  { timers: [{ ...at, type: "wake", body: { payment_id: "pay_1", timer: "t", due: 1 } }] },
  // @ts-expect-error: no such event is in the catalogue
  { events: [{ id: "evt_1", type: "payment.refundd", about: "pay_1", body: {} }] }
]

export const told = (step: Step): ReadonlyArray<Step> => [
  tell(step, "payment.authorized"),
  // @ts-expect-error: no such event is in the catalogue
  tell(step, "payment.refundd"),
  // @ts-expect-error: a failure is told with its reason
  tell(step, "payment.failed"),
  // @ts-expect-error: a failure has a code
  tell(step, "payment.failed", { failure: { detail: "declined" } }),
  // @ts-expect-error: an event of payouts is not told of a payment
  tell(step, "payout.paid")
]

export const rule: NotificationRule = {
  // @ts-expect-error: no such event is in the catalogue
  event: "payment.refundd",
  audience: "customer",
  template: "refund"
}

export const read = (event: RoutedEvent): ReadonlyArray<unknown> => [
  bodyOf(event, "payment.captured")?.payment.customer?.email,
  // @ts-expect-error: a payment has a customer, not a client
  bodyOf(event, "payment.captured")?.payment.client,
  // @ts-expect-error: no such event is in the catalogue
  bodyOf(event, "payment.refundd")
]
