import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decide } from "../../actors/fraud/decide.ts"
import { evaluate } from "../../actors/fraud/evaluate.ts"
import type { Features } from "../../actors/fraud/features.ts"
import { defaultRules, type Rule, RuleSet } from "../../actors/fraud/rules.ts"
import { ANSWERS_MAX, type Profile, type Score, subjectsOf } from "../../actors/fraud/state.ts"
import {
  countWithin,
  DAY,
  HOUR,
  record,
  type Slots,
  sumWithin,
  type Window
} from "../../actors/fraud/velocity.ts"
import { currencyCodes } from "../../src/domain/currency.ts"
import type { Risk } from "../../streams/messages/fraud.ts"
import { receivedOf } from "../support/received.ts"

const MINUTE = 60_000
const NOON = Date.parse("2026-08-31T12:00:00Z")

type Asked = Partial<Omit<Score, "currency">> & { readonly currency?: string }

/** The fraud actor of one merchant, without its machine. */
const house = (rules = defaultRules) => {
  const profiles = new Map<string, Profile>()
  let payments = 0
  const ask = (asked: Asked = {}, at = NOON): Risk => {
    const body = {
      payment_id: `pay_${++payments}`,
      amount: 1_000n,
      currency: "BRL",
      method: "card",
      ...asked
    } as Score
    const named = new Set(subjectsOf(body).map(({ key }) => key))
    const decided = decide(
      {
        get: (key) => {
          if (!named.has(key)) throw new Error(`${key} is not among the message's keys`)
          return profiles.get(key)
        }
      },
      { type: "score", body },
      receivedOf({ family: "fraud", seq: payments, type: "score", at, config: rules })
    )
    const { emit = [], put = [] } = Result.getOrThrow(decided)
    for (const [key, profile] of put) profiles.set(key, profile)
    expect(emit).toHaveLength(1)
    expect(emit[0]).toMatchObject({ to: "payments", type: "scored", key: "acme" })
    const answer = emit[0]!.body as { payment_id: string; risk: Risk }
    expect(answer.payment_id).toBe(body.payment_id)
    return answer.risk
  }
  return { ask, profiles }
}

const codes = (risk: Risk) => risk.reasons.map(({ code }) => code)

describe("the default rules deny the address they name", () => {
  it("denies 203.0.113.66 with the highest score and says why", () => {
    expect(house().ask({ ip: "203.0.113.66" })).toEqual({
      score: 1_000,
      decision: "deny",
      reasons: [{ code: "ip_denied", detail: "device IP 203.0.113.66 is on the deny list" }]
    })
  })

  it("denies it in every spelling of the same address", () => {
    const spellings = [
      "::ffff:203.0.113.66",
      "::FFFF:203.0.113.66",
      "::ffff:cb00:7142",
      "0:0:0:0:0:ffff:cb00:7142",
      "0000:0000:0000:0000:0000:ffff:cb00:7142",
      "::ffff:203.0.113.66%eth0",
      "::203.0.113.66",
      "0xcb.0.0x71.0x42",
      "3405803842"
    ]
    for (const ip of spellings) expect(house().ask({ ip }).decision, ip).toBe("deny")
  })

  it("denies it beside a known customer and device, whose history an address does not join", () => {
    const { ask } = house()
    const payer = { customer_id: "cus_1", device_id: "dev_1" }
    expect(ask(payer).decision).toBe("allow")
    expect(ask({ ...payer, ip: "::ffff:203.0.113.66" }).decision).toBe("deny")
    expect(ask({ ...payer, ip: "198.51.100.7" }).decision).toBe("allow")
  })

  it("lets neighbours, other families and nonsense through", () => {
    const others = [
      "203.0.113.6",
      "203.0.113.67",
      "::ffff:203.0.113.67",
      "2001:db8::66",
      "not an address"
    ]
    for (const ip of others) expect(house().ask({ ip }).decision, ip).toBe("allow")
  })
})

describe("the default rules hold a large first payment", () => {
  const from = { customer_id: "cus_1" }

  it("reviews what is above 5000.00 from a new customer, and lets exactly 5000.00 through", () => {
    expect(house().ask({ ...from, amount: 500_000n }).decision).toBe("allow")
    expect(house().ask({ ...from, amount: 500_001n })).toEqual({
      score: 500,
      decision: "review",
      reasons: [{
        code: "large_first_payment",
        detail: "5000.01 BRL is above 5000.00 from a customer never seen before"
      }]
    })
  })

  it("lets the same amount through once a payment of the customer was let through", () => {
    const { ask } = house()
    expect(ask({ ...from, amount: 100n }).decision).toBe("allow")
    expect(ask({ ...from, amount: 500_001n }).decision).toBe("allow")
    expect(ask({ customer_id: "cus_2", amount: 500_001n }).decision).toBe("review")
  })

  it("does not count a held or denied payment as having seen the customer", () => {
    const { ask } = house()
    expect(ask({ ...from, amount: 500_001n }).decision).toBe("review")
    expect(ask({ ...from, ip: "203.0.113.66" }).decision).toBe("deny")
    expect(ask({ ...from, amount: 500_001n }).decision).toBe("review")
  })

  it("takes a payer without a customer id for new each time", () => {
    const { ask } = house()
    const anonymous = { ip: "198.51.100.7" }
    expect(ask(anonymous).decision).toBe("allow")
    expect(ask({ ...anonymous, amount: 500_001n }).decision).toBe("review")
    expect(ask({ amount: 500_001n }).decision).toBe("review")
  })

  it("compares whole units of the payment's own currency", () => {
    const first = (amount: bigint, currency: string) =>
      house().ask({ ...from, amount, currency }).decision
    expect([first(5_000n, "JPY"), first(5_001n, "JPY")]).toEqual(["allow", "review"])
    expect([first(5_000_000n, "KWD"), first(5_000_001n, "KWD")]).toEqual(["allow", "review"])
    expect([first(50_000_000n, "CLF"), first(50_000_001n, "CLF")]).toEqual(["allow", "review"])
  })
})

describe("the default rules let a busy customer through and hold a flood", () => {
  const from = { customer_id: "cus_1", amount: 100n }

  it("adds points above 10 payments within an hour and holds above 30", () => {
    const { ask } = house()
    const risks = Array.from({ length: 31 }, (_, index) => ask(from, NOON + index * MINUTE))
    expect(risks.slice(0, 10).every(({ score }) => score === 0)).toBe(true)
    expect(risks[10]).toMatchObject({ score: 200, decision: "allow" })
    expect(risks[29]).toMatchObject({ score: 200, decision: "allow" })
    expect(risks[30]).toMatchObject({ score: 600, decision: "review" })
    expect(risks[30]!.reasons).toEqual([
      {
        code: "customer_flood_1h",
        detail: "31 payments of this customer within an hour, more than 30"
      },
      {
        code: "customer_busy_1h",
        detail: "31 payments of this customer within an hour, more than 10"
      }
    ])
  })

  it("forgets payments once the hour is over", () => {
    const { ask } = house()
    for (let index = 0; index < 31; index++) ask(from)
    expect(ask(from, NOON + 60 * MINUTE - 1).decision).toBe("review")
    expect(ask(from, NOON + 66 * MINUTE).score).toBe(0)
  })

  it("counts one customer's payments apart from another's", () => {
    const { ask } = house()
    for (let index = 0; index < 31; index++) ask(from)
    expect(ask({ ...from, customer_id: "cus_2" }).score).toBe(0)
  })

  it("counts denied payments too: testing stolen cards is a run of failures", () => {
    const { ask } = house()
    for (let index = 0; index < 10; index++) ask({ ...from, ip: "203.0.113.66" })
    expect(codes(ask(from))).toEqual(["customer_busy_1h"])
  })

  it("adds points above 25000.00 within a day, per currency", () => {
    const { ask } = house()
    const pay = (amount: bigint, at: number, currency = "BRL") =>
      codes(ask({ ...from, amount, currency }, at))
    pay(100n, NOON)
    expect(pay(2_499_900n, NOON + 20 * 60 * MINUTE)).toEqual([])
    expect(pay(1n, NOON + 20 * 60 * MINUTE, "USD")).toEqual([])
    expect(pay(1n, NOON + 21 * 60 * MINUTE)).toEqual(["customer_sum_24h"])
    expect(pay(1n, NOON + 46 * 60 * MINUTE)).toEqual([])
  })

  it("adds points where more than 5 customers use one device within a day", () => {
    const { ask } = house()
    const on = (customer: number, at = NOON) =>
      codes(ask({ customer_id: `cus_${customer}`, device_id: "dev_1" }, at))
    for (let customer = 1; customer <= 5; customer++) expect(on(customer)).toEqual([])
    expect(on(5)).toEqual([])
    expect(on(6)).toEqual(["device_many_customers_24h"])
    expect(on(6, NOON + 25 * 60 * MINUTE)).toEqual([])
  })
})

describe("a payment asked about again is answered the same and counted once", () => {
  it("gives the first answer, whatever else happened meanwhile, and changes nothing", () => {
    const { ask, profiles } = house()
    const first = {
      payment_id: "pay_x",
      customer_id: "cus_1",
      device_id: "dev_1",
      amount: 600_000n
    }
    const answer = ask(first)
    expect(answer.decision).toBe("review")
    ask({ customer_id: "cus_1" })
    const before = structuredClone(profiles)
    for (let again = 0; again < 40; again++) expect(ask(first, NOON + again)).toEqual(answer)
    expect(profiles).toEqual(before)
  })

  it("counts a flood of repeats as one payment", () => {
    const { ask } = house()
    const repeated = { payment_id: "pay_x", customer_id: "cus_1" }
    for (let again = 0; again < 40; again++) ask(repeated)
    expect(ask({ customer_id: "cus_1" }).score).toBe(0)
  })

  it("remembers the answer without a customer too", () => {
    for (const by of [{ ip: "198.51.100.7" }, { device_id: "dev_1" }, {}]) {
      const { ask, profiles } = house()
      const answer = ask({ payment_id: "pay_x", ...by })
      const before = structuredClone(profiles)
      expect(ask({ payment_id: "pay_x", ...by })).toEqual(answer)
      expect(profiles).toEqual(before)
    }
  })

  it("keeps a payer's profile small: answers beyond the newest are forgotten", () => {
    const { ask, profiles } = house()
    for (let index = 0; index < 20; index++) ask({ customer_id: "cus_1" })
    expect(profiles.get("customer:cus_1")!.answers).toHaveLength(ANSWERS_MAX)
  })
})

describe("a velocity window never misses a payment", () => {
  interface Paid {
    readonly at: number
    readonly amount: bigint
    readonly currency: string
  }
  const history = (window: Window) =>
    fc.array(
      fc.record({
        gap: fc.oneof(
          fc.nat({ max: 1_000 }),
          fc.nat({ max: window.slotMillis * (window.slots + 2) })
        ),
        amount: fc.bigInt({ min: 1n, max: 10_000n }),
        currency: fc.constantFrom("BRL", "USD", "JPY")
      }),
      { minLength: 1, maxLength: 40 }
    ).map((steps) => {
      let at = NOON
      return steps.map(({ gap, ...paid }): Paid => ({ ...paid, at: at += gap }))
    })

  for (const [name, window] of [["hour", HOUR], ["day", DAY]] as const) {
    it(`counts everything within the ${name} and nothing older than one slot more`, () => {
      const span = window.slotMillis * window.slots
      fc.assert(fc.property(history(window), (paid) => {
        let slots: Slots = []
        for (const [index, { amount, at, currency }] of paid.entries()) {
          slots = record(slots, window, at, amount, currency)
          const sofar = paid.slice(0, index + 1)
          const inside = sofar.filter((one) => one.at > at - span)
          const around = sofar.filter((one) => one.at > at - span - window.slotMillis)
          const count = countWithin(slots, window, at)
          expect(count).toBeGreaterThanOrEqual(inside.length)
          expect(count).toBeLessThanOrEqual(around.length)
          const sum = sumWithin(slots, window, at, "BRL")
          const brl = (some: ReadonlyArray<Paid>) =>
            some.reduce((all, one) => all + (one.currency === "BRL" ? one.amount : 0n), 0n)
          expect(sum >= brl(inside) && sum <= brl(around)).toBe(true)
          expect(slots.length).toBeLessThanOrEqual(window.slots + 1)
        }
      }))
    })
  }

  it("sums at most four currencies per slot, and counts payments in any", () => {
    let slots: Slots = []
    for (const currency of currencyCodes) slots = record(slots, HOUR, NOON, 1n, currency)
    expect(Object.keys(slots[0]!.sums)).toHaveLength(4)
    expect(countWithin(slots, HOUR, NOON)).toBe(currencyCodes.length)
  })

  it("loses no payment where the clock stands still or a message is older than the last", () => {
    const slots = record(record([], HOUR, NOON, 1n, "BRL"), HOUR, NOON - 90 * MINUTE, 1n, "BRL")
    expect(countWithin(slots, HOUR, NOON)).toBe(2)
  })
})

describe("a rule set gives every payment one score, one decision and its reasons", () => {
  const points = fc.integer({ min: 1, max: 1_000 })
  const decision = fc.constantFrom("review" as const, "deny" as const)
  const rule = fc.record({
    amount: fc.integer({ min: 0, max: 20_000 }),
    then: fc.oneof(fc.record({ points }), fc.record({ decision }))
  })
  const rules = fc.array(rule, { maxLength: 20 })
  const ruleSet = fc.tuple(rules, points, points).map(([rules, one, other]): RuleSet => ({
    review_at: Math.min(one, other),
    deny_at: Math.max(one, other),
    rules: rules.map(({ amount, then }, index): Rule => ({
      code: `r${index}`,
      when: { all: [{ field: "amount", op: "gt", value: (amount / 100).toFixed(2) }] },
      then,
      detail: "{amount}"
    }))
  }))
  const flags = { customer_seen_before: false }
  const featuresOf = (amount: bigint): Features => (
    { currency: "BRL", amounts: { amount }, counts: {}, flags, texts: {} }
  )

  it("never lets score and decision disagree, and does at least what a rule forces", () => {
    fc.assert(fc.property(ruleSet, fc.bigInt({ min: 1n, max: 30_000n }), (rules, amount) => {
      const { decision, reasons, score } = evaluate(rules, featuresOf(amount))
      expect(score >= 0 && score <= 1_000).toBe(true)
      expect(decision).toBe(
        score >= rules.deny_at ? "deny" : score >= rules.review_at ? "review" : "allow"
      )
      const fired = rules.rules.filter(({ when }) => {
        const [condition] = "all" in when ? when.all : when.any
        return amount > BigInt(String(condition!.value).replace(".", ""))
      })
      const forced = fired.flatMap(({ then }) => "decision" in then ? [then.decision] : [])
      if (forced.includes("deny")) expect(decision).toBe("deny")
      if (forced.includes("review")) expect(decision).not.toBe("allow")
      expect(reasons).toHaveLength(Math.min(fired.length, 10))
      if (fired.length === 0) expect(score).toBe(0)
    }))
  })

  it("makes every condition on a missing feature false, in both directions", () => {
    const nothing: Features = { ...featuresOf(1n), amounts: {} }
    const conditions = [
      { field: "customer_sum_1h", op: "lt", value: "1.00" },
      { field: "customer_count_1h", op: "lt", value: 1 },
      { field: "ip", op: "in", value: [""] },
      { field: "ip", op: "not_in", value: ["198.51.100.7"] }
    ] as const
    for (const condition of conditions) {
      const only: RuleSet = {
        review_at: 500,
        deny_at: 900,
        rules: [{ code: "r", when: { any: [condition] }, then: { decision: "deny" }, detail: "d" }]
      }
      expect(evaluate(only, nothing).decision, JSON.stringify(condition)).toBe("allow")
    }
  })

  it("takes the default rules as a configuration, and refuses those that cannot work", () => {
    const decode = Schema.decodeUnknownResult(RuleSet)
    expect(Result.isSuccess(decode(defaultRules))).toBe(true)
    const [first] = defaultRules.rules
    const broken = [
      { ...defaultRules, review_at: 950 },
      { ...defaultRules, rules: [first, first] },
      { ...defaultRules, rules: [{ ...first, detail: "{no_such_feature}" }] },
      {
        ...defaultRules,
        rules: [{ ...first, when: { all: [{ field: "ip", op: "gt", value: 7 }] } }]
      },
      { ...defaultRules, rules: [{ ...first, when: { all: [] } }] }
    ]
    expect(broken.map((rules) => Result.isFailure(decode(rules)))).toEqual(broken.map(() => true))
  })
})
