import { Result, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { decide } from "../../actors/payments/decide.ts"
import { defaultTerms, type Terms } from "../../actors/payments/terms.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import type { JournalEntry } from "../../src/ledger/journal.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import type { Rule } from "../../streams/messages/routing.ts"
import type { Event } from "../../src/runtime/actor.ts"
import { receivedOf } from "../support/received.ts"

const ID = paymentIdOf("acme", "order-1")
const chain: Rule = { name: "chain", to: [{ gateway: "one" }], fallback: ["two", "three"] }
const termsOf = (rule: Rule): Terms => ({ ...defaultTerms, routing: { rules: [rule] } })

interface Call {
  readonly type: string
  readonly gateway: string
  readonly attempt: string
  readonly alternatives?: boolean
  readonly first_sent_at?: number
}

/** One payment that has been screened; what it asks of gateways is kept. */
const screened = (rule: Rule) => {
  let payment: Payment | undefined
  let seq = 0
  const calls: Array<Call> = []
  const journal: Array<JournalEntry> = []
  const told: Array<Event> = []
  const take = (type: keyof typeof PaymentsMessages, body: object) => {
    const message = { type, body: Schema.decodeUnknownSync(PaymentsMessages[type])(body) }
    const decided = decide(
      { get: () => payment },
      message as Parameters<typeof decide>[1],
      receivedOf({
        family: "payments",
        seq: ++seq,
        type,
        keys: [ID],
        at: 1_000_000 * seq,
        config: termsOf(rule)
      })
    )
    const { emit = [], events = [], put = [], rows = [] } = Result.getOrThrow(decided)
    told.push(...events)
    payment = (put[0]?.[1] ?? payment) as Payment | undefined
    journal.push(...rows.flatMap((row) => row._tag === "Entry" ? [row.entry] : []))
    calls.push(
      ...emit.filter(({ to }) => to === "gateway").map(({ body, type }) => ({
        ...body as Omit<Call, "type">,
        type
      }))
    )
  }
  take("create", {
    command_id: "order-1",
    amount: 10_000,
    currency: "BRL",
    payment_method: { type: "card", token: "tok_approved" }
  })
  take("scored", { payment_id: ID, risk: { score: 0, decision: "allow", reasons: [] } })
  return {
    calls,
    journal,
    told,
    payment: () => payment!,
    /** The answer to the attempt with this number. */
    answer: (number: number, outcome: object, inquiry = false) =>
      take("answered", {
        payment_id: ID,
        gateway: "any",
        attempt: `${ID}.charge.${number}`,
        operation: "charge",
        inquiry,
        outcome: { code: "no", detail: "no", ...outcome },
        took_millis: 1
      }),
    wake: () => {
      const { key, wake_at } = payment!.attempts.at(-1)!
      take("wake", { payment_id: ID, timer: key, due: wake_at })
    },
    chargedAt: () => calls.filter(({ type }) => type === "call").map(({ gateway }) => gateway)
  }
}

const approved = { _tag: "Approved", charge_id: "ch_1", captured: true, amount: "10000" }
const deferred = { _tag: "Deferred" }
const refused = { _tag: "NotProcessed" }
const soft = { _tag: "Declined", soft: true }
const hard = { _tag: "Declined", soft: false }
const unknown = { _tag: "Unknown" }

describe("a charge goes on to the next gateway where no money can have moved", () => {
  it("when a gateway was not reached, and when it refused before processing", () => {
    const one = screened(chain)
    one.answer(1, deferred)
    one.answer(2, refused)
    one.answer(3, approved)
    expect(one.chargedAt()).toEqual(["one", "two", "three"])
    const { attempts, gateway, status } = one.payment()
    expect([status, gateway]).toEqual(["captured", "three"])
    expect(attempts.map(({ reason, status }) => [status, reason])).toEqual([
      ["not_processed", "rule chain"],
      ["not_processed", "rule chain, fallback 1; one said gateway_not_reached"],
      ["approved", "rule chain, fallback 2; two said no"]
    ])
    const [capture] = one.journal
    expect(capture!.postings[0]!.debit.path).toContain("assets:gateway:three:receivable")
  })

  it("after a soft decline only where the rule says so, after a hard one never", () => {
    const stays = screened(chain)
    stays.answer(1, soft)
    expect([stays.payment().status, stays.chargedAt()]).toEqual(["failed", ["one"]])
    const goes = screened({ ...chain, retry_soft_declines: true })
    goes.answer(1, soft)
    expect([goes.payment().status, goes.chargedAt()]).toEqual(["processing", ["one", "two"]])
    goes.answer(2, hard)
    expect([goes.payment().status, goes.payment().failure?.code]).toEqual(["failed", "no"])
  })

  it("no more often than the rule allows, and then waits for the last one", () => {
    const one = screened({ ...chain, tries_max: 2 })
    one.answer(1, deferred)
    one.answer(2, deferred)
    expect(one.chargedAt()).toEqual(["one", "two"])
    expect(one.payment().attempts.at(-1)!.status).toBe("deferred")
    one.wake()
    expect(one.chargedAt()).toEqual(["one", "two", "two"])
    expect(new Set(one.calls.map(({ attempt }) => attempt)).size).toBe(2)
  })

  it("waits where there is no other gateway", () => {
    const one = screened({ name: "only", to: [{ gateway: "one" }] })
    expect(one.calls[0]!.alternatives).toBeUndefined()
    one.answer(1, deferred)
    expect(one.payment().attempts[0]!.status).toBe("deferred")
    expect(one.payment().gateway).toBe("one")
  })
})

describe("money that may have moved stays with its gateway", () => {
  it("an unknown charge is only asked about, whatever the inquiry meets", () => {
    const one = screened(chain)
    one.answer(1, unknown)
    one.wake()
    one.answer(1, deferred, true)
    one.wake()
    one.answer(1, { _tag: "NotFound" }, true)
    expect(one.chargedAt()).toEqual(["one"])
    expect(one.payment().failure?.code).toBe("gateway_lost")
  })

  it("a withheld repeat goes out again under its key, and from then on nowhere else", () => {
    const one = screened(chain)
    expect(one.calls[0]!.alternatives).toBe(true)
    one.answer(1, { _tag: "Withheld" })
    expect(one.chargedAt()).toEqual(["one", "one"])
    expect(new Set(one.calls.map(({ attempt }) => attempt)).size).toBe(1)
    for (const outcome of [deferred, refused]) {
      const again = screened(chain)
      again.answer(1, { _tag: "Withheld" })
      again.answer(1, outcome)
      expect(again.chargedAt()).toEqual(["one", "one"])
      expect(again.payment().attempts[0]!.status).toBe("unknown")
    }
  })

  it("a refusal of a later try does not end a charge that is unknown, the gateway's word does", () => {
    const one = screened(chain)
    one.answer(1, unknown)
    one.answer(1, refused)
    expect([one.payment().status, one.chargedAt()]).toEqual(["unknown", ["one"]])
    one.answer(1, approved, true)
    expect(one.payment().status).toBe("captured")
  })

  it("a repeat that is withheld after the charge went elsewhere is sent nowhere", () => {
    const one = screened(chain)
    one.answer(1, deferred)
    one.answer(1, { _tag: "Withheld" })
    one.answer(1, unknown)
    expect(one.chargedAt()).toEqual(["one", "two"])
    expect(one.payment().status).toBe("processing")
  })

  it("a gateway that charged after all has its money in its own suspense", () => {
    const one = screened(chain)
    one.answer(1, deferred)
    one.answer(2, { ...approved, charge_id: "ch_2" })
    one.answer(1, approved)
    expect(one.payment()).toMatchObject({ status: "captured", amount_captured: 10_000n })
    const [, suspense] = one.journal
    expect(suspense!.postings.map(({ credit, debit }) => [debit.path, credit.path])).toEqual([[
      "assets:gateway:one:receivable:p00:BRL",
      "liabilities:suspense:one:p00:BRL"
    ]])
    // Told under the gateway that says so: reconciliation looks for its line there.
    expect(one.told.at(-1)).toMatchObject({
      type: "payment.charge_contradicted",
      body: { contradiction: { gateway: "one", operation: "charge" }, payment: { gateway: "two" } }
    })
  })
})

it("an inquiry names the first sending of its attempt, however often it was sent since", () => {
  const one = screened({ name: "only", to: [{ gateway: "one" }] })
  const first = one.payment().attempts[0]!.sent_at
  one.answer(1, deferred)
  one.wake()
  one.answer(1, unknown)
  one.wake()
  expect(one.payment().attempts[0]!.sent_at).toBeGreaterThan(first)
  expect(one.calls.map(({ first_sent_at, type }) => [type, first_sent_at])).toEqual([
    ["call", first],
    ["call", first],
    ["inquire", first]
  ])
})
