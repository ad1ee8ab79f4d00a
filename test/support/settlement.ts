import fc from "fast-check"
import { Result, Schema } from "effect"
import { type FindingRow, findingsOf } from "../../actors/reconciliation/breaks.ts"
import { decide, keysOf } from "../../actors/reconciliation/decide.ts"
import type { Row, State } from "../../actors/reconciliation/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import type { Emission, MessageOf } from "../../src/runtime/actor.ts"
import type { SettlementRow } from "../../src/simulators/card/book.ts"
import { type BreakKind, header } from "../../src/simulators/card/settlement.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { ReconciliationMessages } from "../../streams/messages/reconciliation.ts"
import { receivedOf } from "./received.ts"

type Message = MessageOf<typeof ReconciliationMessages>
interface Addressed {
  readonly merchant: string
  readonly message: Message
}

export const SOURCE = "simulator"
export const DAY = "2026-08-31"
export const NOON = Date.parse(`${DAY}T12:00:00Z`)

const decoders = {
  match: Schema.decodeUnknownSync(ReconciliationMessages.match),
  close: Schema.decodeUnknownSync(ReconciliationMessages.close),
  event: Schema.decodeUnknownSync(ReconciliationMessages.event),
  file: Schema.decodeUnknownSync(ReconciliationMessages.file)
}

/** As it would come out of the mailbox: through its JSON and its schema. */
export const addressed = (merchant: string, type: string, body: unknown): Addressed => ({
  merchant,
  message: {
    type,
    body: decoders[type as keyof typeof decoders](JSON.parse(canonicalJson(body)))
  } as Message
})

/** The keyed states of every merchant, and a mailbox that only counts. */
export const house = () => {
  const states = new Map<string, State>()
  const rows: Array<Row> = []
  let seq = 0
  const take = ({ merchant, message }: Addressed) => {
    const named = new Set<string>(keysOf(message, merchant))
    const decided = decide(
      {
        get: (key) => {
          if (!named.has(key)) throw new Error(`${key} is not among the message's keys`)
          return states.get(`${merchant}/${key}`)
        }
      },
      message,
      receivedOf({
        family: "reconciliation",
        partition: partitionOf(merchant, PARTITIONS),
        seq: ++seq,
        merchant,
        type: message.type,
        at: NOON,
        config: {}
      })
    )
    if (Result.isFailure(decided)) return { refused: decided.failure.code, emit: [] }
    const { emit = [], put = [], rows: added = [] } = decided.success
    for (const [key, state] of put) {
      if (!named.has(key)) throw new Error(`${key} is written but not among the message's keys`)
      states.set(`${merchant}/${key}`, state)
    }
    rows.push(...added)
    return { refused: undefined, emit, changed: put.length > 0 || added.length > 0 }
  }
  const findings = (): ReadonlyArray<FindingRow & { merchant: string; charge_id: string }> =>
    [...states].sort(([left], [right]) => (left < right ? -1 : 1)).flatMap(([id, state]) =>
      state._tag === "File" ? [] : findingsOf(state).map((finding) => ({
        ...finding,
        merchant: id.split("/")[0]!,
        charge_id: state.charge_id
      }))
    )
  return { take, findings, rows, states }
}

/** Payments' movements at the gateway: charges at once or in captures, and their refunds. */
export const settlementRows = fc.array(
  fc.record({
    merchant: fc.constantFrom("acme", "globex", "initech"),
    currency: fc.constantFrom("BRL", "JPY", "KWD"),
    captures: fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 3 }),
    refunds: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 })
  }),
  { minLength: 1, maxLength: 12 }
).map((charges) =>
  charges.flatMap(({ captures, currency, merchant, refunds }, index) => {
    const row = (kind: SettlementRow["kind"], amount: number): SettlementRow => ({
      merchant,
      payment_id: `pay_${index}`,
      charge_id: `ch_${index}`,
      kind,
      currency,
      amount,
      at_millis: NOON - 60_000 + index
    })
    const kind = captures.length > 1 ? "capture" : "charge"
    return [
      ...captures.map((amount) => row(kind, amount)),
      ...refunds.map((amount) => row("refund", amount))
    ]
  })
)

export const planted: fc.Arbitrary<ReadonlyMap<BreakKind, number>> = fc.record({
  missing: fc.nat(2),
  unexpected: fc.nat(2),
  amount: fc.nat(2),
  duplicate: fc.nat(2)
}).map((counts) => new Map(Object.entries(counts) as Array<[BreakKind, number]>))

export const eventOf = (row: SettlementRow, index: number): Addressed => {
  const { amount, charge_id } = row
  const refund = row.kind === "refund"
  return addressed(row.merchant, "event", {
    event_id: `evt_${index}`,
    type: refund ? "payment.refunded" : "payment.captured",
    merchant: row.merchant,
    at: row.at_millis,
    about: row.payment_id,
    data: {
      payment: { id: row.payment_id, gateway: SOURCE, currency: row.currency },
      ...(refund
        ? { refund: { id: `ref_${index}`, amount, charge_id } }
        : { capture: { amount, charge_id } })
    }
  })
}

export const contradiction = (
  event_id: string,
  charge_id: string,
  more: object = {}
): Addressed =>
  addressed("acme", "event", {
    event_id,
    type: "payment.charge_contradicted",
    merchant: "acme",
    at: NOON,
    about: "pay_1",
    data: {
      payment: { id: "pay_1", gateway: SOURCE, currency: "BRL" },
      contradiction: { charge_id, detail: `said by ${event_id}`, ...more }
    }
  })

/** A payout of which the gateway said something else than before. */
export const payoutContradiction = (event_id: string, charge_id: string): Addressed =>
  addressed("acme", "event", {
    event_id,
    type: "payout.contradicted",
    merchant: "acme",
    at: NOON,
    about: "po_1",
    data: {
      payout: { id: "po_1", currency: "BRL" },
      contradiction: { gateway: SOURCE, operation: "payout", charge_id, detail: "paid less" }
    }
  })

export const partsOf = (
  text: string,
  parts: number,
  command_id: string
): ReadonlyArray<Addressed> => {
  const lines = text.split("\n").slice(1).filter((line) => line !== "")
  const size = Math.ceil(lines.length / parts)
  return Array.from({ length: parts }, (_, index) =>
    addressed(SOURCE, "file", {
      command_id,
      source: SOURCE,
      date: DAY,
      format: "csv",
      part: index + 1,
      parts,
      body: [header, ...lines.slice(index * size, (index + 1) * size)].join("\n")
    }))
}

export const emitted = (emissions: ReadonlyArray<Emission>): ReadonlyArray<Addressed> =>
  emissions.map(({ body, key, type }) => addressed(key, type, body))

/** Cuts files up at their source; what comes out is for the merchants' partitions. */
export const cutUp = (files: ReadonlyArray<Addressed>): ReadonlyArray<Addressed> => {
  const source = house()
  return files.flatMap((file) => emitted(source.take(file).emit))
}

export const after = (messages: ReadonlyArray<Addressed>) => {
  const end = house()
  for (const message of messages) end.take(message)
  return end
}

export const shuffled = <A>(items: ReadonlyArray<A>) =>
  fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length })

export const breaksOf = (end: ReturnType<typeof house>) =>
  end.findings().filter(({ break_kind }) => break_kind !== undefined)
    .map(({ break_kind, charge_id, merchant }) => `${break_kind} ${merchant} ${charge_id}`).sort()

export const csvLine = (fields: Readonly<Record<string, string>>): string => {
  const line: Readonly<Record<string, string>> = {
    settlement_id: "set_1",
    line: "1",
    merchant: "acme",
    payment_id: "pay_1",
    charge_id: "ch_1",
    kind: "charge",
    currency: "BRL",
    gross: "1.00",
    fee: "0.01",
    net: "0.99",
    occurred_at: `${DAY}T10:00:00Z`,
    ...fields
  }
  return header.split(",").map((name) => line[name]).join(",")
}

export const settlementRow = (currency: string, amount: number): SettlementRow => ({
  merchant: "acme",
  payment_id: "pay_1",
  charge_id: "ch_1",
  kind: "charge",
  currency,
  amount,
  at_millis: NOON
})
