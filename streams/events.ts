import { Schema } from "effect"
import { nearestOf } from "../src/domain/nearest.ts"
import type { Family } from "./mailboxes.ts"
import type { RoutedEvent } from "./messages/event.ts"
import { AnyOperation } from "./messages/gateway.ts"
import {
  exampleConversion,
  examplePayment,
  examplePayout,
  exampleQuote,
  exampleTransfer
} from "./resources/examples.ts"
import { Failure, MinorUnits } from "./resources/parts.ts"
import { DisputeStatus, PaymentResource } from "./resources/payment.ts"
import {
  ConversionResource,
  PayoutResource,
  QuoteResource,
  TransferResource
} from "./resources/wallet.ts"

/** What happened, as everybody hears of it. `messaging` among its readers means that merchants do. */
export interface EventEntry<Body = unknown> {
  readonly body: Schema.Codec<Body, unknown>
  /** One sentence for people, in both languages. */
  readonly en: string
  readonly pt: string
  /** Families that get it in their mailbox, as a message `event`. */
  readonly to: ReadonlyArray<Family>
  readonly example: Body
}

const merchants: ReadonlyArray<Family> = ["messaging"]
const merchantsAndBooks: ReadonlyArray<Family> = ["messaging", "reconciliation"]

const entry = <Fields extends Schema.Struct.Fields>(
  fields: Fields,
  example: Schema.Struct<Fields>["Type"],
  [en, pt]: readonly [en: string, pt: string],
  to: ReadonlyArray<Family> = merchants
): EventEntry<Schema.Struct<Fields>["Type"]> => ({
  body: Schema.Struct(fields) as unknown as Schema.Codec<Schema.Struct<Fields>["Type"], unknown>,
  en,
  pt,
  to,
  example
})

const payment = { payment: PaymentResource }
const moved = Schema.Struct({ amount: MinorUnits })
const charged = Schema.Struct({ amount: MinorUnits, charge_id: Schema.String })
const refund = Schema.Struct({ id: Schema.String, amount: MinorUnits })
/** Where it is another than the payment's: money in suspense is where it came to. */
const elsewhere = { gateway: Schema.optionalKey(Schema.String) }
const refunded = Schema.Struct({ ...refund.fields, ...elsewhere, charge_id: Schema.String })
/** One that had been made says of which charge, and that it is taken back. */
const notRefunded = Schema.Struct({
  ...refund.fields,
  ...elsewhere,
  charge_id: Schema.optionalKey(Schema.String),
  taken_back: Schema.optionalKey(Schema.Literal(true))
})
const disputed = {
  ...payment,
  dispute: Schema.Struct({ id: Schema.String, amount: MinorUnits, status: DisputeStatus })
}
const Contradiction = Schema.Struct({
  gateway: Schema.optionalKey(Schema.String),
  operation: Schema.optionalKey(AnyOperation),
  charge_id: Schema.String,
  detail: Schema.String
})
const CommandRefused = {
  command: Schema.String,
  command_id: Schema.optionalKey(Schema.String),
  code: Schema.String,
  detail: Schema.String
}

const declined = { code: "do_not_honor", detail: "declined" }
const open = { status: "authorized", amount_captured: 0 } as const
const unpaid = { amount_authorized: 0, amount_captured: 0, fee: 0, attempts: [] }
const dispute = { id: "dp_1", amount: 1_000 }
const contradiction = {
  gateway: "simulator",
  operation: "charge",
  charge_id: "ch_2",
  detail: "the gateway reports a second charge"
} as const
const refusedExample = {
  command: "capture",
  command_id: "cmd-1",
  code: "payment_not_found",
  detail: "acme has no payment pay_1"
}

/**
 * Everything that is told, each type once. Only what stands here can be told (the compiler holds the
 * actors to it), subscribed to, and routed.
 */
export const events = {
  "payment.requires_action": entry(payment, {
    payment: examplePayment({ ...unpaid, status: "requires_action" })
  }, [
    "The payer has to act before the payment goes on.",
    "O pagador precisa agir para o pagamento seguir."
  ]),
  "payment.in_review": entry(payment, {
    payment: examplePayment({ ...unpaid, status: "in_review" })
  }, ["A person decides whether the payment goes on.", "Uma pessoa decide se o pagamento segue."]),
  "payment.rejected": entry({ ...payment, failure: Failure }, {
    payment: examplePayment({ ...unpaid, status: "rejected" }),
    failure: { code: "risk_denied", detail: "the payment was refused by the risk rules" }
  }, [
    "The payment was refused by rules or by a person.",
    "O pagamento foi recusado pelas regras ou por uma pessoa."
  ]),
  "payment.authorized": entry(payment, { payment: examplePayment(open) }, [
    "The money is held and can be captured.",
    "O dinheiro está reservado e pode ser capturado."
  ]),
  "payment.authorization_increased": entry({ ...payment, increment: moved }, {
    payment: examplePayment({ ...open, amount: 12_000, amount_authorized: 12_000 }),
    increment: { amount: 2_000 }
  }, ["More money is held.", "Mais dinheiro foi reservado."]),
  "payment.increment_failed": entry({ ...payment, failure: Failure }, {
    payment: examplePayment(open),
    failure: declined
  }, ["The gateway did not hold more money.", "O gateway não reservou mais dinheiro."]),
  "payment.captured": entry(
    { ...payment, capture: charged },
    {
      payment: examplePayment(),
      capture: { amount: 10_000, charge_id: "ch_1" }
    },
    ["The money was taken.", "O pagamento foi capturado."],
    merchantsAndBooks
  ),
  "payment.partially_captured": entry(
    { ...payment, capture: charged },
    {
      payment: examplePayment({ status: "partially_captured", amount_captured: 4_000 }),
      capture: { amount: 4_000, charge_id: "ch_2" }
    },
    ["A part of the money was taken.", "Uma parte do pagamento foi capturada."],
    merchantsAndBooks
  ),
  "payment.capture_failed": entry({ ...payment, failure: Failure }, {
    payment: examplePayment(open),
    failure: declined
  }, ["The gateway did not take the money.", "O gateway não capturou o pagamento."]),
  "payment.failed": entry({ ...payment, failure: Failure }, {
    payment: examplePayment({ ...unpaid, status: "failed" }),
    failure: declined
  }, [
    "The payment was not made, and nothing was charged.",
    "O pagamento não foi feito e nada foi cobrado."
  ]),
  "payment.unknown": entry(payment, { payment: examplePayment({ ...unpaid, status: "unknown" }) }, [
    "The gateway did not answer: it is asked until it is known.",
    "O gateway não respondeu: ele é consultado até que se saiba."
  ]),
  "payment.voided": entry({ ...payment, voided: moved }, {
    payment: examplePayment({ ...open, status: "voided" }),
    voided: { amount: 10_000 }
  }, ["What was held was given back.", "A reserva foi devolvida."]),
  "payment.void_failed": entry({ ...payment, failure: Failure }, {
    payment: examplePayment(open),
    failure: declined
  }, ["The gateway did not give back what is held.", "O gateway não devolveu a reserva."]),
  "payment.expired": entry({ ...payment, expired: moved }, {
    payment: examplePayment({ ...open, status: "expired" }),
    expired: { amount: 10_000 }
  }, ["The authorization ran out.", "A autorização expirou."]),
  "payment.refunded": entry(
    { ...payment, refund: refunded },
    {
      payment: examplePayment({ amount_refunded: 1_000 }),
      refund: { id: "ref_1", amount: 1_000, charge_id: "re_1" }
    },
    ["Money went back to the payer.", "O dinheiro voltou ao pagador."],
    merchantsAndBooks
  ),
  "payment.refund_failed": entry(
    { ...payment, refund: notRefunded, failure: Failure },
    {
      payment: examplePayment(),
      refund: { id: "ref_1", amount: 1_000 },
      failure: declined
    },
    [
      "A refund was not made, or the gateway took back that it was.",
      "Um reembolso não foi feito, ou o gateway voltou atrás."
    ],
    merchantsAndBooks
  ),
  "payment.settled": entry({
    ...payment,
    settlement: Schema.Struct({ gross: Schema.Int, fee: Schema.Int })
  }, {
    payment: examplePayment({ amount_settled: 10_000 }),
    settlement: { gross: 10_000, fee: 80 }
  }, ["The gateway paid it.", "O gateway liquidou o pagamento."]),
  "payment.dispute_opened": entry(disputed, {
    payment: examplePayment(),
    dispute: { ...dispute, status: "needs_response" }
  }, ["The payer's bank took money back.", "O banco do pagador contestou o pagamento."]),
  "payment.dispute_evidence_submitted": entry(disputed, {
    payment: examplePayment(),
    dispute: { ...dispute, status: "under_review" }
  }, ["What speaks against a dispute was sent.", "A defesa da contestação foi enviada."]),
  "payment.evidence_failed": entry({ ...payment, failure: Failure }, {
    payment: examplePayment(),
    failure: declined
  }, [
    "The gateway did not take what speaks against a dispute.",
    "O gateway não aceitou a defesa da contestação."
  ]),
  "payment.dispute_accepted": entry(disputed, {
    payment: examplePayment(),
    dispute: { ...dispute, status: "accepted" }
  }, ["The merchant accepted a dispute.", "O lojista aceitou a contestação."]),
  "payment.dispute_won": entry(disputed, {
    payment: examplePayment(),
    dispute: { ...dispute, status: "won" }
  }, ["A dispute was won: its money is back.", "Contestação ganha: o dinheiro voltou."]),
  "payment.dispute_lost": entry(disputed, {
    payment: examplePayment(),
    dispute: { ...dispute, status: "lost" }
  }, ["A dispute was lost.", "Contestação perdida."]),
  "payment.charge_contradicted": entry({ ...payment, contradiction: Contradiction }, {
    payment: examplePayment(),
    contradiction
  }, [
    "The gateway reports what contradicts its earlier word.",
    "O gateway contradiz o que disse antes."
  ], merchantsAndBooks),
  "payments.command_refused": entry(CommandRefused, refusedExample, [
    "A command was refused and changed nothing.",
    "Um comando foi recusado e nada mudou."
  ]),
  "payout.created": entry({ payout: PayoutResource }, { payout: examplePayout() }, [
    "Money is on its way to a bank account.",
    "Um repasse está a caminho da conta bancária."
  ]),
  "payout.paid": entry({ payout: PayoutResource }, { payout: examplePayout({ status: "paid" }) }, [
    "A payout arrived.",
    "O repasse foi pago."
  ]),
  "payout.failed": entry({ payout: PayoutResource }, {
    payout: examplePayout({ status: "failed", failure: declined })
  }, [
    "A payout was not made: its money is available again.",
    "O repasse falhou: o valor está disponível de novo."
  ]),
  "payout.returned": entry({ payout: PayoutResource }, {
    payout: examplePayout({
      status: "returned",
      failure: { code: "account_closed", detail: "the bank sent it back" }
    })
  }, ["The bank sent a payout back.", "O banco devolveu o repasse."]),
  "payout.contradicted": entry({ payout: PayoutResource, contradiction: Contradiction }, {
    payout: examplePayout({ status: "failed", failure: declined }),
    contradiction: { ...contradiction, operation: "payout", charge_id: "tr_1" }
  }, [
    "The gateway reports what contradicts its word on a payout.",
    "O gateway contradiz o que disse de um repasse."
  ], merchantsAndBooks),
  "transfer.sent": entry({ transfer: TransferResource }, { transfer: exampleTransfer() }, [
    "Money left a wallet for another.",
    "Uma transferência saiu da carteira."
  ]),
  "transfer.completed": entry({ transfer: TransferResource }, {
    transfer: exampleTransfer({ status: "completed" })
  }, ["A transfer is booked on both sides.", "A transferência foi concluída."]),
  "transfer.received": entry({ transfer: TransferResource }, {
    transfer: {
      id: "trf_7y2m4c9x1b6v3n8k5q0w2e4r6t",
      merchant: "acme",
      direction: "in",
      status: "completed",
      currency: "BRL",
      amount: 500,
      from: { merchant: "globex" },
      created_at: "2026-01-02T03:04:05.000Z",
      updated_at: "2026-01-02T03:04:05.000Z",
      version: 1
    }
  }, ["Money arrived from another wallet.", "Uma transferência chegou à carteira."]),
  "transfer.failed": entry({ transfer: TransferResource }, {
    transfer: exampleTransfer({
      status: "failed",
      failure: { code: "merchant_not_found", detail: "there is no merchant nobody" }
    })
  }, ["A transfer came back.", "A transferência voltou."]),
  "fx.quoted": entry({ quote: QuoteResource }, { quote: exampleQuote }, [
    "A price holds until its time.",
    "Uma cotação vale até o seu prazo."
  ]),
  "fx.converted": entry({ conversion: ConversionResource }, { conversion: exampleConversion() }, [
    "Money became money of another currency.",
    "Um valor foi convertido em outra moeda."
  ]),
  "fx.reversed": entry({ conversion: ConversionResource }, {
    conversion: exampleConversion({ status: "reversed" })
  }, ["A conversion was taken back.", "Uma conversão foi desfeita."]),
  "fraud.command_refused": entry(CommandRefused, refusedExample, [
    "A change of the risk rules was refused.",
    "Uma mudança das regras de risco foi recusada."
  ], []),
  "messaging.command_refused": entry(CommandRefused, refusedExample, [
    "A change of endpoints was refused; who asked was told.",
    "Uma mudança de endpoints foi recusada; quem pediu foi avisado."
  ], []),
  "reconciliation.command_refused": entry(CommandRefused, refusedExample, [
    "A gateway's file was refused.",
    "Um arquivo de gateway foi recusado."
  ], [])
} satisfies Readonly<Record<string, EventEntry>>

export type EventType = keyof typeof events

/** The public JSON of an event: no bigint, no secret. */
export type EventBody<Type extends EventType> = (typeof events)[Type]["example"]

export const eventTypes = Object.keys(events) as ReadonlyArray<EventType>

/** Types whose body holds this resource: `EventWith<"payment">`. */
export type EventWith<Resource extends string> = {
  [Type in EventType]: EventBody<Type> extends Readonly<Record<Resource, unknown>> ? Type : never
}[EventType]

/** What an event tells beside its resource; no argument where that is nothing. */
export type Beside<Resource extends string, Type extends EventWith<Resource>> =
  keyof Omit<EventBody<Type>, Resource> extends never ? [] : [more: Omit<EventBody<Type>, Resource>]

interface EventRoute {
  readonly to: Family
  readonly as: "event"
}

const routes = new Map<string, ReadonlyArray<EventRoute>>(
  eventTypes.map((type) => [type, events[type].to.map((to) => ({ to, as: "event" }))])
)
const NOWHERE: ReadonlyArray<EventRoute> = []

/** Which families get an event in their mailbox. The emitting actor does not know its readers. */
export const routesOf = (type: string): ReadonlyArray<EventRoute> => routes.get(type) ?? NOWHERE

/** What an event of this type tells; undefined for one of another type. Whoever told it was held to this catalogue. */
export const bodyOf = <Type extends EventType>(
  event: Pick<RoutedEvent, "type" | "data">,
  type: Type
): EventBody<Type> | undefined => event.type === type ? event.data as EventBody<Type> : undefined

/** `payment.*` covers `payment.captured`. */
export const covers = (pattern: string, type: string): boolean =>
  pattern === "*" || pattern === type ||
  (pattern.endsWith(".*") && type.startsWith(pattern.slice(0, -1)))

/** Types that merchants hear of, and so may subscribe to. */
export const merchantEvents: ReadonlyArray<EventType> = eventTypes.filter((type) =>
  events[type].to.includes("messaging")
)

/** Why nothing would ever come of a subscription, with what was probably meant. */
export const patternProblem = (pattern: string): string | undefined => {
  if (merchantEvents.some((type) => covers(pattern, type))) return undefined
  const groups = merchantEvents.map((type) => `${type.split(".", 1)[0]}.*`)
  const nearest = nearestOf(pattern, [...merchantEvents, ...new Set(groups)])
  return `no event that merchants hear of is called ${pattern}${
    nearest === undefined ? "" : `; did you mean ${nearest}?`
  }`
}
