import { describe, expect, test } from "vitest"
import { type Balance, payoutTimerOf } from "../../actors/payments/wallet/balance.ts"
import { isPayout } from "../../actors/payments/state.ts"
import type { Terms } from "../../actors/payments/terms.ts"
import { AMOUNT_MAX } from "../../src/domain/money.ts"
import { Wallets } from "../support/wallets.ts"

const BALANCE = "balance:BRL"

/** Twice what one payout can name, and where to pay it. */
const rich = (terms: Partial<Terms> = {}) => {
  const wallets = new Wallets(terms)
  for (const amount of [Number(AMOUNT_MAX), Number(AMOUNT_MAX)]) {
    wallets.fund("acme", BALANCE, amount)
  }
  return wallets
}
const ask = (wallets: Wallets, command_id: string, more: object = {}) =>
  wallets.take("acme", "payout", { command_id, currency: "BRL", destination: "ba_1", ...more })
const payoutsOf = (wallets: Wallets) => [...wallets.states.values()].filter(isPayout)
const balanceOf = (wallets: Wallets) => wallets.states.get(`acme/${BALANCE}`) as Balance

test("everything is at most what one payout can name, and the rest goes with the next", () => {
  const wallets = rich()
  for (const command_id of ["first", "second"]) expect(ask(wallets, command_id)).toBeUndefined()
  expect(payoutsOf(wallets).map(({ amount }) => amount)).toEqual([AMOUNT_MAX, AMOUNT_MAX])
  expect(wallets.available("acme", BALANCE)).toBe(0n)
})

test("so it is on the day of the schedule, which has a next day for the rest", () => {
  const wallets = rich({ payouts: [{ schedule: "daily" }] })
  expect(ask(wallets, "names-the-account", { amount: 1 })).toBeUndefined()
  const due = balanceOf(wallets).payout_at!
  wallets.now = due
  const timer = payoutTimerOf(BALANCE)
  expect(wallets.take("acme", "wake", { payment_id: BALANCE, timer, due })).toBeUndefined()
  expect(payoutsOf(wallets).map(({ amount }) => amount)).toEqual([1n, AMOUNT_MAX])
  expect(balanceOf(wallets).payout_at).toBeGreaterThan(due)
})

/** The gateway's word about a payout. */
const answer = (wallets: Wallets, attempt: string, outcome: object, inquiry = false) =>
  wallets.take("acme", "answered", {
    payment_id: BALANCE,
    gateway: "simulator",
    attempt,
    operation: "payout",
    inquiry,
    outcome: { code: "no", detail: "no", ...outcome },
    took_millis: 1
  })

/** The gateway says of a payout of 100 that it paid so much. */
const paid = (amount: number) => ({
  _tag: "Approved",
  charge_id: "tr_1",
  captured: false,
  amount: `${amount}`
})

const IN_SUSPENSE = "liabilities:suspense:simulator:p"

describe.each([
  ["less than was asked for", 80, 20n],
  ["more", 130, -30n],
  ["nothing", 0, 100n]
])("a payout of which %s was paid", (_, amount, inSuspense) => {
  test.each([[false], [true]])(
    "is ended once, the difference is in question (asked: %s)",
    (asked) => {
      const wallets = rich()
      ask(wallets, "first", { amount: 100 })
      const { id } = payoutsOf(wallets)[0]!
      if (asked) answer(wallets, id, { _tag: "Unknown" })
      wallets.journal.length = 0
      for (let times = 0; times < 2; times++) answer(wallets, id, paid(amount), asked)
      expect(payoutsOf(wallets)[0]).toMatchObject({
        status: "paid",
        failure: { code: "gateway_amount_mismatch" },
        contradicted: true
      })
      expect(balanceOf(wallets).in_transit).toBe(0n)
      // What left the bank is what the gateway says, and the merchant's payout is done with.
      expect(wallets.total("assets:bank")).toBe(BigInt(amount))
      expect(wallets.total("liabilities:payouts_in_transit")).toBe(-100n)
      expect(wallets.total(IN_SUSPENSE)).toBe(inSuspense)
      expect(wallets.events.map(({ type }) => type)).toEqual([
        "payout.created",
        "payout.paid",
        "payout.contradicted"
      ])
      expect(wallets.events.at(-1)!.body).toMatchObject({
        contradiction: {
          gateway: "simulator",
          operation: "payout",
          charge_id: "tr_1",
          detail: `the gateway reports ${amount}, asked for 100`
        }
      })
    }
  )
})

test("what a gateway pays after it refused is in question as far as it paid", () => {
  const wallets = rich()
  ask(wallets, "first", { amount: 100 })
  const { id } = payoutsOf(wallets)[0]!
  answer(wallets, id, { _tag: "Declined", soft: false })
  for (let times = 0; times < 2; times++) answer(wallets, id, paid(80), true)
  expect(payoutsOf(wallets)[0]).toMatchObject({ status: "failed", contradicted: true })
  expect(wallets.total(IN_SUSPENSE)).toBe(-80n)
})

test("a refusal of a later try does not give back money that an earlier one may have paid", () => {
  const wallets = rich()
  ask(wallets, "first", { amount: 100 })
  const { id } = payoutsOf(wallets)[0]!
  const status = (outcome: object, inquiry: boolean) => {
    answer(wallets, id, outcome, inquiry)
    return payoutsOf(wallets)[0]!.status
  }
  expect(status({ _tag: "Unknown" }, false)).toBe("unknown")
  expect(status({ _tag: "NotProcessed" }, false)).toBe("unknown")
  expect(balanceOf(wallets).in_transit).toBe(100n)
  expect(status({ _tag: "NotFound" }, true)).toBe("failed")
})

test("who tells that a payout came back is answered, and again with the same", () => {
  const wallets = rich()
  ask(wallets, "first", { amount: 100 })
  const { id } = payoutsOf(wallets)[0]!
  answer(wallets, id, paid(100))
  const available = wallets.available("acme", BALANCE)
  const tell = (command_id: string, code: string, inbox: string) =>
    wallets.take(
      "acme",
      "payout_returned",
      { command_id, payout_id: id, currency: "BRL", code },
      inbox
    )
  expect(tell("r1", "account_closed", "_INBOX.1")).toBeUndefined()
  expect(tell("r1", "account_closed", "_INBOX.2")).toBeUndefined()
  // The bank may say it under another name: it is the same return.
  expect(tell("r2", "closed", "_INBOX.3")).toBeUndefined()
  expect(tell("r1", "another reason", "_INBOX.4")).toBe("command_reused")
  expect(wallets.answers).toHaveLength(3)
  expect(wallets.answers[0]).toMatchObject({
    payout: { status: "returned", failure: { code: "account_closed" } }
  })
  expect(wallets.answers.slice(1)).toEqual([wallets.answers[0], wallets.answers[0]])
  expect(wallets.available("acme", BALANCE)).toBe(available + 100n)
  expect(wallets.events.filter(({ type }) => type === "payout.returned")).toHaveLength(1)
})

describe("an account to which nothing can be paid", () => {
  const closed = { _tag: "Declined", code: "account_closed", soft: false }
  const DAILY = { payouts: [{ schedule: "daily" as const }] }
  const failed = (wallets: Wallets, command_id: string, outcome: object, more: object = {}) => {
    ask(wallets, command_id, { amount: 100, ...more })
    answer(wallets, payoutsOf(wallets).at(-1)!.id, outcome)
  }

  test("is not paid again by itself, by hand or by schedule", () => {
    const wallets = rich(DAILY)
    failed(wallets, "one", closed)
    expect(balanceOf(wallets).destination).toBeUndefined()
    const unnamed = { command_id: "two", currency: "BRL" }
    expect(wallets.take("acme", "payout", unnamed)).toBe("no_destination")
    const due = balanceOf(wallets).payout_at!
    wallets.now = due
    const timer = payoutTimerOf(BALANCE)
    expect(wallets.take("acme", "wake", { payment_id: BALANCE, timer, due })).toBeUndefined()
    expect(payoutsOf(wallets)).toHaveLength(1)
    // The schedule goes on, and pays when there is an account again.
    expect(balanceOf(wallets).payout_at).toBeGreaterThan(due)
    expect(ask(wallets, "three", { amount: 1 })).toBeUndefined()
    expect(balanceOf(wallets).destination).toBe("ba_1")
  })

  test("is forgotten when a payout that was paid comes back from it", () => {
    const wallets = rich()
    ask(wallets, "one", { amount: 100 })
    const { id } = payoutsOf(wallets)[0]!
    answer(wallets, id, paid(100))
    answer(wallets, id, closed, true)
    expect(balanceOf(wallets).destination).toBeUndefined()
  })

  test("leaves alone the one that was named since, and one that failed for another reason", () => {
    const wallets = rich()
    ask(wallets, "old", { amount: 100 })
    const { id } = payoutsOf(wallets)[0]!
    ask(wallets, "new", { amount: 100, destination: "ba_2" })
    answer(wallets, id, closed)
    expect(balanceOf(wallets).destination).toBe("ba_2")
    failed(wallets, "poor", { _tag: "Declined", code: "insufficient_funds", soft: false }, {
      destination: "ba_3"
    })
    expect(balanceOf(wallets).destination).toBe("ba_3")
  })
})
