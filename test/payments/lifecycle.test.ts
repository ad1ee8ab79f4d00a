import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { transitions } from "../../actors/payments/payment/moves.ts"
import type { Outcome } from "../../streams/messages/gateway.ts"
import {
  about,
  answer,
  approved,
  asked,
  type Command,
  created,
  disputeTold,
  GATEWAY,
  ID,
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"
import { runsOf } from "../support/runs.ts"

const few = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(5) })
const part = fc.option(fc.integer({ min: 1, max: 120 }), { nil: undefined })
const tag = fc.constantFrom(
  ...(["Approved", "Approved", "Approved", "RequiresAction", "Declined", "NotProcessed"] as const),
  ...(["Deferred", "Unknown", "Unknown", "NotFound"] as const satisfies Array<Outcome["_tag"]>)
)
const verdict = fc.constantFrom("approve", "approve", "reject")
const risk = fc.constantFrom("allow", "allow", "allow", "allow", "review", "deny")
type Arbitraries<A> = { [K in keyof A]: fc.Arbitrary<A[K]> }
const some = <Do extends string, A extends object>(
  weight: number,
  it: Do,
  more: Arbitraries<A>
) => ({
  weight,
  arbitrary: fc.record<A>(more).map((rest) => ({ ...rest, do: it }))
})
const captured = fc.boolean()
const move = fc.oneof(
  some(6, "answer", { back: few, tag, inquiry: fc.boolean(), charge: few, over: few, captured }),
  some(2, "capture", { part, final: fc.boolean() }),
  some(1, "increment", { part }),
  some(1, "expire", { off: few }),
  some(3, "refund", { part }),
  some(1, "void", {}),
  some(1, "dispute_opened", { part, nth: few }),
  some(1, "dispute_evidence", { nth: few }),
  some(1, "dispute_accept", { nth: few }),
  some(2, "dispute_closed", { nth: few, outcome: fc.constantFrom("won", "lost") }),
  some(2, "dispute_notified", { nth: few }),
  some(3, "told", {
    nth: few,
    part,
    tag: fc.constantFrom("Disputed", "Disputed", "Disputed", "Unknown", "NotFound"),
    status: fc.constantFrom("warning", "needs_response", "under_review", "won", "lost")
  }),
  some(2, "wake", { back: few, off: few }),
  some(1, "review", { verdict }),
  some(1, "score", { risk }),
  some(1, "again", { pick: fc.nat() }),
  some(1, "reuse", { pick: fc.nat() })
)
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never

const start = fc.integer({ min: 1, max: 3_000 }).chain((amount) => {
  const share = fc.integer({ min: 1, max: 250_000 })
    .map((millionths): Json => ({ share: `0.${String(millionths).padStart(6, "0")}` }))
  const fixed = fc.integer({ min: 1, max: Math.max(1, Math.floor(amount / 5)) })
    .map((part): Json => ({ amount: part }))
  return fc.record({
    amount: fc.constant(amount),
    currency: fc.constantFrom("BRL", "JPY"),
    capture: fc.constantFrom("automatic", "manual", "manual"),
    fee_bearer: fc.constantFrom("merchant", "recipients", "customer"),
    splits: fc.oneof(fc.array(share, { maxLength: 4 }), fc.array(fixed, { maxLength: 4 }))
      .map((parts) => parts.map((part, index) => ({ recipient: `seller_${index}`, ...part })))
  })
})
const rate = {
  percentage_basis_points: fc.bigInt({ min: 0n, max: 1_500n }),
  fixed: fc.bigInt({ min: 0n, max: 60n })
}
const tiers = fc.tuple(fc.record(rate), fc.record(rate))
  .map(([low, high]) => [{ from: 0n, ...low }, { from: 900n, ...high }])
const fee = fc.record(
  { ...rate, tiers, minimum: fc.constant(5n), maximum: fc.constant(200n) },
  { noNullPrototype: true, requiredKeys: ["percentage_basis_points", "fixed"] }
)
const moves = fc.array(move, { maxLength: 40, size: "max" })
const story = fc.record({ start, fee, risk, moves })
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never

/** What a move is in the present state; undefined where there is nothing to do it to. */
const messageOf = (life: Life, next: Move, commands: ReadonlyArray<Command>) => {
  const { amount, attempts } = life.payment!
  const at = (back: number) => attempts[attempts.length - 1 - (back % attempts.length)]
  const id = `cmd-${commands.length}`
  const disputed = (part = 50) =>
    Math.max(1, Math.floor(Number(life.payment!.amount_captured) * part / 100))
  switch (next.do) {
    case "score":
      return scored(next.risk)
    case "review":
      return asked("review", id, { decision: next.verdict, by: "ana" })
    case "void":
      return asked("void", id)
    case "capture":
    case "increment":
    case "refund": {
      const final = next.do === "capture" && next.final ? { final: true } : {}
      if (next.part === undefined && next.do !== "increment") return asked(next.do, id, final)
      const part = Math.max(1, Math.floor(Number(amount) * (next.part ?? 10) / 100))
      return asked(next.do, id, { amount: part, ...final })
    }
    case "dispute_opened":
      return asked(next.do, id, {
        dispute_id: `dp_${next.nth}`,
        amount: disputed(next.part),
        fee: next.nth
      })
    case "dispute_notified":
      return about(next.do, { dispute_id: `dp_${next.nth}`, gateway: GATEWAY })
    case "told":
      return disputeTold(`dp_${next.nth}`, {
        _tag: next.tag,
        status: next.status,
        detail: "",
        amount: String(disputed(next.part)),
        fee: String(next.nth)
      })
    case "dispute_evidence":
      return asked(next.do, id, { dispute_id: `dp_${next.nth}`, text: "delivered" })
    case "dispute_accept":
      return asked(next.do, id, { dispute_id: `dp_${next.nth}` })
    case "dispute_closed":
      return asked(next.do, id, { dispute_id: `dp_${next.nth}`, outcome: next.outcome })
    case "expire": {
      const due = (life.payment!.expires_at ?? life.now) + next.off
      return about("wake", { timer: `${ID}.expiry`, due })
    }
    case "wake": {
      const attempt = at(next.back)
      if (attempt === undefined) return undefined
      const due = (attempt.wake_at ?? life.now) + next.off
      return about("wake", { timer: attempt.key, due })
    }
    case "again":
      return commands[next.pick % commands.length]!
    case "reuse": {
      // The others have no amount that could differ.
      const others = commands.filter(({ body, type }) => "amount" in body || type === "review")
      const { body, type } = others[next.pick % others.length]!
      return { type, body: { ...body, amount: Number(amount) * 2, by: "eve" } }
    }
    case "answer": {
      const attempt = at(next.back)
      if (attempt === undefined) return undefined
      // Only a charge has a payer who could be asked for something.
      const kind = next.tag === "RequiresAction" && attempt.operation !== "charge"
        ? "Unknown"
        : next.tag
      return answer(attempt, {
        ...approved(attempt.amount + BigInt(next.over), next.captured),
        _tag: kind,
        charge_id: `ch_${next.charge}`,
        ...{ url: "https://pay", expires_at: "2026-09-01", code: "no", detail: "no", soft: false }
      }, next.inquiry)
    }
  }
}

/** The same command again does nothing, and says what it said. */
const repeats = (life: Life, command: Command, told?: unknown) => {
  const { answers = [], put = [], ...effects } = Result.getOrThrow(life.ask(command, "again"))
  expect(effects).toEqual({})
  for (const [, payment] of put) {
    expect({ ...payment, waiters: life.payment!.waiters }).toEqual(life.payment)
  }
  if (told !== undefined) expect(answers).toEqual([{ to: "again", body: told }])
  else expect(answers.length + put.length).toBe(1)
}

const live = ({ fee, moves, risk, start }: Story): Life => {
  const life = Object.assign(new Life(), { terms: { gateway: GATEWAY, fee } })
  const commands = [created(start)]
  if (Result.isFailure(life.take(commands[0]!, "0"))) return life
  life.take(scored(risk))
  for (const next of moves) {
    life.now += 1_000
    const message = messageOf(life, next, commands)
    if (message === undefined) continue
    const { timer } = message.body
    const awaited = timer === `${ID}.expiry`
      ? life.payment!.expires_at
      : life.attempt(String(timer))?.wake_at
    const isNew = "command_id" in message.body && !commands.includes(message)
    const decided = life.take(message, isNew ? String(commands.length) : undefined)
    if (next.do === "reuse") {
      expect(Result.isFailure(decided) && decided.failure.code).toBe("command_reused")
    }
    if (Result.isFailure(decided)) continue
    if (isNew) commands.push(message)
    // Nor does a wake that the attempt does not await, or no longer.
    const idle = message.type === "wake" && message.body["due"] !== awaited
    if (next.do === "again" || idle) expect(decided.success).toEqual({})
    for (const { body, to } of decided.success.answers ?? []) {
      repeats(life, commands[Number(to)]!, body)
    }
  }
  for (const command of commands) repeats(life, command)
  return life
}

describe("whatever commands and answers arrive, in whatever order", () => {
  it("keeps to the table of states, repeats without effect, and books what the state says", () => {
    fc.assert(fc.property(story, (told) => void live(told)), { numRuns: runsOf(300) })
  })

  it("meets every state, posting and refusal of a payment, so that nothing above is empty", () => {
    const stories = fc.sample(story, { numRuns: 500, seed: 7 })
    const kinds = ["hold", "release", "capture", "refund", "refund_confirmed", "refund_failed"]
    const refusals = ["command_reused", "invalid_state", "invalid_splits", "operation_in_progress"]
    const disputes = ["dispute", "dispute_hold", "dispute_release", "dispute_fee", "dispute_won"]
    const more = ["dispute_lost", "dispute_not_found", "dispute_reused"]
    const others = ["suspense", "amount_too_large", "nothing_to_refund", "not_in_review"]
    const missing = new Set([
      ...Object.keys(transitions),
      ...kinds,
      ...refusals,
      ...others,
      ...disputes,
      ...more
    ])
    for (const told of stories) {
      if (missing.size === 0) break
      for (const one of live(told).seen) missing.delete(one)
    }
    expect([...missing]).toEqual([])
  })
})

describe("one payment, step by step", () => {
  const last = (life: Life) => life.payment!.attempts.at(-1)!
  const charged = (more: Json, ...outcomes: ReadonlyArray<Json>) => {
    const life = new Life()
    for (const command of [created(more), scored("allow")]) life.take(command)
    for (const outcome of outcomes) life.take(answer(last(life), outcome))
    return life
  }
  const legsOf = (life: Life) => life.payment!.legs.map((leg) => [leg.captured, leg.refunded])
  const whole = approved(10_000n, true)

  it("splits 100.00 by 70 and 30 after a fee of 2.99 % into 2.99, 67.91 and 29.10", () => {
    const splits = [{ recipient: "a", share: "0.70" }, { recipient: "b", share: "0.30" }]
    const life = charged({ splits }, whole)
    expect(life.payment!.status).toBe("captured")
    expect(legsOf(life)).toEqual([[299n, 0n], [6791n, 0n], [2910n, 0n], [0n, 0n]])
    for (const [nth, amount] of [3_333, 3_333, 3_334].entries()) {
      life.take(asked("refund", `r${nth}`, { amount }))
      life.take(answer(last(life), approved(BigInt(amount), false, `re_${nth}`)))
    }
    expect(legsOf(life)).toEqual([[299n, 299n], [6791n, 6791n], [2910n, 2910n], [0n, 0n]])
  })

  it("pays agreed amounts exactly and the rest to the merchant", () => {
    const splits = [{ recipient: "a", amount: 7_000 }, { recipient: "b", amount: 1 }]
    expect(legsOf(charged({ splits }, whole)).map(([paid]) => paid)).toEqual([
      299n,
      7000n,
      1n,
      2700n
    ])
  })

  it("fails a charge of another amount than was asked for, and holds it in suspense", () => {
    const life = charged({}, approved(9_999n, true))
    expect([life.payment!.status, life.payment!.amount_captured]).toEqual(["failed", 0n])
    expect(life.journal.map(({ kind }) => kind)).toEqual(["suspense"])
  })

  const held = (amount: number) =>
    charged({ capture: "manual", amount }, approved(BigInt(amount), false))

  it("gives back with a final capture what it leaves of the authorization", () => {
    const life = held(10_000)
    life.take(asked("capture", "c", { amount: 7_000, final: true }))
    life.take(answer(last(life), approved(7_000n, true)))
    expect(life.payment).toMatchObject({ status: "captured", amount_captured: 7_000n })
    expect(Result.isFailure(life.take(asked("capture", "d")))).toBe(true)
  })

  it("counts fee and splits of an increased authorization on the larger amount", () => {
    const life = held(10_000)
    life.take(asked("increment", "i", { amount: 5_000 }))
    expect(Result.isFailure(life.take(asked("capture", "early")))).toBe(true)
    life.take(answer(last(life), approved(5_000n, false)))
    life.take(asked("capture", "c"))
    life.take(answer(last(life), approved(15_000n, true)))
    expect(life.payment).toMatchObject({ amount: 15_000n, amount_captured: 15_000n })
    expect(legsOf(life)).toEqual([[449n, 0n], [14_551n, 0n]])
  })

  it("keeps the authorization as it was where the gateway does not increase it", () => {
    const life = held(10_000)
    life.take(asked("increment", "i", { amount: 5_000 }))
    life.take(answer(last(life), { _tag: "Declined", code: "no", detail: "no", soft: false }))
    expect(life.payment).toMatchObject({ amount: 10_000n, amount_authorized: 10_000n })
  })

  it("lets an authorization expire at the gateway's time, and waits for a capture under way", () => {
    const life = new Life()
    for (const command of [created({ capture: "manual" }), scored("allow")]) life.take(command)
    const expires_at = life.now + 60_000
    life.take(answer(last(life), { ...approved(10_000n, false), authorized_until: expires_at }))
    const due = () => about("wake", { timer: `${ID}.expiry`, due: expires_at })
    life.take(asked("capture", "c", { amount: 4_000 }))
    expect(life.take(due())).toEqual(Result.succeed({}))
    life.take(answer(last(life), approved(4_000n, true)))
    life.take(due())
    expect(last(life)).toMatchObject({ operation: "void", amount: 6_000n, status: "sent" })
    life.take(answer(last(life), approved(6_000n, false)))
    expect(life.payment!.status).toBe("captured")
  })

  it("keeps no schedule at the bus for a week: what is far is found in the table when it is due", () => {
    const timersOf = (more: Json) => {
      const life = new Life()
      for (const command of [created({ capture: "manual" }), scored("allow")]) life.take(command)
      const decided = life.take(answer(last(life), { ...approved(10_000n, false), ...more }))
      const { rows = [], timers = [] } = Result.getOrThrow(decided)
      return [rows.filter((row) => row._tag === "Wake").length, timers.length]
    }
    expect(timersOf({})).toEqual([1, 0])
    expect(timersOf({ authorized_until: Date.parse("2026-08-31T12:30:00Z") })).toEqual([1, 1])
  })

  it("is expired also where the gateway had given the authorization back by itself", () => {
    const life = held(10_000)
    life.take(about("wake", { timer: `${ID}.expiry`, due: life.payment!.expires_at }))
    life.take(answer(last(life), { _tag: "Declined", code: "gone", detail: "gone", soft: false }))
    expect(life.payment!.status).toBe("expired")
  })

  it("refuses a command on a payment that the merchant does not have", () => {
    const decided = new Life().take(asked("refund", "1"))
    expect(Result.isFailure(decided) && decided.failure.code).toBe("payment_not_found")
  })

  it("takes a request for the payer's action on a refund without a defect", () => {
    const life = charged({}, whole)
    life.take(asked("refund", "1"))
    const action = { _tag: "RequiresAction", charge_id: "ch_1", url: "https://pay", expires_at: "" }
    life.take(answer(last(life), action))
  })

  it("takes an approval of nothing without an entry that does not balance", () => {
    charged({}, approved(0n, true))
  })

  it("takes a repeated contradiction without a new version of the payment", () => {
    const no = { _tag: "Declined", code: "no", detail: "no", soft: false }
    const life = charged({}, no, whole)
    expect(Result.getOrThrow(life.take(answer(last(life), whole)))).toEqual({})
  })

  it("does not send a charge again that may have arrived before it has asked", () => {
    const unclear = { _tag: "Unknown", detail: "no answer in time" }
    const life = charged({}, unclear, { _tag: "Deferred", detail: "busy" })
    life.take(about("wake", { timer: last(life).key, due: last(life).wake_at }))
    expect(life.chargeCalls).toHaveLength(1)
  })
})
