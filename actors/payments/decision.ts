import { Result } from "effect"
import { derivedId, eventIdOf } from "../../src/domain/identifiers.ts"
import type { JournalEntry } from "../../src/ledger/journal.ts"
import type { Answer, Received, Refusal } from "../../src/runtime/actor.ts"
import type { Decision, Emission, Event, Timer, Unaddressed } from "../../streams/emissions.ts"
import type { Beside, EventType, EventWith } from "../../streams/events.ts"
import type { Dispute } from "./payment/dispute.ts"
import type { RefusalCode } from "./refusalCode.ts"
import type { State } from "./state.ts"
import type { Terms } from "./terms.ts"

export type Row =
  | { readonly _tag: "Entry"; readonly entry: JournalEntry }
  /** What the payment waits for, in a table of its own, so that a lost timer is found. */
  | {
    readonly _tag: "Wake"
    readonly paymentId: string
    readonly timer: string
    readonly dueMillis: number | undefined
  }
  | {
    readonly _tag: "Dispute"
    readonly paymentId: string
    readonly currency: string
    readonly dispute: Dispute
  }
  | { readonly _tag: "Review"; readonly paymentId: string; readonly open: boolean }

export type Made = Decision<"payments", State, Row>

/** What any decision of this family is. */
export type Decided = Result.Result<Made, Refusal<RefusalCode>>

export const NOTHING: Decided = Result.succeed({})

export const refuse = (
  code: RefusalCode,
  detail: string,
  about?: string,
  pointer?: string
): Decided =>
  Result.fail({
    code,
    detail,
    ...(about !== undefined && { about }),
    ...(pointer !== undefined && { pointer })
  })

/** A decision as it grows. Each noun's own adds the states it is about; `made` ends it. */
export interface Draft {
  readonly received: Received<Terms>
  readonly rows: ReadonlyArray<Row>
  /** Told of what the draft is about as it is when the decision is made, and of `more`. */
  readonly events: ReadonlyArray<{ readonly type: EventType; readonly more: object }>
  readonly emit: ReadonlyArray<Emission>
  readonly timers: ReadonlyArray<Timer<"payments">>
}

/** Nothing follows yet. */
export const blank = (received: Received<Terms>): Draft => ({
  received,
  rows: [],
  events: [],
  emit: [],
  timers: []
})

export const row = <D extends Draft>(draft: D, added: Row): D => ({
  ...draft,
  rows: [...draft.rows, added]
})

export const book = <D extends Draft>(draft: D, entry: JournalEntry): D =>
  row(draft, { _tag: "Entry", entry })

/** The words for one resource: a type whose body holds it, and what that type has beside it. */
export const teller =
  <Resource extends string>() =>
  <D extends Draft, Type extends EventWith<Resource>>(
    draft: D,
    type: Type,
    ...[more]: Beside<Resource, Type>
  ): D => ({ ...draft, events: [...draft.events, { type, more: more ?? {} }] })

/** To an actor in the name of another merchant. */
export const sendTo = <D extends Draft>(draft: D, emission: Emission): D => ({
  ...draft,
  emit: [...draft.emit, emission]
})

export const send = <D extends Draft>(draft: D, emission: Unaddressed<Emission>): D =>
  sendTo(draft, { ...emission, key: draft.received.merchant })

/**
 * Wakes that are due later than this have no schedule at the bus, which would keep one for every
 * authorization of a week: their owner finds them in the table when they are overdue.
 */
const SCHEDULED_WITHIN_MILLIS = 3_600_000

/** Sets, moves or (undefined) takes back what a payment or a balance waits for. */
export const wake = <D extends Draft>(
  draft: D,
  paymentId: string,
  timer: string,
  dueMillis: number | undefined
): D => {
  const waits = row(draft, { _tag: "Wake", paymentId, timer, dueMillis })
  if (dueMillis === undefined || dueMillis - draft.received.at > SCHEDULED_WITHIN_MILLIS) {
    return waits
  }
  const scheduled: Timer<"payments"> = {
    id: derivedId("tm", timer),
    atMillis: dueMillis,
    type: "wake",
    body: { payment_id: paymentId, timer, due: dueMillis }
  }
  return { ...waits, timers: [...waits.timers, scheduled] }
}

/** A state after this decision. */
export const renewed = <S extends { readonly version: number; readonly updated_at: number }>(
  state: S,
  { at }: Received<Terms>,
  changes?: Partial<S>
): S => ({ ...state, ...changes, version: state.version + 1, updated_at: at })

/** One answer for all of them. */
export const answersTo = (
  waiters: ReadonlyArray<string>,
  body: unknown
): ReadonlyArray<Answer> => waiters.map((to) => ({ to, body }))

interface Ending {
  readonly put: NonNullable<Made["put"]>
  /** What the events are named after, together with what caused them. */
  readonly about: string
  /** The resource that each of them holds. */
  readonly told: object
  readonly answers: ReadonlyArray<Answer>
}

export const made = (
  { emit, events, received: { cause }, rows, timers }: Draft,
  { about, answers, put, told }: Ending
): Made => ({
  put,
  rows,
  events: events.map(({ more, type }) =>
    ({ id: eventIdOf(about, type, cause), type, about, body: { ...told, ...more } }) as Event
  ),
  emit,
  timers,
  answers
})
