import { Result, Schema } from "effect"
import { decide, keysOf } from "../../actors/payments/decide.ts"
import { conversionIdOf } from "../../actors/payments/exchange/conversion.ts"
import { quoteIdOf } from "../../actors/payments/exchange/quote.ts"
import { transferIdOf } from "../../actors/payments/wallet/transfer.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import type { State } from "../../actors/payments/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import type { Emission, MessageOf } from "../../src/runtime/actor.ts"
import { emptyDraft } from "../../src/runtime/draft.ts"
import { letterOf } from "../../src/runtime/letter.ts"
import { addRefusal } from "../../src/runtime/outbox.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { receivedOf } from "./received.ts"

type Message = MessageOf<typeof PaymentsMessages>
type Type = keyof typeof PaymentsMessages

export interface Example {
  readonly type: string
  /** The first body of this type that the lives below bring about. */
  readonly body: unknown
}

const MERCHANT = "acme"
const START = Date.parse("2026-01-02T03:04:05Z")

const fx = {
  version: "2026-01-02",
  rates: [{ from: "BRL" as never, to: "USD" as never, rate: "0.1953", spread_basis_points: 100 }]
}

const allowed = { score: 10, decision: "allow", reasons: [] }
const suspicious = (decision: string) => ({
  score: 900,
  decision,
  reasons: [{ code: "device_ip_denied", detail: "the address is on the deny list" }]
})

const approved = (amount: string, captured: boolean, charge_id = "ch_1") => ({
  _tag: "Approved",
  charge_id,
  captured,
  amount
})
const declined = { _tag: "Declined", code: "do_not_honor", detail: "declined", soft: false }

/** One payment's life, told by hand: commands, scores and gateway answers in, events out. */
const lifeOf = (name: string, more: Readonly<Record<string, unknown>> = {}) => {
  const examples: Array<Example> = []
  const states = new Map<string, State>()
  let calls: Array<Emission> = []
  let seq = 0
  const take = (type: Type, body: unknown) => {
    const decode = Schema.decodeUnknownSync(PaymentsMessages[type] as Schema.Codec<unknown>)
    const message = { type, body: decode(JSON.parse(canonicalJson(body))) } as Message
    const decided = decide(
      { get: (key) => states.get(key) },
      message,
      receivedOf({
        family: "payments",
        partition: 3,
        seq: ++seq,
        keys: keysOf(message, MERCHANT),
        merchant: MERCHANT,
        type,
        at: START + seq * 1_000,
        config: { ...defaultTerms, fx }
      })
    )
    if (Result.isFailure(decided)) throw new Error(`${name}: ${decided.failure.detail}`)
    const { emit = [], events = [], put = [] } = decided.success
    for (const [key, state] of put) states.set(key, state)
    calls = [...calls, ...emit.filter(({ to }) => to === "gateway")]
    examples.push(...events.map(({ body, type }) => ({ type, body })))
    for (const one of emit) {
      if (one.to === "payments") take(one.type as Type, one.body)
    }
  }
  const create = {
    command_id: name,
    amount: 10_000,
    currency: "BRL",
    payment_method: { type: "card", token: "tok_example" },
    customer: { id: "cus_42", locale: "pt-BR" },
    splits: [{ recipient: "seller_a", share: "0.70" }],
    reference: "order-1001",
    ...more
  }
  take("create", create)
  const [payment_id] = keysOf({ type: "create", body: create } as never, MERCHANT)
  return {
    examples,
    take,
    scored: (risk: unknown) => take("scored", { payment_id, risk }),
    command: (type: Type, body: Readonly<Record<string, unknown>> = {}) =>
      take(type, { payment_id, command_id: `${name}-${seq}`, ...body }),
    settled: (gross: string, fee: string) =>
      take("settled", { payment_id, settlement: "evt_1", gross, fee }),
    /** To the merchant, out of what is available. */
    paidOut: (amount: number) =>
      take("payout", {
        command_id: `${name}-${seq}`,
        currency: "BRL",
        amount,
        destination: "ba_1"
      }),
    broughtBack: () => {
      const { attempt: payout_id } = calls.at(-1)!.body as Record<string, string>
      const why = { currency: "BRL", code: "account_closed" }
      take("payout_returned", { command_id: `${name}-${seq}`, payout_id, ...why })
    },
    disputed: (dispute_id: string) => {
      const [amount, fee, status] = ["10000", "1500", "needs_response"]
      take("dispute_notified", { payment_id, dispute_id, gateway: "simulator" })
      take("answered", {
        payment_id,
        gateway: "simulator",
        attempt: `${payment_id}.dispute.${dispute_id}`,
        operation: "dispute",
        inquiry: true,
        outcome: { _tag: "Disputed", dispute_id, amount, currency: "BRL", fee, status },
        took_millis: 12
      })
    },
    woken: (timer: string, due: number) =>
      take("wake", { payment_id, timer: `${payment_id}.${timer}`, due }),
    /** The gateway's word about the call it was sent last. */
    answered: (outcome: unknown) => {
      const call = calls.at(-1)!.body as Record<string, string>
      const { attempt, gateway, operation } = call
      take("answered", {
        payment_id: call["payment_id"],
        gateway,
        attempt,
        operation,
        inquiry: false,
        outcome,
        took_millis: 12
      })
    }
  }
}

const taken = () => {
  const life = lifeOf("taken")
  life.scored(allowed)
  life.answered(approved("10000", true))
  life.answered(approved("10000", true, "ch_2"))
  life.command("refund", { amount: 1_000, reason: "too large" })
  life.answered(approved("1000", true))
  life.command("refund", { amount: 500 })
  life.answered(declined)
  return life
}

const inParts = () => {
  const life = lifeOf("in-parts", { capture: "manual" })
  life.scored(allowed)
  life.answered(approved("10000", false))
  life.command("capture", { amount: 4_000 })
  life.answered(approved("4000", true))
  life.command("capture")
  life.answered(declined)
  life.command("void")
  life.answered(declined)
  life.command("void")
  life.answered(approved("6000", false))
  return life
}

const ranOut = () => {
  const life = lifeOf("ran-out", { capture: "manual" })
  life.scored(allowed)
  life.answered({ ...approved("10000", false), authorized_until: START + 60_000 })
  life.command("increment", { amount: 2_000 })
  life.answered(declined)
  life.command("increment", { amount: 1_000 })
  life.answered(approved("1000", false))
  life.woken("expiry", START + 60_000)
  life.answered(approved("11000", false))
  return life
}

const disputed = () => {
  const life = lifeOf("disputed")
  life.scored(allowed)
  life.answered(approved("10000", true))
  const dispute = (dispute_id: string) =>
    life.command("dispute_opened", { dispute_id, amount: 1_000, fee: 150, reason: "fraudulent" })
  dispute("dp_1")
  const defence = { text: "it was delivered", documents: ["doc_1"] }
  life.command("dispute_evidence", { dispute_id: "dp_1", ...defence })
  life.command("dispute_closed", { dispute_id: "dp_1", outcome: "won" })
  dispute("dp_2")
  life.command("dispute_closed", { dispute_id: "dp_2", outcome: "lost" })
  dispute("dp_3")
  life.command("dispute_accept", { dispute_id: "dp_3" })
  return life
}

/** The gateway itself tells of a dispute, and does not take what is said against it. */
const undefended = () => {
  const life = lifeOf("undefended")
  life.scored(allowed)
  life.answered(approved("10000", true))
  life.disputed("dp_1")
  life.command("dispute_evidence", { dispute_id: "dp_1", text: "it was delivered" })
  life.answered(declined)
  return life
}

const paidOut = () => {
  const life = lifeOf("paid-out")
  life.scored(allowed)
  life.answered(approved("10000", true))
  life.settled("10000", "80")
  life.paidOut(1_000)
  life.answered(approved("1000", false))
  life.broughtBack()
  life.paidOut(1_000)
  life.answered(declined)
  life.answered(approved("1000", false))
  return life
}

/** One that goes to another merchant and is booked there, and one that comes from there. */
const transferred = () => {
  const life = lifeOf("transferred")
  life.scored(allowed)
  life.answered(approved("10000", true))
  life.settled("10000", "80")
  const transfer_id = transferIdOf(MERCHANT, "transfer-1")
  life.take("transfer", {
    command_id: "transfer-1",
    currency: "BRL",
    amount: 1_000,
    to: { merchant: "globex", recipient: "seller_b" },
    reference: "invoice-7"
  })
  life.take("transfer_delivered", { transfer_id })
  life.take("transfer", {
    command_id: "transfer-3",
    currency: "BRL",
    amount: 1_000,
    to: { merchant: "nobody" }
  })
  life.take("transfer_refused", {
    transfer_id: transferIdOf(MERCHANT, "transfer-3"),
    balance: "balance:BRL",
    code: "merchant_not_found",
    detail: "there is no merchant nobody"
  })
  life.take("transfer_arrived", {
    transfer_id: transferIdOf("globex", "transfer-2"),
    balance: "balance:BRL",
    amount: "500",
    from: "globex"
  })
  return life
}

const converted = () => {
  const life = lifeOf("converted")
  life.scored(allowed)
  life.answered(approved("10000", true))
  life.settled("10000", "80")
  const pair = ["BRL", "USD"] as const
  life.take("quote", { command_id: "q-1", from: "BRL", to: "USD", amount: 1_000, side: "from" })
  life.take("convert", { command_id: "c-1", quote_id: quoteIdOf(MERCHANT, "q-1", pair) })
  const conversion_id = conversionIdOf(MERCHANT, "c-1", pair)
  life.take("reverse_conversion", { command_id: "r-1", conversion_id, rate: "current" })
  return life
}

const notTaken = (name: string, outcome: unknown) => {
  const life = lifeOf(name)
  life.scored(allowed)
  life.answered(outcome)
  return life
}

const stopped = (name: string, decision: string) => {
  const life = lifeOf(name)
  life.scored(suspicious(decision))
  return life
}

const refused = (): Example => {
  const draft = emptyDraft(START, "")
  const letter = letterOf({
    subject: `payments.3.ingress.capture.${MERCHANT}`,
    seq: 1,
    atMillis: START,
    data: new TextEncoder().encode('{"command_id":"cmd-1"}'),
    headers: () => ({})
  })
  const addressing = {
    mailbox: "payments",
    partition: 3,
    source: "payments-03",
    streamOf: (family: string) => family.toUpperCase(),
    partitions: PARTITIONS,
    routesOf: () => [],
    messageBytesMax: 1_000_000
  }
  addRefusal(addressing, draft, { letter, counter: { ordinal: 0 }, steps: 0 }, letter, {
    code: "payment_not_found",
    detail: "acme has no payment pay_1"
  })
  const { body, type } = draft.events[0]!
  return { type, body }
}

/** Every event type with an example body, sorted. Pure: the same on every machine. */
export const eventCatalogue = (): ReadonlyArray<Example> => {
  const lives = [
    taken(),
    inParts(),
    ranOut(),
    disputed(),
    undefended(),
    paidOut(),
    transferred(),
    converted(),
    notTaken("declined", declined),
    notTaken("silent", { _tag: "Unknown", detail: "no answer" }),
    notTaken("asked", {
      _tag: "RequiresAction",
      charge_id: "ch_1",
      url: "https://bank.example/act",
      expires_at: "2026-01-02T03:19:05Z"
    }),
    stopped("denied", "deny"),
    stopped("held", "review")
  ]
  const examples = new Map<string, Example>()
  for (const example of [...lives.flatMap(({ examples }) => examples), refused()]) {
    if (!examples.has(example.type)) examples.set(example.type, example)
  }
  return [...examples.values()].sort((left, right) => (left.type < right.type ? -1 : 1))
}
