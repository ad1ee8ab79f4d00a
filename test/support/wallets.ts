import { Result, Schema } from "effect"
import { payments } from "../../actors/payments/actor.ts"
import type { Balance } from "../../actors/payments/wallet/balance.ts"
import { defaultTerms, type Terms } from "../../actors/payments/terms.ts"
import type { State } from "../../actors/payments/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { assertBalanced, changesOf, type JournalEntry } from "../../src/ledger/journal.ts"
import type { Emission, Event } from "../../src/runtime/actor.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { receivedOf } from "./received.ts"

type Type = keyof typeof PaymentsMessages

/** Several merchants' books in their partitions, and what is on its way between them. */
export class Wallets {
  readonly states = new Map<string, State>()
  readonly journal: Array<JournalEntry> = []
  readonly events: Array<Event> = []
  readonly answers: Array<unknown> = []
  /** What the gateways were asked. */
  readonly calls: Array<Emission> = []
  onTheWay: Array<Emission> = []
  terms: Terms
  private seq = 0
  now = Date.parse("2026-08-31T12:00:00Z")

  constructor(terms: Partial<Terms> = {}) {
    this.terms = { ...defaultTerms, ...terms }
  }

  /** The refusal's code, or undefined where the command took effect. */
  take(merchant: string, type: Type, body: object, replyTo?: string): string | undefined {
    const decode = Schema.decodeUnknownSync(PaymentsMessages[type] as Schema.Codec<unknown>)
    const message = { type, body: decode(JSON.parse(canonicalJson(body))) } as Parameters<
      typeof payments.decide
    >[1]
    const place = { merchant, partition: partitionOf(merchant, PARTITIONS) }
    this.now += 1_000
    const decided = payments.decide(
      { get: (key) => this.states.get(`${merchant}/${key}`) },
      message,
      receivedOf({
        family: "payments",
        ...place,
        seq: ++this.seq,
        keys: payments.keysOf(message, place),
        type,
        at: this.now,
        config: this.terms,
        replyTo
      })
    )
    if (Result.isFailure(decided)) {
      for (const [key, state] of decided.failure.put ?? []) {
        this.states.set(`${merchant}/${key}`, state as State)
      }
      return decided.failure.code
    }
    const { answers = [], emit = [], events = [], put = [], rows = [] } = decided.success
    for (const [key, state] of put) this.states.set(`${merchant}/${key}`, state)
    const entries = rows.flatMap((row) => (row._tag === "Entry" ? [row.entry] : []))
    assertBalanced(entries)
    this.journal.push(...entries)
    this.events.push(...events)
    this.answers.push(...answers.map(({ body }) => body))
    this.calls.push(...emit.filter(({ to }) => to === "gateway"))
    this.onTheWay.push(...emit.filter(({ to }) => to === "payments"))
    return undefined
  }

  /** Somebody has this merchant. */
  open(merchant: string): void {
    this.take(merchant, "open_merchant", { command_id: "open" })
  }

  /** What a mailbox holds for another book arrives. */
  deliver(nth = 0): void {
    const [one] = this.onTheWay.splice(nth, 1)
    this.take(one!.key, one!.type as Type, one!.body as object)
  }

  deliverAll(): void {
    while (this.onTheWay.length > 0) this.deliver()
  }

  /** Money that a gateway settled. */
  fund(merchant: string, balance: string, amount: number): void {
    this.take(merchant, "cleared", { balance, payment_id: `pay_${this.seq}`, amount: `${amount}` })
  }

  available(merchant: string, balance: string): bigint {
    const state = this.states.get(`${merchant}/${balance}`) as Balance | undefined
    return state?.available ?? 0n
  }

  /** Credits less debits of every account whose path begins so, by path. */
  balances(prefix: string): ReadonlyMap<string, bigint> {
    return new Map(
      [...changesOf(this.journal)].filter(([path]) => path.startsWith(prefix))
        .map(([path, { totals }]) => [path, totals.postedCredits - totals.postedDebits])
    )
  }

  total(prefix: string): bigint {
    return [...this.balances(prefix).values()].reduce((sum, one) => sum + one, 0n)
  }
}

/** One line per posting, as an accountant writes it. */
export const bookLines = (journal: ReadonlyArray<JournalEntry>): string =>
  journal.flatMap(({ kind, postings }) =>
    postings.map(({ amount, credit, debit }) =>
      `${kind}: ${debit.path} to ${credit.path} ${amount}`
    )
  ).join("\n")
