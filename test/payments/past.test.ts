import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { PAST_KEPT_MAX, whole } from "../../actors/payments/payment/past.ts"
import { REFUSALS_MAX, REFUSED_MILLIS } from "../../actors/payments/refused.ts"
import { isPast } from "../../actors/payments/state.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import {
  about,
  answer,
  approved,
  asked,
  created,
  ID,
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"
import { runsOf } from "../support/runs.ts"
import { Wallets } from "../support/wallets.ts"

const last = (life: Life) => life.payment!.attempts.at(-1)!
const declined = { _tag: "Declined", code: "no", detail: "no", soft: false }

const captured = (amount: number): Life => {
  const life = new Life()
  for (const command of [created({ amount }), scored("allow")]) life.take(command)
  life.take(answer(last(life), approved(BigInt(amount), true)))
  return life
}
const refunded = (life: Life, nth: number, outcome: Json = approved(1n, false, `re_${nth}`)) => {
  life.now += 1_000
  expect(Result.isSuccess(life.take(asked("refund", `r${nth}`, { amount: 1 })))).toBe(true)
  life.take(answer(last(life), outcome))
}
const told = (life: Life, command: ReturnType<typeof asked>) => {
  const decided = life.ask(command, "again")
  return Result.isFailure(decided) ? decided.failure.code : decided.success.answers?.[0]?.body
}

const order = {
  command_id: "order-1",
  amount: 10_000,
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" }
}

/** A payment of 100.00, authorized or about to be charged, beside it what its refusals leave. */
const shop = (capture: "manual" | "automatic" = "manual") => {
  const wallets = new Wallets()
  const payment_id = paymentIdOf("acme", "order-1")
  const take = (type: Parameters<Wallets["take"]>[1], command_id: string, more: Json = {}) =>
    wallets.take("acme", type, { command_id, payment_id, ...more })
  const payment = () => wallets.states.get(`acme/${payment_id}`) as Payment
  const approve = () => {
    const { amount, key, operation } = payment().attempts.at(-1)!
    wallets.take("acme", "answered", {
      payment_id,
      gateway: "simulator",
      attempt: key,
      operation,
      inquiry: false,
      outcome: approved(amount, operation === "capture" || payment().capture === "automatic"),
      took_millis: 1
    })
  }
  wallets.take("acme", "create", { ...order, capture })
  wallets.take("acme", "scored", {
    payment_id,
    risk: { score: 0, decision: "allow", reasons: [] }
  })
  if (capture === "manual") approve()
  return { wallets, take, payment, approve }
}
describe("a payment with many commands", () => {
  it("takes a thousand refunds, and the last is written as small as the thirtieth", () => {
    const { approve, payment, take, wallets } = shop()
    take("capture", "all")
    approve()
    const sizes = [0]
    for (let nth = 1; nth <= 1_000; nth++) {
      expect(take("refund", `r${nth}`, { amount: 1 })).toBeUndefined()
      approve()
      sizes.push(canonicalJson(payment()).length)
    }
    expect(sizes[1_000]! / sizes[30]!).toBeLessThan(1.05)
    expect(payment().refunds).toHaveLength(PAST_KEPT_MAX)
    expect(payment().amount_refunded).toBe(1_000n)
    const past = [...wallets.states.values()].filter(isPast)
    expect(whole(payment(), past).refunds).toHaveLength(1_000)
    // G13 for every one of them.
    const { journal } = wallets
    const booked = journal.length
    for (let nth = 1; nth <= 1_000; nth++) {
      expect(take("refund", `r${nth}`, { amount: 1 })).toBeUndefined()
      expect(take("refund", `r${nth}`, { amount: 2 })).toBe("command_reused")
    }
    expect(journal.length).toBe(booked)
  })

  it("answers what was refused by the gateway long ago as it did then", () => {
    const life = captured(10_000)
    refunded(life, 0, declined)
    for (let nth = 1; nth <= 50; nth++) refunded(life, nth)
    expect(life.payment!.refunds.map(({ status }) => status)).not.toContain("failed")
    expect(told(life, asked("refund", "r0", { amount: 1 }))).toEqual({
      refused: { code: "refund_declined", detail: "no" }
    })
  })

  it("hears the gateway's later word on what left its document", () => {
    const life = captured(10_000)
    refunded(life, 0)
    const { charge_id = "", key, operation } = last(life)
    for (let nth = 1; nth <= 50; nth++) refunded(life, nth)
    expect(life.payment!.attempts.map((one) => one.key)).not.toContain(key)
    const notice = about("notified", { attempt: key, gateway: "simulator", says: "not_made" })
    expect(Result.getOrThrow(life.take(notice)).emit?.map(({ type }) => type)).toEqual(["inquire"])
    // It is awaited, and does not leave again before its answer.
    refunded(life, 51)
    expect(life.payment!.attempts.map((one) => one.key)).toContain(key)
    const failed = life.take(answer({ key, operation }, { ...declined, charge_id }, true))
    expect(Result.getOrThrow(failed).events?.map(({ type }) => type)).toEqual([
      "payment.refund_failed"
    ])
    expect(life.payment!.attempts.map((one) => one.key)).not.toContain(key)
    expect(life.whole.amount_refunded).toBe(51n)
    expect(told(life, asked("refund", "r0", { amount: 1 }))).toEqual({
      refused: { code: "refund_declined", detail: "no" }
    })
  })

  it("numbers its attempts on, whatever has left", () => {
    const life = new Life()
    for (const command of [created({ capture: "manual" }), scored("allow")]) life.take(command)
    life.take(answer(last(life), approved(10_000n, false)))
    for (let nth = 1; nth <= 60; nth++) {
      life.take(asked("capture", `c${nth}`, { amount: 1 }))
      expect(last(life).key).toBe(`${ID}.capture.${nth}`)
      life.take(answer(last(life), approved(1n, true, `ch_${nth}`)))
    }
    expect(told(life, asked("capture", "c1", { amount: 1 }))).toMatchObject({ payment: {} })
    expect(life.whole.attempts).toHaveLength(61)
  })

  it("counts each settlement once, however many came since", () => {
    const { approve, payment, wallets } = shop("automatic")
    approve()
    const settle = (nth: number) =>
      wallets.take("acme", "settled", {
        payment_id: payment().id,
        settlement: `s${nth}`,
        gross: "1",
        fee: "0"
      })
    for (let nth = 1; nth <= 100; nth++) settle(nth)
    for (const nth of [1, 50, 100]) settle(nth)
    expect(payment().amount_settled).toBe(100n)
    expect(payment().settlements).toHaveLength(PAST_KEPT_MAX)
  })

  it("keeps to the limit of its commands, and hears of disputes beyond it", () => {
    const life = captured(10_000)
    // The create and this refund are the last two.
    life.payment = { ...life.payment!, past: { command: 1_998 } }
    refunded(life, 1)
    const more = life.take(asked("refund", "r2", { amount: 1 }))
    expect(Result.isFailure(more) && more.failure.code).toBe("too_many_commands")
    const dispute = { dispute_id: "dp_1" }
    life.take(asked("dispute_opened", "opened", { ...dispute, amount: 9_000 }))
    life.take(asked("dispute_closed", "closed", { ...dispute, outcome: "lost" }))
    expect(life.payment!.disputes).toMatchObject([{ status: "lost" }])
  })
})

const operation = fc.record({
  type: fc.constantFrom("capture", "refund", "refund", "increment", "void", "again", "late"),
  outcome: fc.constantFrom("Approved", "Approved", "Declined", "Unknown", "none"),
  pick: fc.nat()
})

describe("whatever leaves the document and comes back", () => {
  it("is kept whole: every command is answered as before, and all amounts hold", () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 30, maxLength: 90, size: "max" }), (all) => {
        const life = new Life()
        for (const command of [created({ capture: "manual" }), scored("allow")]) life.take(command)
        life.take(answer(last(life), approved(10_000n, false)))
        const taken: Array<ReturnType<typeof asked>> = []
        for (const [nth, { outcome, pick, type }] of all.entries()) {
          life.now += 1_000
          if (type === "late" || type === "again") {
            // Life checks that an answer that came first stays.
            const { attempts } = life.whole
            const one = attempts[pick % attempts.length]!
            const command = taken[pick % Math.max(1, taken.length)]
            if (type === "late") life.take(answer(one, approved(one.amount, false, "late"), true))
            else if (command) expect(Result.getOrThrow(life.take(command))).toEqual({})
            continue
          }
          // A void would end it too soon to have many.
          if (type === "void" && nth < all.length - 5) continue
          const command = asked(type, `m${nth}`, type === "void" ? {} : { amount: 1 + pick % 40 })
          if (Result.isFailure(life.take(command))) continue
          taken.push(command)
          const { amount } = last(life)
          if (outcome === "Approved") {
            life.take(answer(last(life), approved(amount, true, `c${nth}`)))
          } else if (outcome === "Declined") life.take(answer(last(life), declined))
          else if (outcome === "Unknown") {
            life.take(answer(last(life), { _tag: "Unknown", detail: "no answer" }))
          }
        }
        const { attempts, commands } = life.whole
        expect(new Set(attempts.map(({ key }) => key)).size).toBe(attempts.length)
        expect(commands.map(({ id }) => id).toSorted()).toEqual(
          ["order-1", ...taken.map(({ body }) => body["command_id"])].toSorted()
        )
        const { past = {} } = life.payment!
        expect(past["command"] ?? 0).toBe(commands.length - life.payment!.commands.length)
        for (const command of taken) {
          expect(Result.getOrThrow(life.ask(command, "again"))).not.toHaveProperty("emit")
          const other = { ...command, body: { ...command.body, amount: 999_999 } }
          if (command.type !== "void") expect(told(life, other)).toBe("command_reused")
        }
      }),
      { numRuns: runsOf(15) }
    )
  })
})

const tooMuch = { amount: 99_999 }

describe("refused commands of a payment", () => {
  it.each([200, 1_000])("do not keep a right one from being taken: %i of them", (count) => {
    const { approve, payment, take } = shop()
    const size = canonicalJson(payment()).length
    for (let nth = 0; nth < count; nth++) {
      expect(take("capture", `no-${nth}`, tooMuch)).toBe("amount_too_large")
    }
    expect(canonicalJson(payment()).length).toBe(size)
    expect(take("capture", "right", { amount: 9_000 })).toBeUndefined()
    approve()
    expect(take("refund", "right", { amount: 1_000 })).toBeUndefined()
    approve()
    const dispute = { dispute_id: "dp_1" }
    expect(take("dispute_opened", "d", { ...dispute, amount: 5_000 })).toBeUndefined()
    expect(take("dispute_evidence", "e", { ...dispute, text: "delivered" })).toBeUndefined()
    expect(take("dispute_accept", "a", dispute)).toBeUndefined()
    expect(take("void", "v")).toBeUndefined()
  })

  it("are refused again for thirty days, the latest so many of them", () => {
    const { take, wallets } = shop()
    for (let nth = 0; nth <= REFUSALS_MAX; nth++) take("capture", `no-${nth}`, tooMuch)
    expect(take("capture", "no-1", { amount: 1 })).toBe("command_reused")
    expect(take("capture", "no-1", tooMuch)).toBe("amount_too_large")
    expect(take("refund", "no-1", tooMuch)).toBe("invalid_state")
    // Forgotten for a later one, and decided anew.
    expect(take("capture", "no-0", { amount: 1 })).toBeUndefined()
    wallets.now += REFUSED_MILLIS
    expect(take("capture", `no-${REFUSALS_MAX}`, { amount: 2 })).toBe("operation_in_progress")
  })

  it("may be sent again where they only came too early", () => {
    const { approve, payment, take } = shop()
    expect(take("capture", "one", { amount: 4_000 })).toBeUndefined()
    expect(take("capture", "two", { amount: 6_000 })).toBe("operation_in_progress")
    expect(take("increment", "more", { amount: 1 })).toBe("operation_in_progress")
    approve()
    expect(take("capture", "two", { amount: 6_000 })).toBeUndefined()
    approve()
    expect(payment()).toMatchObject({ status: "captured", amount_captured: 10_000n })
    expect(take("capture", "two", { amount: 5_000 })).toBe("command_reused")
    // A wrong body under its name does not take its place.
    expect(take("capture", "two", { amount: 6_000 })).toBeUndefined()
  })

  it("that stand in a document of before count as before, but for those that pass", () => {
    const { payment, take, wallets } = shop()
    const refused = (code: string, id: string) => ({
      id,
      type: "capture",
      fingerprint: "of another body",
      at: wallets.now,
      refused: { code, detail: "no" }
    })
    const { commands, id } = payment()
    wallets.states.set(`acme/${id}`, {
      ...payment(),
      commands: [
        ...commands,
        refused("operation_in_progress", "early"),
        ...Array.from({ length: 199 }, (_, nth) => refused("amount_too_large", `no-${nth}`))
      ]
    })
    expect(take("capture", "no-7", { amount: 1 })).toBe("command_reused")
    expect(take("capture", "early", { amount: 1 })).toBeUndefined()
    expect(take("capture", "early", { amount: 1 })).toBeUndefined()
    expect(payment().attempts).toHaveLength(2)
  })
})
