import { Result, Schema } from "effect"
import { payments } from "../../actors/payments/actor.ts"
import { defaultTerms, type Terms } from "../../actors/payments/terms.ts"
import { isConversion, isPayout, isQuote, type State } from "../../actors/payments/state.ts"
import type { Payment } from "../../actors/payments/payment/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { exponentOf, formatMinorUnits } from "../../src/domain/currency.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import type { Account } from "../../src/ledger/chart.ts"
import { assertBalanced, type JournalEntry } from "../../src/ledger/journal.ts"
import type { Emission } from "../../src/runtime/actor.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { receivedOf } from "./received.ts"

type Type = keyof typeof PaymentsMessages
type Json = Record<string, unknown>

const MERCHANT = "acme"
const CURRENCY = "BRL"
const START = Date.parse("2026-08-31T12:00:00Z")

/** A command that was refused, or something that cannot happen now. It has changed nothing. */
export class Refused extends Error {}

type FxRates = NonNullable<Terms["fx"]>["rates"]

interface Message {
  readonly type: Type
  readonly body: Json
}

/** Runs scripts of commands through the payments actor and shows what it books, one line per entry. */
export class Accountant {
  readonly states = new Map<string, State>()
  /** What came from outside: all but what the family sends itself. */
  readonly received: Array<Message> = []
  private terms: Terms
  private readonly waits = new Map<string, { readonly about: string; readonly due: number }>()
  private readonly calls = new Map<string, Json>()
  private order = "order-1"
  private seq = 0
  private now = START
  readonly journal: Array<JournalEntry> = []

  constructor(terms: Partial<Terms> = {}) {
    this.terms = { ...defaultTerms, ...terms }
  }

  private get paymentId(): string {
    return paymentIdOf(MERCHANT, this.order)
  }

  /** One line of an order's script, such as `refund 40.00`; the lines of the journal that it causes. */
  do(line: string, order = "order-1"): ReadonlyArray<string> {
    this.order = order
    const before = this.journal.length
    const [verb = "", ...words] = line.split(/\s+/)
    const { amount, named } = read(verb, words)
    const id = { command_id: `cmd-${this.seq}`, payment_id: this.paymentId }
    const dispute = { dispute_id: "dp_1" }
    switch (verb) {
      case "create":
        this.take("create", {
          command_id: this.order,
          amount,
          currency: CURRENCY,
          payment_method: { type: "card", token: "tok_approved" },
          ...(named["refund_rate"] !== undefined && { quote_id: this.last(isQuote) }),
          ...named
        })
        this.take("scored", {
          payment_id: this.paymentId,
          risk: { score: 0, decision: "allow", reasons: [] }
        })
        break
      case "approved":
        this.answer({
          _tag: "Approved",
          charge_id: "ch_1",
          captured: this.call["operation"] !== "charge" || this.call["capture"] === true,
          amount: this.call["amount"],
          ...named
        })
        break
      case "declined":
        this.answer({ _tag: "Declined", code: "no", detail: "no", soft: false })
        break
      case "taken_back":
        this.told("not_made", { _tag: "Declined", code: "no", detail: "no", soft: false })
        break
      case "made_after_all": {
        const { amount } = this.call
        this.told("made", { _tag: "Approved", charge_id: "ch_1", captured: true, amount })
        break
      }
      case "expires": {
        const { expires_at } = this.states.get(this.paymentId) as Payment
        if (expires_at === undefined) throw new Refused("nothing is authorized")
        const timer = `${this.paymentId}.expiry`
        this.take("wake", { payment_id: this.paymentId, timer, due: expires_at })
        break
      }
      case "settled":
        this.take("settled", {
          payment_id: this.paymentId,
          settlement: `line-${this.seq}`,
          gross: String(amount),
          fee: "0",
          ...named
        })
        break
      case "payout":
        this.take("payout", {
          command_id: id.command_id,
          currency: CURRENCY,
          ...(amount !== undefined && { amount }),
          ...named
        })
        break
      case "returned": {
        const payouts = [...this.states.values()].filter(isPayout)
        const { currency, id: payout_id, recipient } = payouts.at(-1)!
        const why = { code: "account_closed", ...(recipient !== undefined && { recipient }) }
        this.take("payout_returned", { command_id: id.command_id, payout_id, currency, ...why })
        break
      }
      case "price":
        this.terms = { ...this.terms, fee: priceOf(named) }
        break
      case "rate":
        this.rates([{ spread_basis_points: 100, ...named } as unknown as FxRates[number]])
        break
      case "later":
        this.wake()
        break
      case "dispute":
        this.take("dispute_opened", { ...id, ...dispute, amount, ...named })
        break
      case "dispute_won":
      case "dispute_lost":
        this.take("dispute_closed", { ...id, ...dispute, outcome: verb.slice(8) })
        break
      default:
        this.take(verb as Type, {
          ...id,
          ...(verb.startsWith("dispute") && dispute),
          ...(verb === "convert" && { quote_id: this.last(isQuote) }),
          ...(verb === "reverse_conversion" && { conversion_id: this.last(isConversion) }),
          ...(amount !== undefined && { amount }),
          ...named
        })
    }
    return this.journal.slice(before).map(shown)
  }

  /** The table that later quotes are made from. */
  rates(rates: FxRates) {
    this.terms = { ...this.terms, fx: { version: `table-${this.seq}`, rates } }
  }

  private last(is: (state: State) => boolean): string {
    return [...this.states.values()].filter(is).at(-1)?.id ?? "none"
  }

  /** The next thing that somebody waits for comes. */
  private wake() {
    const [first] = [...this.waits].sort(([, one], [, other]) => one.due - other.due)
    if (first === undefined) throw new Refused("nothing is awaited")
    const [timer, wait] = first
    this.waits.delete(timer)
    this.now = Math.max(this.now, wait.due)
    this.take("wake", { payment_id: wait.about, timer, due: wait.due })
  }

  private get call(): Json {
    const call = this.calls.get(this.order)
    if (call === undefined) throw new Refused("nothing was asked of the gateway")
    return call
  }

  /** The gateway speaks of its last answer again, and says this when it is asked. */
  private told(says: string, outcome: Json) {
    const { attempt, gateway, payment_id } = this.call
    this.take("notified", { payment_id, attempt, gateway, says })
    this.answer(outcome, true)
  }

  private answer(outcome: Json, inquiry = false) {
    const { attempt, gateway, operation, payment_id } = this.call
    this.take("answered", {
      payment_id,
      gateway,
      attempt,
      operation,
      inquiry,
      outcome,
      took_millis: 1
    })
  }

  /** The same message once more, as a producer or the broker may repeat it. */
  again({ body, type }: Message) {
    this.decide(type, body)
  }

  private take(type: Type, body: Json) {
    this.received.push({ type, body })
    this.decide(type, body)
  }

  private decide(type: Type, body: Json) {
    const decoded = Schema.decodeUnknownSync(PaymentsMessages[type] as Schema.Codec<unknown>)(body)
    const message = { type, body: decoded } as Parameters<typeof payments.decide>[1]
    const place = { merchant: MERCHANT, partition: 3 }
    this.seq++
    this.now += 1_000
    const decided = payments.decide(
      { get: (key) => this.states.get(key) },
      message,
      receivedOf({
        family: "payments",
        ...place,
        seq: this.seq,
        keys: payments.keysOf(message, place),
        type,
        at: this.now,
        config: this.terms
      })
    )
    if (Result.isFailure(decided)) {
      // It is remembered, so that the same command cannot take effect later.
      for (const [key, state] of decided.failure.put ?? []) this.states.set(key, state as State)
      throw new Refused(`${type}: ${decided.failure.detail}`)
    }
    const { emit = [], put = [], rows = [] } = decided.success
    for (const [key, state] of put) this.states.set(key, state)
    for (const row of rows) {
      if (row._tag !== "Wake") continue
      const { dueMillis: due, paymentId: about, timer } = row
      if (due === undefined) this.waits.delete(timer)
      else this.waits.set(timer, { about, due })
    }
    const booked = rows.flatMap((row) => row._tag === "Entry" ? [row.entry] : [])
    assertBalanced(booked)
    this.journal.push(...booked)
    for (const one of emit) this.deliver(one)
  }

  /** Calls of a gateway wait for the script; what the family sends itself is taken at once. */
  private deliver({ body, to, type }: Emission) {
    const json = JSON.parse(canonicalJson(body)) as Json
    if (to === "gateway" && type === "call") this.calls.set(this.order, json)
    if (to === "payments") this.decide(type as Type, json)
  }
}

/** `40.00 fee=15.00 splits=a:0.70,b:0.30` → an amount in minor units and what is named. */
const read = (verb: string, words: ReadonlyArray<string>) => {
  let amount: number | undefined
  const named: Json = {}
  for (const word of words) {
    const [name = "", value] = word.split("=")
    if (value === undefined) amount = minorUnits(name)
    else if (name === "splits") named[name] = value.split(",").map(splitOf)
    else if (value === "true") named[name] = true
    else if (name === "fee" && verb === "settled") named[name] = String(minorUnits(value))
    else named[name] = /^\d+\.\d\d$/.test(value) ? minorUnits(value) : value
  }
  return { amount, named }
}

/** `percent=1.50 from=1000.00 then=1.00`: from that amount on another percentage. */
const priceOf = ({ from, percent, then }: Json): Terms["fee"] => {
  const rate = (basisPoints: unknown) => ({
    percentage_basis_points: BigInt(basisPoints as number),
    fixed: 0n
  })
  return { ...rate(percent), tiers: [{ from: BigInt(from as number), ...rate(then) }] }
}

const splitOf = (text: string): Json => {
  const [recipient, part = ""] = text.split(":")
  return /^0\./.test(part) ? { recipient, share: part } : { recipient, amount: minorUnits(part) }
}

const minorUnits = (text: string): number => {
  const units = Number(text)
  if (Number.isNaN(units)) throw new Error(`${text} is no amount`)
  return Math.round(units * 10 ** exponentOf(CURRENCY))
}

/** Paths without what an accountant does not ask for: the sub-account's number and the currency. */
const nameOf = (path: string): string => path.replace(/:p\d\d/, "").replace(`:${CURRENCY}`, "")

/** Each account's total in its own currency. */
const sideOf = (entry: JournalEntry, side: "debit" | "credit"): string => {
  const totals = new Map<Account, bigint>()
  const accounts = new Map<string, Account>()
  for (const { [side]: one, amount } of entry.postings) {
    const account = accounts.get(one.path) ?? one
    accounts.set(one.path, account)
    totals.set(account, (totals.get(account) ?? 0n) + amount)
  }
  return [...totals].map(([{ currency, path }, total]) =>
    `${nameOf(path)} ${formatMinorUnits(total, currency)}`
  ).join(", ")
}

const shown = (entry: JournalEntry): string => {
  const held = entry.postings[0]!.layer === "pending" ? " (reserved)" : ""
  const linked = entry.reverses === undefined ? "" : "  reversal"
  return `  ${entry.kind}${held}  D ${sideOf(entry, "debit")}  C ${
    sideOf(entry, "credit")
  }${linked}`
}
