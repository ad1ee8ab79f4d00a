import { Result, Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { decide, paymentOf } from "../../actors/payments/decide.ts"
import { defaultTerms, isDefinitive, Payment, transitions } from "../../actors/payments/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import * as chart from "../../src/ledger/chart.ts"
import * as entries from "../../src/ledger/entries.ts"
import { assertBalanced, changesOf, type JournalEntry } from "../../src/ledger/journal.ts"
import { FraudMessages } from "../../streams/messages/fraud.ts"
import { GatewayMessages, type Outcome } from "../../streams/messages/gateway.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { freeze } from "../support/freeze.ts"
import { receivedOf } from "../support/received.ts"

type Json = Readonly<Record<string, unknown>>
type Type = keyof typeof PaymentsMessages
type Command = { readonly type: Type; readonly body: Json }

const ID = paymentIdOf("acme", "order-1")
const PARTITION = 3
const GATEWAY = defaultTerms.gateway
const FROM = { family: "payments", partition: PARTITION, merchant: "acme" }
const BOOK: entries.Book = { ...FROM, gateway: GATEWAY, currency: "BRL", paymentId: ID }
const decodePayment = Schema.decodeUnknownSync(Payment)
/** Everything a payment may send, by its receiver's schemas. */
const receivers = { gateway: GatewayMessages, fraud: FraudMessages } as Readonly<
  Record<string, Readonly<Record<string, Schema.Codec<unknown, unknown>>>>
>
const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)
/** One payment, fed by hand: messages come through their schemas, as from the mailbox. */
class Life {
  payment: Payment | undefined
  readonly journal: Array<JournalEntry> = []
  readonly chargeCalls: Array<string> = []
  readonly seen = new Set<string>()
  terms = defaultTerms
  now = Date.parse("2026-08-31T12:00:00Z")
  seq = 0

  /** What `decide` says, twice over frozen input: it must be pure. */
  ask({ body, type }: Command, replyTo?: string) {
    const message = { type, body: Schema.decodeUnknownSync(PaymentsMessages[type])(body) }
    const keys = [paymentOf(message as Parameters<typeof decide>[1], "acme")] as const
    const once = () =>
      decide(
        { get: (key) => (key === ID ? freeze(this.payment) : undefined) },
        freeze(message) as Parameters<typeof decide>[1],
        receivedOf({
          ...FROM,
          seq: this.seq,
          keys,
          type,
          at: this.now,
          replyTo,
          config: this.terms
        })
      )
    const decided = once()
    const said = (result: typeof decided) =>
      canonicalJson(Result.isFailure(result) ? result.failure : result.success)
    expect(said(once())).toBe(said(decided))
    return decided
  }

  take(command: Command, replyTo?: string) {
    this.seq++
    const decided = this.ask(command, replyTo)
    if (Result.isFailure(decided)) {
      this.seen.add(decided.failure.code)
      return decided
    }
    const { emit = [], put = [], rows = [] } = decided.success
    const before = this.payment
    const booked = rows.flatMap((row) => row._tag === "Entry" ? [row.entry] : [])
    assertBalanced(booked)
    this.journal.push(...booked)
    for (const [key, payment] of put) {
      expect([key, payment.version]).toEqual([ID, (before?.version ?? 0) + 1])
      this.payment = payment
    }
    for (const { body, key, to, type } of emit) {
      expect(key).toBe("acme")
      const sent = Schema.decodeUnknownSync(receivers[to]![type]!)(JSON.parse(canonicalJson(body)))
      if (type !== "call") continue
      const { attempt, operation } = sent as typeof GatewayMessages.call.Type
      expect(this.attempt(attempt)?.status).toBe("sent")
      if (operation === "charge") this.chargeCalls.push(attempt)
    }
    this.checkMove(before)
    this.checkState()
    for (const { kind } of booked) this.seen.add(kind)
    return decided
  }

  attempt = (key: string) => this.payment!.attempts.find((attempt) => attempt.key === key)

  checkMove(before: Payment | undefined) {
    const after = this.payment!
    this.seen.add(after.status)
    if (before === undefined) return void expect(after.status).toBe("screening")
    expect([before.status, ...transitions[before.status]]).toContain(after.status)
    // The first definitive answer wins.
    for (const { key, status } of before.attempts) {
      if (isDefinitive(status)) expect(this.attempt(key)?.status).toBe(status)
    }
    expect(after.legs.every((leg, nth) => leg.captured >= before.legs[nth]!.captured)).toBe(true)
  }

  checkState() {
    const payment = this.payment!
    expect(decodePayment(JSON.parse(canonicalJson(payment)))).toStrictEqual(payment)
    const { amount, amount_authorized, amount_captured, amount_refunded, legs, refunds } = payment
    expect(legs.every((leg) => leg.refunded >= 0n && leg.refunded <= leg.captured)).toBe(true)
    expect([0n, amount]).toContain(amount_authorized)
    expect(amount_captured <= amount_authorized).toBe(true)
    expect(sum(legs.map(({ captured }) => captured))).toBe(amount_captured)
    const refundsOf = (...statuses: ReadonlyArray<string>) =>
      sum(refunds.filter(({ status }) => statuses.includes(status)).map((one) => one.amount))
    expect(refundsOf("succeeded")).toBe(amount_refunded)
    expect(refundsOf("succeeded", "pending")).toBe(sum(legs.map(({ refunded }) => refunded)))
    this.checkCharges(payment)
    this.checkJournal(payment, refundsOf("pending"))
  }

  /** At most one charge is asked for, under one key, and at most one is booked. */
  checkCharges({ attempts }: Payment) {
    const charges = attempts.filter(({ operation }) => operation === "charge")
    expect(charges.length).toBeLessThanOrEqual(1)
    const key = `${ID}.charge.1`
    for (const called of this.chargeCalls) expect(called).toBe(key)
    const ids = [entries.hold(BOOK, key, 1n).id, entries.capture(BOOK, key, []).id]
    const booked = this.journal.filter(({ id }) => ids.includes(id)).length
    expect(booked).toBeLessThanOrEqual(charges[0]?.status === "approved" ? 1 : 0)
  }

  /** The journal alone gives every amount of the state. */
  checkJournal({ currency, legs, status, ...payment }: Payment, underWay: bigint) {
    expect(new Set(this.journal.map(({ id }) => id)).size).toBe(this.journal.length)
    const changes = changesOf(this.journal)
    const owed = ({ path }: chart.Account, layer: "posted" | "pending" = "posted") => {
      const totals = changes.get(path)?.totals
      return (totals?.[`${layer}Credits`] ?? 0n) - (totals?.[`${layer}Debits`] ?? 0n)
    }
    for (const { captured, owner, refunded } of legs) {
      const account = owner._tag === "Fee"
        ? chart.feeRevenue(PARTITION, currency)
        : owner._tag === "Merchant"
        ? chart.merchantPending("acme", currency)
        : chart.recipientPending("acme", owner.recipient, currency)
      expect(owed(account)).toBe(captured - refunded)
    }
    expect(owed(chart.refundsInTransit(PARTITION, currency))).toBe(underWay)
    const suspense = owed(chart.suspense(GATEWAY, PARTITION, currency))
    const receivable = -owed(chart.gatewayReceivable(GATEWAY, PARTITION, currency))
    expect(receivable - suspense).toBe(payment.amount_captured - payment.amount_refunded)
    const open = status === "authorized" || status === "partially_captured"
    const held = open ? payment.amount_authorized - payment.amount_captured : 0n
    expect(owed(chart.merchantPending("acme", currency), "pending")).toBe(held)
  }
}

const about = (type: Type, more: Json): Command => ({ type, body: { payment_id: ID, ...more } })
const scored = (decision: string) => about("scored", { risk: { score: 0, decision, reasons: [] } })
const payment_method = { type: "card", token: "tok_approved" }
const order = { command_id: "order-1", amount: 10_000, currency: "BRL", payment_method }
const created = (more: Json = {}): Command => ({ type: "create", body: { ...order, ...more } })
const asked = (type: Type, command_id: string, more: Json = {}) =>
  about(type, { command_id, ...more })
type Asked = Pick<Payment["attempts"][number], "key" | "operation">
const answer = ({ key, operation }: Asked, outcome: Json, inquiry = false) =>
  about("answered", { gateway: GATEWAY, attempt: key, operation, inquiry, outcome, took_millis: 1 })
const approved = (amount: bigint, captured: boolean, charge = "ch_1") =>
  ({ _tag: "Approved", charge_id: charge, captured, amount: `${amount}` }) as const

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
  some(2, "capture", { part }),
  some(3, "refund", { part }),
  some(1, "void", {}),
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
    splits: fc.oneof(fc.array(share, { maxLength: 4 }), fc.array(fixed, { maxLength: 4 }))
      .map((parts) => parts.map((part, index) => ({ recipient: `seller_${index}`, ...part })))
  })
})
const fee = fc.record({
  percentage_basis_points: fc.bigInt({ min: 0n, max: 1_500n }),
  fixed: fc.bigInt({ min: 0n, max: 60n })
}, { noNullPrototype: true })
const moves = fc.array(move, { maxLength: 40, size: "max" })
const story = fc.record({ start, fee, risk, moves })
type Story = typeof story extends fc.Arbitrary<infer S> ? S : never

/** What a move is in the present state; undefined where there is nothing to do it to. */
const messageOf = (life: Life, next: Move, commands: ReadonlyArray<Command>) => {
  const { amount, attempts } = life.payment!
  const at = (back: number) => attempts[attempts.length - 1 - (back % attempts.length)]
  const id = `cmd-${commands.length}`
  switch (next.do) {
    case "score":
      return scored(next.risk)
    case "review":
      return asked("review", id, { decision: next.verdict, by: "ana" })
    case "void":
      return asked("void", id)
    case "capture":
    case "refund": {
      if (next.part === undefined) return asked(next.do, id)
      const part = Math.max(1, Math.floor(Number(amount) * next.part / 100))
      return asked(next.do, id, { amount: part })
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
      // A void has no body that could differ.
      const others = commands.filter(({ type }) => type !== "void")
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
    const awaited = life.attempt(String(message.body["timer"]))?.wake_at
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
    fc.assert(fc.property(story, (told) => void live(told)), { numRuns: 300 })
  })

  it("meets every state, posting and refusal of a payment, so that nothing above is empty", () => {
    const stories = fc.sample(story, { numRuns: 500, seed: 7 })
    const seen = new Set(stories.flatMap((told) => [...live(told).seen]))
    const kinds = ["hold", "release", "capture", "refund", "refund_confirmed", "refund_failed"]
    const refusals = ["command_reused", "invalid_state", "invalid_splits", "operation_in_progress"]
    const others = ["suspense", "amount_too_large", "nothing_to_refund", "not_in_review"]
    const all = [...Object.keys(transitions), ...kinds, ...refusals, ...others]
    expect(all.filter((one) => !seen.has(one))).toEqual([])
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
