import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Balance } from "../../actors/payments/wallet/balance.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import * as chart from "../../src/ledger/chart.ts"
import { changesOf } from "../../src/ledger/journal.ts"
import type { PayoutRules } from "../../streams/messages/payouts.ts"
import { Accountant, Refused } from "../support/accountant.ts"
import { runsOf } from "../support/runs.ts"

const decimal = (minorUnits: number) => (minorUnits / 100).toFixed(2)
const amount = fc.integer({ min: 1, max: 12_000 }).map(decimal)
const line = (verb: string, more = "") => amount.map((one) => `${verb} ${one}${more}`)
const birth = fc.record({
  price: fc.integer({ min: 1, max: 10_000 }).map(decimal),
  capture: fc.constantFrom("automatic", "manual"),
  bearer: fc.constantFrom("", " fee_bearer=recipients", " fee_bearer=customer"),
  splits: fc.constantFrom("", " splits=a:0.70,b:0.20", " splits=a:0.33,b:0.33,c:0.34")
}).map(({ bearer, capture, price, splits }) =>
  `create ${price} capture=${capture}${bearer}${splits}`
)
const step = fc.oneof(
  { weight: 6, arbitrary: fc.constant("approved") },
  { weight: 1, arbitrary: fc.constant("declined") },
  { weight: 2, arbitrary: line("capture") },
  { weight: 1, arbitrary: line("capture", " final=true") },
  { weight: 1, arbitrary: line("increment") },
  { weight: 4, arbitrary: line("refund") },
  { weight: 3, arbitrary: line("settled", " fee=0.10") },
  { weight: 1, arbitrary: line("settled").map((text) => text.replace(" ", " -")) },
  { weight: 2, arbitrary: line("dispute", " fee=1.50") },
  { weight: 1, arbitrary: fc.constantFrom("void", "expires", "dispute_evidence text=x") },
  { weight: 2, arbitrary: fc.constantFrom("dispute_won", "dispute_lost", "dispute_accept") }
)
/** One payment's life: made, approved, and whatever comes. */
const life = fc.tuple(birth, fc.array(step, { maxLength: 25, size: "max" }))
  .map(([first, rest]) => [first, "approved", ...rest])
const lives = fc.array(life, { minLength: 1, maxLength: 4 })
const payout = fc.oneof(
  line("payout", " destination=ba_1"),
  line("payout", " destination=ba_1 recipient=a"),
  fc.constantFrom("payout destination=ba_1", "payout destination=ba_1 recipient=b"),
  fc.constantFrom("approved", "approved", "declined", "later", "later")
)

/** Ran: it took effect. What is refused must leave no trace, which the checks after it see. */
const run = (accountant: Accountant, text: string, order?: string): boolean => {
  try {
    accountant.do(text, order)
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

/** Credits less debits of every account, and what is reserved there. */
const trialBalance = ({ journal }: Accountant) =>
  new Map(
    [...changesOf(journal)].map(([path, { totals }]) =>
      [path, [
        totals.postedCredits - totals.postedDebits,
        totals.pendingCredits - totals.pendingDebits
      ]] as const
    ).filter(([, sums]) => sums.some((sum) => sum !== 0n))
      .sort(([left], [right]) => (left < right ? -1 : 1))
  )

const sum = (amounts: ReadonlyArray<bigint>) => amounts.reduce((all, one) => all + one, 0n)

const check = (accountant: Accountant) => {
  const balance = trialBalance(accountant)
  const owed = (account: chart.Account) => balance.get(account.path)?.[0] ?? 0n
  for (const layer of [0, 1]) expect(sum([...balance.values()].map((one) => one[layer]!))).toBe(0n)
  const ids = accountant.journal.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  const states = [...accountant.states.values()]
  const payments = states.filter((state): state is Payment => !("_tag" in state))
  const balances = states.filter((state): state is Balance =>
    "_tag" in state && state._tag === "Balance"
  )
  for (const { amount_captured, legs } of payments) {
    expect(sum(legs.map(({ captured }) => captured))).toBe(amount_captured)
    for (const { captured, disputed = 0n, refunded } of legs) {
      expect(refunded >= 0n && disputed >= 0n && refunded + disputed <= captured).toBe(true)
    }
  }
  for (const { available, recipient, reserves } of balances) {
    expect(owed(chart.available("acme", recipient, "BRL"))).toBe(available)
    const kept = sum(reserves.map((one) => one.amount))
    expect(owed(chart.reserve("acme", recipient, "BRL"))).toBe(kept)
    // Nothing is kept back from who owes us.
    expect(available >= 0n || kept === 0n).toBe(true)
  }
  expect(owed(chart.payoutsInTransit(3, "BRL"))).toBe(sum(balances.map((one) => one.in_transit)))
  return { payments }
}

const rules: typeof PayoutRules.Type = [
  { schedule: "daily", minimum: 100n, reserve: { basis_points: 1_500, days: 2 } }
]

describe("whatever happens to several payments, their balances and payouts", () => {
  it("conserves money, keeps every leg within its capture, and books what the balances say", () => {
    fc.assert(
      fc.property(lives, fc.array(payout, { maxLength: 8 }), fc.nat(), (told, payouts, seed) => {
        const accountant = new Accountant({ payouts: rules })
        for (const [text, order] of interleaved([...told, payouts], seed)) {
          run(accountant, text, order)
          check(accountant)
        }
      }),
      { numRuns: runsOf(150) }
    )
  })

  it("changes nothing when everything is said once more", () => {
    fc.assert(
      fc.property(lives, fc.nat(), (told, seed) => {
        const accountant = new Accountant()
        for (const [text, order] of interleaved(told, seed)) run(accountant, text, order)
        const entries = accountant.journal.length
        // A wake that comes again may find that what it waited for is over: that is its purpose.
        for (const message of accountant.received.filter(({ type }) => type !== "wake")) {
          try {
            accountant.again(message)
          } catch (error) {
            if (!(error instanceof Refused)) throw error
          }
        }
        expect(accountant.journal.length).toBe(entries)
      }),
      { numRuns: runsOf(150) }
    )
  })

  it("has the same trial balance in whatever order payments take turns", () => {
    fc.assert(
      fc.property(lives, fc.nat(), fc.nat(), (told, one, other) => {
        const [left, right] = [one, other].map((seed) => {
          const accountant = new Accountant()
          for (const [text, order] of interleaved(told, seed)) run(accountant, text, order)
          return trialBalance(accountant)
        })
        expect(left).toEqual(right)
      }),
      { numRuns: runsOf(150) }
    )
  })

  it("keeps in reserve no more than its part of what became available once", () => {
    const comes = fc.oneof(
      { weight: 3, arbitrary: line("settled") },
      { weight: 3, arbitrary: line("dispute", " fee=1.50") },
      { weight: 3, arbitrary: fc.constantFrom("dispute_won", "dispute_won", "dispute_lost") },
      { weight: 2, arbitrary: line("refund") },
      { weight: 2, arbitrary: fc.constantFrom("approved", "declined") }
    )
    const rules: typeof PayoutRules.Type = [
      { schedule: "manual", reserve: { basis_points: 1_234, days: 30 } }
    ]
    fc.assert(
      fc.property(fc.array(comes, { maxLength: 20, size: "max" }), (told) => {
        const accountant = new Accountant({ payouts: rules })
        const reserve = chart.reserve("acme", undefined, "BRL").path
        for (const text of ["create 100.00", "approved", ...told]) {
          run(accountant, text)
          const kept = accountant.journal.flatMap(({ postings }) => postings)
            .filter(({ credit }) => credit.path === reserve).map(({ amount }) => amount)
          // 12.34 % of 97.01, whatever went back and came again.
          expect(sum(kept) <= 1_197n).toBe(true)
        }
      }),
      { numRuns: runsOf(150) }
    )
  })

  it("meets refunds, disputes, settlements, reserves and payouts, so that nothing above is empty", () => {
    const kinds = ["hold", "release", "capture", "refund", "refund_confirmed", "refund_failed"]
    const disputes = ["dispute", "dispute_hold", "dispute_fee", "dispute_won", "dispute_lost"]
    const money = ["settlement", "clearing", "reserve_released", "payout", "payout_paid"]
    const missing = new Set([...kinds, ...disputes, ...money])
    const samples = fc.sample(fc.tuple(lives, fc.array(payout, { minLength: 4 })), {
      numRuns: 200,
      seed: 11
    })
    for (const [told, payouts] of samples) {
      if (missing.size === 0) break
      const accountant = new Accountant({ payouts: rules })
      for (const [text, order] of interleaved([...told, payouts], 5)) run(accountant, text, order)
      for (const { kind } of accountant.journal) missing.delete(kind)
    }
    expect([...missing]).toEqual([])
  })
})

/** Each list keeps its own order; which one is next is drawn. */
const interleaved = (
  lists: ReadonlyArray<ReadonlyArray<string>>,
  seed: number
): ReadonlyArray<readonly [text: string, order: string]> => {
  const queues = lists.map((list, nth) => list.map((text) => [text, `order-${nth}`] as const))
  const drawn: Array<readonly [string, string]> = []
  let random = seed + 1
  for (let left = queues.filter((queue) => queue.length > 0); left.length > 0;) {
    random = (random * 48_271) % 2_147_483_647
    const [first, ...rest] = left[random % left.length]!
    drawn.push(first!)
    left = left.map((queue) => queue[0] === first ? rest : queue).filter((one) => one.length > 0)
  }
  return drawn
}
