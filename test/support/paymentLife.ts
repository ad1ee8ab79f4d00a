import { Result, Schema } from "effect"
import { expect } from "vitest"
import { decide, keysOf } from "../../actors/payments/decide.ts"
import { Past, whole } from "../../actors/payments/payment/past.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { isDefinitive } from "../../actors/payments/payment/attempts.ts"
import { isDisputeOpen } from "../../actors/payments/payment/dispute.ts"
import { isPast } from "../../actors/payments/state.ts"
import { Payment } from "../../actors/payments/payment/state.ts"
import { transitions } from "../../actors/payments/payment/moves.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import * as chart from "../../src/ledger/chart.ts"
import * as entries from "../../src/ledger/entries.ts"
import { assertBalanced, changesOf, type JournalEntry } from "../../src/ledger/journal.ts"
import { FraudMessages } from "../../streams/messages/fraud.ts"
import { GatewayMessages } from "../../streams/messages/gateway.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { freeze } from "./freeze.ts"
import { receivedOf } from "./received.ts"

export type Json = Readonly<Record<string, unknown>>
type Type = keyof typeof PaymentsMessages
export type Command = { readonly type: Type; readonly body: Json }

export const ID = paymentIdOf("acme", "order-1")
const PARTITION = 3
export const GATEWAY = defaultTerms.gateway
const FROM = { family: "payments", partition: PARTITION, merchant: "acme" }
const BOOK: entries.Book = { ...FROM, gateway: GATEWAY, currency: "BRL", paymentId: ID }
const decodePayment = Schema.decodeUnknownSync(Payment)
const decodePast = Schema.decodeUnknownSync(Past)
/** Everything a payment may send, by its receiver's schemas. */
const receivers = { gateway: GatewayMessages, fraud: FraudMessages } as Readonly<
  Record<string, Readonly<Record<string, Schema.Codec<unknown, unknown>>>>
>
const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)
/** One payment, fed by hand: messages come through their schemas, as from the mailbox. */
export class Life {
  payment: Payment | undefined
  /** What has left its document, by key. */
  readonly past = new Map<string, Past>()
  readonly journal: Array<JournalEntry> = []
  readonly chargeCalls: Array<string> = []
  readonly seen = new Set<string>()
  terms = defaultTerms
  /** What stands in suspense for it, by the journal. */
  suspense = 0n
  now = Date.parse("2026-08-31T12:00:00Z")
  seq = 0

  /** What `decide` says, twice over frozen input: it must be pure. */
  ask({ body, type }: Command, replyTo?: string) {
    const message = { type, body: Schema.decodeUnknownSync(PaymentsMessages[type])(body) }
    const keys = keysOf(message as Parameters<typeof decide>[1], "acme")
    const once = () =>
      decide(
        { get: (key) => (key === ID ? freeze(this.payment) : freeze(this.past.get(key))) },
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
    for (const [key, state] of put) {
      if (isPast(state)) {
        expect([key, decodePast(JSON.parse(canonicalJson(state)))]).toStrictEqual([state.id, state])
        this.past.set(key, state)
        continue
      }
      const payment = state as Payment
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

  /** The payment with all that has left its document. */
  get whole(): Payment {
    return whole(this.payment!, [...this.past.values()])
  }

  attempt = (key: string) => this.whole.attempts.find((attempt) => attempt.key === key)

  checkMove(before: Payment | undefined) {
    const after = this.payment!
    this.seen.add(after.status)
    if (before === undefined) return void expect(after.status).toBe("screening")
    expect([before.status, ...transitions[before.status]]).toContain(after.status)
    // The first definitive answer ends it: from there on it is turned only, one word at a time.
    for (const { key, status, turns = 0 } of before.attempts) {
      if (!isDefinitive(status)) continue
      const now = this.attempt(key)!
      expect(isDefinitive(now.status)).toBe(true)
      if (now.status !== status) expect(now.turns).toBe(turns + 1)
    }
  }

  checkState() {
    const { payment: kept, whole: payment } = this
    expect(decodePayment(JSON.parse(canonicalJson(kept)))).toStrictEqual(kept)
    const { amount, amount_authorized, amount_captured, amount_refunded, legs, refunds } = payment
    for (const { captured, disputed = 0n, refunded } of legs) {
      expect(refunded >= 0n && disputed >= 0n && refunded + disputed <= captured).toBe(true)
    }
    expect([0n, amount]).toContain(amount_authorized)
    expect(amount_captured <= amount_authorized).toBe(true)
    expect(sum(legs.map(({ captured }) => captured))).toBe(amount_captured)
    const strayPending = sum(
      refunds.filter(({ status, stray }) => stray !== undefined && status === "pending")
        .map((one) => one.amount)
    )
    const refundsOf = (...statuses: ReadonlyArray<string>) =>
      sum(
        refunds.filter(({ status, stray }) => stray === undefined && statuses.includes(status))
          .map((one) => one.amount)
      )
    expect(refundsOf("succeeded")).toBe(amount_refunded)
    expect(refundsOf("succeeded", "pending")).toBe(sum(legs.map(({ refunded }) => refunded)))
    const standing = (payment.disputes ?? []).filter(({ status }) => status !== "won")
    expect(sum(standing.flatMap((dispute) => dispute.legs))).toBe(
      sum(legs.map(({ disputed = 0n }) => disputed))
    )
    this.checkCharges(payment)
    this.checkJournal(payment, refundsOf("pending"), strayPending)
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
  checkJournal(
    { currency, disputes = [], legs, status, ...payment }: Payment,
    underWay: bigint,
    strayUnderWay: bigint
  ) {
    expect(new Set(this.journal.map(({ id }) => id)).size).toBe(this.journal.length)
    const changes = changesOf(this.journal)
    const owed = ({ path }: chart.Account, layer: "posted" | "pending" = "posted") => {
      const totals = changes.get(path)?.totals
      return (totals?.[`${layer}Credits`] ?? 0n) - (totals?.[`${layer}Debits`] ?? 0n)
    }
    const lostLegs = disputes.filter(({ status }) => status === "lost" || status === "accepted")
    const open = disputes.filter(isDisputeOpen)
    const fees = sum(disputes.map(({ fee }) => fee))
    for (const [nth, { captured, owner, refunded }] of legs.entries()) {
      const lost = sum(lostLegs.map((dispute) => dispute.legs[nth]!))
      const charged = owner._tag === "Merchant" ? fees : 0n
      const account = owner._tag === "Fee"
        ? chart.feeRevenue(PARTITION, currency)
        : owner._tag === "Merchant"
        ? chart.merchantPending("acme", currency)
        : chart.recipientPending("acme", owner.recipient, currency)
      expect(owed(account)).toBe(captured - refunded - lost - charged)
    }
    expect(owed(chart.refundsInTransit(PARTITION, currency))).toBe(underWay + strayUnderWay)
    const suspense = owed(chart.suspense(GATEWAY, PARTITION, currency))
    const receivable = -owed(chart.gatewayReceivable(GATEWAY, PARTITION, currency))
    const gone = sum(lostLegs.map(({ amount }) => amount))
    const away = sum(open.map(({ amount }) => amount))
    expect(-owed(chart.gatewayDisputed(GATEWAY, PARTITION, currency))).toBe(away)
    this.suspense = suspense
    expect(receivable - suspense - strayUnderWay)
      .toBe(payment.amount_captured - payment.amount_refunded - gone - away - fees)
    const holding = status === "authorized" || status === "partially_captured"
    const held = holding ? payment.amount_authorized - payment.amount_captured : 0n
    const ofMerchant = sum(open.map((dispute) => dispute.legs.at(-1)!))
    expect(owed(chart.merchantPending("acme", currency), "pending")).toBe(held - ofMerchant)
  }
}

export const about = (type: Type, more: Json): Command => ({
  type,
  body: { payment_id: ID, ...more }
})
export const scored = (decision: string) =>
  about("scored", { risk: { score: 0, decision, reasons: [] } })
const payment_method = { type: "card", token: "tok_approved" }
const order = { command_id: "order-1", amount: 10_000, currency: "BRL", payment_method }
export const created = (more: Json = {}): Command => ({
  type: "create",
  body: { ...order, ...more }
})
export const asked = (type: Type, command_id: string, more: Json = {}) =>
  about(type, { command_id, ...more })
export type Asked = Pick<Payment["attempts"][number], "key" | "operation">
export const answer = ({ key, operation }: Asked, outcome: Json, inquiry = false) =>
  about("answered", { gateway: GATEWAY, attempt: key, operation, inquiry, outcome, took_millis: 1 })
/** What the gateway says of a dispute when it is asked. */
export const disputeTold = (dispute: string, outcome: Json) =>
  about("answered", {
    gateway: GATEWAY,
    attempt: `${ID}.dispute.${dispute}`,
    operation: "dispute",
    inquiry: true,
    outcome: { dispute_id: dispute, currency: "BRL", fee: "0", ...outcome },
    took_millis: 1
  })
export const approved = (amount: bigint, captured: boolean, charge = "ch_1") =>
  ({ _tag: "Approved", charge_id: charge, captured, amount: `${amount}` }) as const
