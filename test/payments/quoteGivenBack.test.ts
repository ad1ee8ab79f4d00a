import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { isPayment, isQuote } from "../../actors/payments/state.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import { transitions } from "../../actors/payments/payment/moves.ts"
import { Wallets } from "../support/wallets.ts"

const fx = {
  version: "usd",
  quote_seconds: 600,
  rates: [{ from: "USD" as never, to: "BRL" as never, rate: "5", spread_basis_points: 0 }]
}
const card = { type: "card", token: "tok_approved" }

/** A quote for 1.00 dollar, and payments by the name of their order that may want it. */
class Counter extends Wallets {
  constructor() {
    super({ fx })
    this.say("quote", { command_id: "q", from: "USD", to: "BRL", amount: 100, side: "from" })
  }

  get quote() {
    return [...this.states.values()].find(isQuote)!
  }

  payment(order: string): Payment | undefined {
    return [...this.states.values()].filter(isPayment)
      .find(({ commands }) => commands.some(({ id }) => id === order))
  }

  say(type: Parameters<Wallets["take"]>[1], body: object): string | undefined {
    return this.take("acme", type, body)
  }

  create(order: string): string | undefined {
    const quote_id = this.quote.id
    const wanted = { amount: 100, currency: "USD", payment_method: card, quote_id }
    return this.say("create", { command_id: order, ...wanted })
  }

  convert(): string | undefined {
    return this.say("convert", { command_id: "c", quote_id: this.quote.id })
  }

  on(order: string, type: Parameters<Wallets["take"]>[1], body: object) {
    return this.say(type, { payment_id: this.payment(order)!.id, ...body })
  }

  scored(order: string, decision: string) {
    return this.on(order, "scored", { risk: { score: 0, decision, reasons: [] } })
  }

  review(order: string, decision: string) {
    return this.on(order, "review", { command_id: `review-${order}`, decision, by: "key" })
  }

  answered(order: string, outcome: object, inquiry = false) {
    const { attempts, gateway } = this.payment(order)!
    const { key: attempt, operation } = attempts.at(-1)!
    const asked = { gateway, attempt, operation, inquiry, outcome, took_millis: 1 }
    return this.on(order, "answered", asked)
  }
}

const declined = { _tag: "Declined", code: "no", detail: "no", soft: false }
const approved = { _tag: "Approved", charge_id: "ch_1", captured: true, amount: "100" }
const acts = {
  _tag: "RequiresAction",
  charge_id: "ch_1",
  url: "https://bank.example/act",
  expires_at: "2026-09-01T00:00:00Z"
}

/** Every way in which a payment at a quote ends without money. */
const ends: Readonly<Record<string, (counter: Counter, order: string) => unknown>> = {
  "the score denies it": (counter, order) => counter.scored(order, "deny"),
  "a person rejects it": (counter, order) => {
    counter.scored(order, "review")
    counter.review(order, "reject")
  },
  "the merchant gives it up": (counter, order) => {
    counter.on(order, "void", { command_id: `void-${order}` })
  },
  "the gateway declines": (counter, order) => {
    counter.scored(order, "allow")
    counter.answered(order, declined)
  },
  "the gateway never got it": (counter, order) => {
    counter.scored(order, "allow")
    counter.answered(order, { _tag: "Unknown", detail: "?" })
    counter.answered(order, { _tag: "NotFound", detail: "none" }, true)
  },
  "the payer lets it pass": (counter, order) => {
    counter.scored(order, "allow")
    counter.answered(order, acts)
    counter.answered(order, declined, true)
  },
  "the gateway took another amount": (counter, order) => {
    counter.scored(order, "allow")
    counter.answered(order, { ...approved, amount: "99" })
  }
}

describe("a quote is given back by a payment that ends without money", () => {
  test.each(Object.keys(ends))("%s: the next payment may use it", (why) => {
    const counter = new Counter()
    expect(counter.create("first")).toBeUndefined()
    expect(counter.create("early")).toBe("quote_used")
    ends[why]!(counter, "first")
    counter.deliverAll()
    expect(counter.quote.used_by).toBeUndefined()
    expect(counter.create("second")).toBeUndefined()
    expect(counter.create("third")).toBe("quote_used")
    expect(counter.payment("second")!.credit!.rate).toBe("5")
  })

  test("a conversion may use it, too", () => {
    const counter = new Counter()
    counter.fund("acme", "balance:USD", 100)
    counter.create("first")
    expect(counter.convert()).toBe("quote_used")
    ends["the gateway declines"]!(counter, "first")
    counter.deliverAll()
    expect(counter.say("convert", { command_id: "d", quote_id: counter.quote.id })).toBeUndefined()
  })

  test("but not after its time, and not by one that was paid, whatever came of that later", () => {
    const late = new Counter()
    late.create("first")
    late.now = late.quote.expires_at
    ends["the gateway declines"]!(late, "first")
    late.deliverAll()
    expect(late.create("second")).toBe("quote_used")
    const paid = new Counter()
    paid.create("first")
    paid.scored("first", "allow")
    paid.answered("first", approved)
    paid.on("first", "refund", { command_id: "r" })
    paid.answered("first", { ...approved, charge_id: "re_1" })
    paid.deliverAll()
    expect(paid.create("second")).toBe("quote_used")
  })

  const orders = ["a", "b", "c"]
  const step = fc.oneof(
    fc.record({ do: fc.constant("create"), order: fc.constantFrom(...orders, "d", "e", "f") }),
    fc.record({ do: fc.constantFrom(...Object.keys(ends)), order: fc.constantFrom(...orders) }),
    fc.record({ do: fc.constantFrom("approved", "deliver"), order: fc.constantFrom(...orders) })
  )

  test("at any time at most one payment has it, however late it is told", () => {
    const seen = new Set<string>()
    fc.assert(fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const counter = new Counter()
      for (const { do: what, order } of steps) {
        const payment = counter.payment(order)
        if (what === "create") counter.create(order)
        else if (what === "deliver") {
          if (counter.onTheWay.length > 0) counter.deliver()
        } else if (payment?.status === "screening") {
          if (what !== "approved") ends[what]!(counter, order)
          else {
            counter.scored(order, "allow")
            counter.answered(order, approved)
          }
        }
        const having = [...counter.states.values()].filter(isPayment).filter((
          { amount_captured, status }
        ) => amount_captured > 0n || transitions[status].length > 0)
        seen.add(having.map(({ status }) => status).join() || "none")
        expect(having.length).toBeLessThanOrEqual(1)
        for (const { id } of having) expect(counter.quote.used_by).toBe(id)
      }
    }))
    expect([...seen].sort()).toEqual(["captured", "none", "screening"])
  })
})
