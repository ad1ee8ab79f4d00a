import * as entries from "../../../src/ledger/entries.ts"
import type { Outcome } from "../../../streams/messages/gateway.ts"
import { book } from "../decision.ts"
import { type Attempt, nextNumber } from "./attempts.ts"
import type { Payment } from "./state.ts"
import { gatewayOf } from "./attempts.ts"
import { bookOf, change, changeAttempt, type Step, tell, without } from "./step.ts"
import { replaceStray } from "./stray.ts"
import { sendAttempt } from "./gatewayCalls.ts"

type Approved = Extract<Outcome, { _tag: "Approved" }>

/** What the gateway has more, or (below zero) less, than before by what it says it made. */
export const movedBy = ({ operation }: Attempt, { amount, captured }: Approved): bigint => {
  switch (operation) {
    case "charge":
      return captured ? amount : 0n
    case "capture":
      return amount
    case "refund":
      return -amount
    default:
      return 0n
  }
}

interface Word {
  readonly charge_id: string
  readonly detail: string
}

/** It may be a gateway that the payment has left since. */
const accountsOf = (step: Step, attempt: Attempt) => ({
  ...bookOf(step),
  gateway: gatewayOf(step.payment, attempt)
})

/** A word has a name of its own each time that it turns: the latest says that it was, and how often. */
export const withName = (
  names: ReadonlyArray<string>,
  first: string,
  name: string
): ReadonlyArray<string> => [...names.filter((one) => !isTurnOf(first, one)), name]

const isTurnOf = (first: string, name: string): boolean =>
  name.startsWith(`${first}:`) && /^\d+$/.test(name.slice(first.length + 1))

/** Tells what cannot be, once by this name: reconciliation makes it a break. */
export const doubt = (
  step: Step,
  attempt: Attempt,
  { charge_id, detail }: Word,
  name = `${attempt.key}:${charge_id}`
): Step => {
  const { contradictions } = step.payment
  const noted = contradictions.includes(name) ? step : change(step, {
    contradictions: withName(contradictions, `${attempt.key}:${charge_id}`, name)
  })
  const gateway = gatewayOf(step.payment, attempt)
  return tell(noted, "payment.charge_contradicted", {
    contradiction: { gateway, operation: attempt.operation, charge_id, detail }
  })
}

/** What a charge took that nobody was to pay is kept for whoever paid it. */
const keep = (step: Step, attempt: Attempt, charge_id: string, amount: bigint): Step => {
  if (attempt.operation !== "charge" || amount <= 0n) return step
  const { strays = [] } = step.payment
  const known = strays.find((one) => one.charge_id === charge_id)
  if (known !== undefined) {
    return change(step, { strays: replaceStray(strays, { ...known, amount }) })
  }
  const stray = { charge_id, gateway: gatewayOf(step.payment, attempt), amount, returned: 0n }
  return change(step, { strays: [...strays, stray] })
}

/** What came under this name is there to be given back. */
export const isKept = ({ strays = [] }: Payment, { operation }: Attempt, charge_id: string) =>
  operation === "charge" && strays.some((one) => one.charge_id === charge_id && one.amount > 0n)

/**
 * It was not taken after all: nothing is there to be given back, whatever was given back already. Who says
 * so need not name the charge: what stood in suspense for it does.
 */
const unkept = (step: Step, { contradicted, key, operation }: Attempt): Step => {
  const { strays = [] } = step.payment
  const { amount, name } = contradicted!
  const known = strays.find(({ charge_id }) => isName(name, key, charge_id))
  return operation !== "charge" || amount <= 0n || known === undefined ? step : change(step, {
    strays: replaceStray(strays, { ...known, amount: 0n })
  })
}

/**
 * An authorization that is none of the payment's holds its payer's money until it runs out: the gateway is
 * asked to give it back at once.
 */
export const giveBackHold = (step: Step, attempt: Attempt, outcome: Approved): Step => {
  const { amount, captured, charge_id } = outcome
  if (attempt.operation !== "charge" || captured || amount <= 0n) return step
  const { payment } = step
  return sendAttempt(step, {
    key: `${payment.id}.void.stray.${nextNumber(payment, "stray_void")}`,
    operation: "void",
    amount,
    charge_id,
    gateway: gatewayOf(payment, attempt),
    stray: true
  })
}

/** A contradiction is named by attempt and charge, and from the second turn on by the turn. */
const isName = (name: string, key: string, charge_id: string): boolean =>
  name === `${key}:${charge_id}` || name.startsWith(`${key}:${charge_id}:`)

/** A charge of the attempt that is known by this name, whatever the gateway said of it since. */
export const isKnownCharge = ({ contradictions }: Payment, attempt: Attempt, charge_id: string) =>
  (attempt.status === "approved" && attempt.charge_id === charge_id) ||
  contradictions.some((name) => isName(name, attempt.key, charge_id))

/** All that the gateway has under one attempt. What is not known yet is nobody's. Undefined: all is known. */
export const moreCharges = (
  step: Step,
  attempt: Attempt,
  outcome: Approved
): Step | undefined =>
  [outcome, ...outcome.others ?? []].reduce<Step | undefined>(
    (known, { amount, charge_id }) =>
      secondCharge(known ?? step, attempt, { ...outcome, amount, charge_id }) ?? known,
    undefined
  )

/** One charge more under the same attempt: its money is nobody's. Undefined where it is known. */
const secondCharge = (step: Step, attempt: Attempt, outcome: Approved): Step | undefined => {
  const { charge_id } = outcome
  const name = `${attempt.key}:${charge_id}`
  if (isKnownCharge(step.payment, attempt, charge_id)) return undefined
  const amount = movedBy(attempt, outcome)
  const booked = amount === 0n
    ? step
    : book(step, entries.contradicted(accountsOf(step, attempt), name, amount))
  const told = doubt(keep(booked, attempt, charge_id, amount), attempt, {
    charge_id,
    detail: "the gateway reports a second charge"
  })
  return giveBackHold(told, attempt, outcome)
}

/**
 * The gateway's word is another than what is booked, and the books cannot follow it: what moved stands
 * in suspense until it comes back to its first word, or a person says whose it is. Undefined where that
 * is known.
 */
export const contradict = (
  step: Step,
  attempt: Attempt,
  amount: bigint,
  word: Word
): Step | undefined => {
  const { turns = 0 } = attempt
  const first = `${attempt.key}:${word.charge_id}`
  const name = turns === 0 ? first : `${first}:${turns}`
  if (step.payment.contradictions.includes(name)) return undefined
  const noted = changeAttempt(step, {
    ...attempt,
    contradicted: { name, amount },
    turns: turns + 1
  })
  const booked = amount === 0n
    ? noted
    : book(noted, entries.contradicted(accountsOf(step, attempt), name, amount))
  return doubt(keep(booked, attempt, word.charge_id, amount), attempt, word, name)
}

/** What stood in suspense for the gateway's word leaves it. */
export const outOfSuspense = (step: Step, attempt: Attempt): Step => {
  const { amount, name } = attempt.contradicted!
  const noted = changeAttempt(step, {
    ...without(attempt, "contradicted"),
    turns: (attempt.turns ?? 0) + 1
  })
  return amount === 0n
    ? noted
    : book(noted, entries.contradictionLifted(accountsOf(step, attempt), name, amount))
}

/** The gateway came back to its first word: what stood in suspense for the other one leaves it. */
export const lift = (step: Step, attempt: Attempt, charge_id: string): Step => {
  const { name } = attempt.contradicted!
  const left = unkept(outOfSuspense(step, attempt), attempt)
  const detail = `the gateway says again that the ${attempt.operation} is ${attempt.status}`
  return doubt(left, attempt, { charge_id, detail }, name)
}
