import { expect, test } from "vitest"
import { isPayout } from "../../actors/payments/state.ts"
import type { Terms } from "../../actors/payments/terms.ts"
import { Wallets } from "../support/wallets.ts"

const BALANCE = "balance:BRL"
const routing: Terms["routing"] = {
  rules: [{ name: "all", to: [{ gateway: "simulator" }] }],
  payouts: [{ currencies: ["BRL" as never], gateway: "stripe" }]
}
const MINUTE = 60_000

/** A payout of 100.00 by Stripe, and what was asked of the gateway about it so far. */
const asked = () => {
  const wallets = new Wallets({ routing })
  wallets.fund("acme", BALANCE, 10_000)
  wallets.take("acme", "payout", { command_id: "p-1", currency: "BRL", destination: "ba_1" })
  const payout = () => [...wallets.states.values()].filter(isPayout)[0]!
  const sent = () =>
    wallets.calls.map(({ body, type }) => [type, (body as { gateway: string }).gateway])
  return {
    wallets,
    payout,
    sent,
    answer: (outcome: object, inquiry = true) =>
      wallets.take("acme", "answered", {
        payment_id: BALANCE,
        gateway: "stripe",
        attempt: payout().id,
        operation: "payout",
        inquiry,
        outcome: { detail: "", ...outcome },
        took_millis: 1
      }),
    heard: (gateway = "stripe") =>
      wallets.take("acme", "payout_notified", {
        balance: BALANCE,
        payout_id: payout().id,
        gateway
      }),
    wake: () =>
      wallets.take("acme", "wake", {
        payment_id: BALANCE,
        timer: payout().id,
        due: payout().wake_at
      })
  }
}
const underway = { _tag: "Unknown", underway: true }
const paid = { _tag: "Approved", charge_id: "po_1", captured: true, amount: "10000" }
const declined = { _tag: "Declined", code: "account_closed", soft: false }
const CALL = ["call", "stripe"]
const INQUIRY = ["inquire", "stripe"]

test("a payout goes to the gateway that the routing names for its currency", () => {
  expect(asked().sent()).toEqual([CALL])
})

test("what takes days is in transit, is asked about ever less often, and is never sent again", () => {
  const { answer, payout, sent, wake, wallets } = asked()
  answer(underway, false)
  const waits: Array<number> = []
  for (let times = 0; times < 5; times++) {
    expect(payout().status).toBe("in_transit")
    waits.push((payout().wake_at! - wallets.now) / MINUTE)
    wake()
    answer(underway)
  }
  expect(waits).toEqual([1, 5, 15, 60, 60])
  expect(sent()).toEqual([CALL, ...Array.from({ length: 5 }, () => INQUIRY)])
})

test("the gateway's webhook makes it ask at once, and the answer ends it", () => {
  const { answer, heard, payout, sent } = asked()
  // Its call has no answer yet: there is nothing to ask about.
  heard()
  expect(sent()).toEqual([CALL])
  answer(underway, false)
  heard("another")
  heard()
  expect(sent()).toEqual([CALL, INQUIRY])
  answer(paid)
  expect(payout()).toMatchObject({ status: "paid", amount: 10_000n })
  expect(payout().wake_at).toBeUndefined()
})

test("one that was unknown and turns out to be on its way is in transit again", () => {
  const { answer, payout } = asked()
  answer({ _tag: "Unknown" }, false)
  expect(payout().status).toBe("unknown")
  answer(underway)
  expect(payout().status).toBe("in_transit")
  expect(payout().failure).toBeUndefined()
})

test("one that fails after it was paid came back, once, and its money is available again", () => {
  const { answer, heard, payout, wallets } = asked()
  answer(paid, false)
  // The call's own answer once more, late and otherwise, is no news of the bank.
  answer(declined, false)
  expect(payout().status).toBe("paid")
  for (let times = 0; times < 2; times++) {
    heard()
    answer(declined)
  }
  expect(payout()).toMatchObject({ status: "returned", failure: { code: "account_closed" } })
  expect(wallets.available("acme", BALANCE)).toBe(10_000n)
  expect(wallets.events.map(({ type }) => type))
    .toEqual(["payout.created", "payout.paid", "payout.returned"])
})

test("one that is refused and goes out all the same, and does not, ends as the gateway says last", () => {
  const { answer, heard, payout, wallets } = asked()
  const suspense = () =>
    [...wallets.balances("liabilities:suspense:").values()].reduce((sum, one) => sum + one, 0n)
  answer(declined, false)
  for (let times = 0; times < 3; times++) {
    for (const [outcome, missing] of [[paid, -10_000n], [declined, 0n]] as const) {
      for (let again = 0; again < 2; again++) {
        heard()
        answer(outcome)
        expect(suspense()).toBe(missing)
      }
    }
  }
  expect(payout().status).toBe("failed")
  expect(wallets.available("acme", BALANCE)).toBe(10_000n)
})

test("one that came back and was paid after all is told, and its money is in suspense", () => {
  const { answer, heard, payout, wallets } = asked()
  answer(paid, false)
  heard()
  answer(declined)
  // Late, and from before it came back.
  answer(paid, false)
  expect(payout()).toMatchObject({ status: "returned" })
  expect(payout()).not.toHaveProperty("contradicted")
  heard()
  answer(paid)
  expect(wallets.events.at(-1)!.type).toBe("payout.contradicted")
  expect([...wallets.balances("liabilities:suspense:").values()]).toEqual([-10_000n])
})
