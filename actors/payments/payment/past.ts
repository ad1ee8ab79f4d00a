import { Schema } from "effect"
import { derivedId } from "../../../src/domain/identifiers.ts"
import type { States } from "../../../src/runtime/actor.ts"
import { SeenCommand } from "../seenCommand.ts"
import { Attempt, isDefinitive, kindOf } from "./attempts.ts"
import { isPast, type State } from "../state.ts"
import type { Payment } from "./state.ts"
import { Refund } from "./refund.ts"

/**
 * What is over of a payment and has left its document, which every further command writes as a whole: a
 * command with the attempt that carried it out and the refund it made, or a settlement. Whoever speaks
 * of it again brings it back, and it leaves once more.
 */
export const Past = Schema.TaggedStruct("Past", {
  id: Schema.String,
  merchant: Schema.String,
  payment_id: Schema.String,
  command: Schema.optionalKey(SeenCommand),
  attempt: Schema.optionalKey(Attempt),
  refund: Schema.optionalKey(Refund),
  settlement: Schema.optionalKey(Schema.String)
})
export type Past = typeof Past.Type

/** Of each kind, what is over and stays in the document. The oldest leaves first. */
export const PAST_KEPT_MAX = 20

/** A key below a payment's own: `pay_….refund.ref_…`, `pay_….command.cmd_…`. */
export const isBesidePayment = (key: string): boolean => key.startsWith("pay_") && key.includes(".")

export const pastCommandKeyOf = (payment: string, type: string, commandId: string): string =>
  `${payment}.command.${derivedId("cmd", type, commandId)}`

export const pastSettlementKeyOf = (payment: string, settlement: string): string =>
  `${payment}.settled.${derivedId("set", settlement)}`

/** An attempt is its own key. A charge, or a question about a dispute, never leaves. */
export const pastAttemptKeysOf = (payment: string, attempt: string): ReadonlyArray<string> =>
  attempt.startsWith(`${payment}.`) && !/\.(charge|dispute)\./.test(attempt) ? [attempt] : []

/** The payment with what the message speaks of back in its document. */
export const recalled = (
  payment: Payment,
  states: States<State>,
  keys: ReadonlyArray<string>
): Payment =>
  payment.past === undefined
    ? payment
    : withBack(payment, keys.slice(1).map(states.get).filter(isKnownPast))

const isKnownPast = (state: State | undefined): state is Past =>
  state !== undefined && isPast(state)

/** Everything back in its place, for those who read. */
export const whole = (payment: Payment, past: ReadonlyArray<Past>): Payment => {
  const all = withBack(payment, past)
  return {
    ...all,
    attempts: all.attempts.toSorted((left, right) => firstSent(left) - firstSent(right)),
    refunds: all.refunds.toSorted((left, right) => left.created_at - right.created_at),
    commands: all.commands.toSorted((left, right) => left.at - right.at)
  }
}

const firstSent = ({ first_sent_at, sent_at }: Attempt): number => first_sent_at ?? sent_at

const withBack = (payment: Payment, past: ReadonlyArray<Past>): Payment => {
  const { settlements = [] } = payment
  const attempts = lacking(past.map(({ attempt }) => attempt), payment.attempts, keyOf)
  const commands = lacking(past.map(({ command }) => command), payment.commands, nameOf)
  const refunds = lacking(past.map(({ refund }) => refund), payment.refunds, keyOfRefund)
  const settled = lacking(past.map(({ settlement }) => settlement), settlements, String)
  if (attempts.length + commands.length + settled.length === 0) return payment
  return {
    ...payment,
    attempts: [...attempts, ...payment.attempts],
    commands: [...commands, ...payment.commands],
    refunds: [...refunds, ...payment.refunds],
    ...(settled.length > 0 && { settlements: [...settled, ...settlements] }),
    past: counted(payment, attempts, commands, -1)
  }
}

/** What is in the document counts: its copy outside may be older. */
const lacking = <A>(
  past: ReadonlyArray<A | undefined>,
  there: ReadonlyArray<A>,
  nameOf: (one: A) => string
): ReadonlyArray<A> => {
  const known = new Set(there.map(nameOf))
  const found = past.filter((one) => one !== undefined)
  return [...new Map(found.map((one) => [nameOf(one), one])).values()]
    .filter((one) => !known.has(nameOf(one)))
}

const keyOf = ({ key }: Attempt): string => key
const keyOfRefund = ({ attempt }: Refund): string => attempt
const nameOf = ({ id, type }: SeenCommand): string => `${type} ${id}`

const counted = (
  { past = {} }: Payment,
  attempts: ReadonlyArray<Attempt>,
  commands: ReadonlyArray<SeenCommand>,
  sign: 1 | -1
): NonNullable<Payment["past"]> => {
  const next: Record<string, number> = { ...past }
  for (
    const name of [
      ...attempts.map(kindOf),
      ...commands.map(() => "command")
    ]
  ) {
    next[name] = (next[name] ?? 0) + sign
  }
  return next
}

/** The oldest of what is over, as many as there are too many. */
const tooMany = <A>(over: ReadonlyArray<A>): ReadonlyArray<A> =>
  over.slice(0, Math.max(0, over.length - PAST_KEPT_MAX))

/** Nothing is awaited of it, neither its answer nor another word. A charge is never over. */
const isOver = ({ heard, operation, question, status, wake_at }: Attempt): boolean =>
  operation !== "charge" && isDefinitive(status) && heard === undefined && question === undefined &&
  wake_at === undefined

/** Takes what is over and old out of the document: what it leaves, and the states of what left. */
export const parted = (
  payment: Payment
): { readonly payment: Payment; readonly put: ReadonlyArray<readonly [string, Past]> } => {
  const { attempts, commands, refunds, settlements = [] } = payment
  if (attempts.length + commands.length + settlements.length <= PAST_KEPT_MAX) {
    return { payment, put: [] }
  }
  const pending = new Set(refunds.filter(({ status }) => status === "pending").map(keyOfRefund))
  const gone = tooMany(attempts.filter((one) => isOver(one) && !pending.has(one.key)))
  const keys = new Set(gone.map(keyOf))
  const kept = new Set(attempts.map(keyOf))
  const alone = tooMany(
    commands.filter(({ attempt, refused, type }) =>
      type !== "create" && refused === undefined && (attempt === undefined || !kept.has(attempt))
    )
  )
  const settled = tooMany(settlements)
  if (gone.length + alone.length + settled.length === 0) return { payment, put: [] }
  const carried = commands.filter(({ attempt }) => attempt !== undefined && keys.has(attempt))
  const left = new Set([...alone, ...carried])
  return {
    payment: {
      ...payment,
      attempts: attempts.filter(({ key }) => !keys.has(key)),
      commands: commands.filter((one) => !left.has(one)),
      refunds: refunds.filter(({ attempt }) => !keys.has(attempt)),
      ...(settled.length > 0 && { settlements: settlements.slice(settled.length) }),
      past: counted(payment, gone, [...left], 1)
    },
    put: [
      ...gone.flatMap((attempt) => statesOf(payment, attempt, carried)),
      ...alone.map((command) => stateOf(payment, commandKeyOf(payment, command), { command })),
      ...settled.map((settlement) =>
        stateOf(payment, pastSettlementKeyOf(payment.id, settlement), { settlement })
      )
    ]
  }
}

const commandKeyOf = ({ id }: Payment, command: SeenCommand): string =>
  pastCommandKeyOf(id, command.type, command.id)

/** Under the name of the attempt, by which its gateway speaks of it, and under that of its command. */
const statesOf = (
  payment: Payment,
  attempt: Attempt,
  carried: ReadonlyArray<SeenCommand>
): ReadonlyArray<readonly [string, Past]> => {
  const refund = payment.refunds.find((one) => one.attempt === attempt.key)
  const what = { attempt, ...(refund && { refund }) }
  const commands = carried.filter((one) => one.attempt === attempt.key)
  const [command] = commands
  return [
    stateOf(payment, attempt.key, { ...what, ...(command && { command }) }),
    ...commands.map((one) =>
      stateOf(payment, commandKeyOf(payment, one), { ...what, command: one })
    )
  ]
}

const stateOf = (
  { id: payment_id, merchant }: Payment,
  id: string,
  what: Omit<Past, "_tag" | "id" | "merchant" | "payment_id">
): readonly [string, Past] => [id, { _tag: "Past", id, merchant, payment_id, ...what }]
