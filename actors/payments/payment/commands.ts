import { Result } from "effect"
import { dayInBrazil, isBefore } from "../../../src/domain/day.ts"
import { fingerprint } from "../../../src/domain/fingerprint.ts"
import { refundIdOf } from "../../../src/domain/identifiers.ts"
import { AMOUNT_MAX } from "../../../src/domain/money.ts"
import type { MessageOf, Received } from "../../../src/runtime/actor.ts"
import type { DisputeMessages } from "../../../streams/messages/disputes.ts"
import type { PaymentsMessages } from "../../../streams/messages/payments.ts"
import { type Decided, refuse, row, send } from "../decision.ts"
import { answeredAgain, printOf, remembered, waitingToo } from "../remembered.ts"
import { keyOf } from "../exchange/pairedId.ts"
import type { Routable } from "../routing.ts"
import { mayPass, stillCounting } from "../refused.ts"
import type { SeenCommand } from "../seenCommand.ts"
import type { Payment } from "./state.ts"
import type { RefusalCode } from "../refusalCode.ts"
import type { State } from "../state.ts"
import type { Terms } from "../terms.ts"
import { nextNumber, operationUnderWay } from "./attempts.ts"
import {
  askRefund,
  askVoid,
  isBeforeCharge,
  isUnderWay,
  voidLater,
  voidNow,
  withdraw
} from "./cancellation.ts"
import { charge, isRoutable } from "./charging.ts"
import { quotedFor } from "./crediting.ts"
import { bearerOf, feeOn, feeTermsFor } from "./fees.ts"
import { finish, isSettled, outcomeOf } from "./finish.ts"
import { sendAttempt } from "./gatewayCalls.ts"
import { incrementProblem, newLegs, splitsProblem, takenBack } from "./legs.ts"
import { leftOf, type Stray } from "./stray.ts"
import { askStrayRefund, strayFor } from "./strayRefunds.ts"
import { become, begin, change, type Step, tell } from "./step.ts"

type Message = MessageOf<typeof PaymentsMessages>
export type Body<T extends Message["type"]> = Extract<Message, { type: T }>["body"]

/** Commands of a payment that took effect. Beyond it the payment takes no more of its merchant. */
const COMMANDS_MAX = 2_000
/** What banks and reviewers say is taken always: no merchant may use up the room for it. */
const ALWAYS_TAKEN: ReadonlySet<Type> = new Set(["dispute_opened", "dispute_closed", "review"])

export const create = (
  known: Payment | undefined,
  body: Body<"create">,
  received: Received<Terms>,
  /** Of it, before there was one. */
  refused: ReadonlyArray<SeenCommand>,
  /** What the quote's key leads to, where the command names one. */
  quote: State | undefined
): Decided => {
  const { command_id, quote_id, refund_rate: _, ...wanted } = body
  const print = printOf(body)
  if (known !== undefined) return repeat(known, createOf(known), print, received)
  const { config, keys: [id], merchant } = received
  const bearer = bearerOf(body)
  const fee_terms = feeTermsFor(config, {
    merchant,
    method: body.payment_method.type,
    currency: body.currency
  })
  const problem = splitsProblem(body.amount, body.splits ?? [], fee_terms, bearer)
  if (problem !== undefined) return refuse("invalid_splits", problem, id)
  const surcharge = bearer === "customer" ? feeOn(body.amount, fee_terms) : undefined
  const amount = body.amount + (surcharge ?? 0n)
  if (amount > AMOUNT_MAX) {
    return refuse("amount_too_large", `${amount} with its fee is more than ${AMOUNT_MAX}`, id)
  }
  const { currency, payment_method: { due_date, type: method } } = body
  const impossible = notToBeCharged({ id, amount, currency, method }, due_date, received)
  if (impossible !== undefined) return impossible
  const quoted = quote_id === undefined
    ? undefined
    : quotedFor(id, { ...body, quote_id }, quote, received)
  if (quoted !== undefined && !("credit" in quoted)) return quoted
  if (quoted === undefined && body.refund_rate !== undefined) {
    return refuse("quote_mismatch", "a refund_rate is for what is credited at a quote", id)
  }
  const payment: Payment = {
    ...wanted,
    ...(quoted && { credit: quoted.credit }),
    id,
    merchant,
    status: "screening",
    version: 0,
    created_at: received.at,
    updated_at: received.at,
    capture: body.capture ?? "automatic",
    gateway: config.gateway,
    fee_terms,
    amount,
    ...(surcharge !== undefined && { surcharge }),
    amount_authorized: 0n,
    amount_captured: 0n,
    amount_refunded: 0n,
    legs: newLegs(body.splits ?? []),
    attempts: [],
    refunds: [],
    commands: [...refused, { id: command_id, type: "create", fingerprint: print, at: received.at }],
    waiters: received.replyTo === undefined ? [] : [{ to: received.replyTo }],
    contradictions: []
  }
  const decision = finish(askScore(begin(payment, received)))
  return Result.succeed(
    quoted === undefined
      ? decision
      : { ...decision, put: [...decision.put ?? [], [keyOf(quoted.quote.id), quoted.quote]] }
  )
}

/** No gateway is there for it, or its day is over where the banks are. */
const notToBeCharged = (
  payment: Routable,
  due_date: string | undefined,
  { at, config }: Received<Terms>
): Decided | undefined => {
  const { currency, id, method } = payment
  if (due_date !== undefined && isBefore(due_date, dayInBrazil(at))) {
    const pointer = "/payment_method/due_date"
    return refuse("due_date_past", `${due_date} is over in Brazil`, id, pointer)
  }
  return isRoutable(config, payment) ? undefined : refuse(
    "no_gateway",
    `no gateway takes ${method} in ${currency} of this amount`,
    id
  )
}

const askScore = (step: Step): Step => {
  const { amount, currency, customer, device, id, payment_method } = step.payment
  return send(step, {
    to: "fraud",
    type: "score",
    body: {
      payment_id: id,
      amount,
      currency,
      method: payment_method.type,
      customer_id: customer?.id,
      device_id: device?.id,
      ip: device?.ip
    }
  })
}

export const capture = (payment: Payment, body: Body<"capture">, received: Received<Terms>) =>
  command(payment, "capture", body, received, (step) => {
    if (payment.status !== "authorized" && payment.status !== "partially_captured") {
      return cannotBe("captured", payment)
    }
    const busy = operationUnderWay(payment)
    if (busy !== undefined) return inProgress(payment, busy.operation)
    const left = payment.amount_authorized - payment.amount_captured
    const amount = body.amount ?? left
    if (amount > left) return tooLarge(payment, amount, left)
    const key = `${payment.id}.capture.${nextNumber(payment, "capture")}`
    // A capture of all that is left is the last one anyway.
    const final = body.final === true && amount < left
    const attempt = { key, operation: "capture" as const, amount, ...(final && { final }) }
    return { step: sendAttempt(step, attempt), attempt: key }
  })

/** Authorizes more than was asked for at first: a longer stay, a larger order. */
export const increment = (payment: Payment, body: Body<"increment">, received: Received<Terms>) =>
  command(payment, "increment", body, received, (step) => {
    if (payment.status !== "authorized") {
      return cannotBe("increased", payment)
    }
    const busy = operationUnderWay(payment)
    if (busy !== undefined) return inProgress(payment, busy.operation)
    const { amount } = body
    const room = AMOUNT_MAX - payment.amount_authorized
    if (amount > room) return tooLarge(payment, amount, room)
    const problem = incrementProblem(payment, amount)
    if (problem !== undefined) return refuse("invalid_splits", problem, payment.id)
    const key = `${payment.id}.increment.${nextNumber(payment, "increment")}`
    return { step: sendAttempt(step, { key, operation: "increment", amount }), attempt: key }
  })

/**
 * Taken as long as money has not finally moved. What is under way is waited for: the merchant who has
 * cancelled the order cannot know about it.
 */
export const voidPayment = (payment: Payment, body: Body<"void">, received: Received<Terms>) =>
  command(payment, "void", body, received, (step) => {
    if (isBeforeCharge(payment.status)) return { step: voidNow(step) }
    if (isUnderWay(payment.status)) {
      const asked = operationUnderWay(payment)
      if (asked !== undefined) return { step, attempt: asked.key }
      return payment.status === "requires_action" ? withdraw(step) : voidLater(step)
    }
    if (payment.status !== "authorized" && payment.status !== "partially_captured") {
      return cannotBe("voided", payment)
    }
    const busy = operationUnderWay(payment)
    if (busy === undefined) return askVoid(step)
    return busy.operation === "void" ? { step, attempt: busy.key } : voidLater(step)
  })

/** The ledger moves when the refund is asked for: what is on its way back cannot be refunded twice. */
export const refund = (payment: Payment, body: Body<"refund">, received: Received<Terms>) =>
  command(payment, "refund", body, received, (step) => {
    const stray = strayFor(payment, body.charge_id)
    if (stray !== undefined) return refundStray(step, stray, body)
    if (body.charge_id !== undefined && body.charge_id !== payment.charge_id) {
      const detail = `the payment has no charge ${body.charge_id}`
      return refuse("charge_not_found", detail, payment.id, "/charge_id")
    }
    if (payment.status !== "captured" && payment.status !== "partially_captured") {
      return cannotBe("refunded", payment)
    }
    const left = payment.legs.reduce((sum, leg) => sum + leg.captured - takenBack(leg), 0n)
    const amount = body.amount ?? left
    if (left === 0n) {
      return refuse("nothing_to_refund", "everything captured is refunded or disputed", payment.id)
    }
    if (amount > left) return tooLarge(payment, amount, left)
    const id = refundIdOf(payment.id, body.command_id)
    const asked = askRefund(step, id, amount, body.reason, payment.credit?.refund_rate)
    if (asked !== undefined) return asked
    const { credit, currency } = payment
    const detail = `there is no rate from ${currency} to ${credit!.currency}`
    return refuse("unknown_pair", detail, payment.id)
  })

const refundStray = (step: Step, stray: Stray, body: Body<"refund">): Taken | Decided => {
  const { id } = step.payment
  const left = leftOf(stray)
  const amount = body.amount ?? left
  if (left <= 0n) return refuse("nothing_to_refund", "everything of it is given back", id)
  if (amount > left) return tooLarge(step.payment, amount, left)
  return askStrayRefund(step, refundIdOf(id, body.command_id), stray, amount, body.reason)
}

/** A person's decision on a held payment. */
export const review = (payment: Payment, body: Body<"review">, received: Received<Terms>) =>
  command(payment, "review", body, received, (step) => {
    if (payment.status !== "in_review") {
      return refuse("not_in_review", `the payment is ${payment.status}`, payment.id)
    }
    const closed = row(step, { _tag: "Review", paymentId: payment.id, open: false })
    if (body.decision === "approve") {
      return { step: charge(closed, { ...payment, status: "processing" }) }
    }
    const failure = { code: "review_rejected", detail: "a reviewer rejected the payment" }
    const rejected = become(closed, { ...payment, status: "rejected", failure })
    return { step: tell(rejected, "payment.rejected", { failure }) }
  })

const createOf = ({ commands }: Payment): SeenCommand =>
  commands.findLast(({ type }) => type === "create")!

const takenOf = ({ commands, past }: Payment): number =>
  (past?.["command"] ?? 0) + commands.filter(({ refused }) => refused === undefined).length

export type Taken = { readonly step: Step; readonly attempt?: string }

type Type =
  | "capture"
  | "increment"
  | "void"
  | "refund"
  | "review"
  | keyof typeof DisputeMessages

/** What all commands on an existing payment share: repeats, and who waits for the outcome. */
export const command = (
  payment: Payment,
  type: Type,
  body: Body<Type>,
  received: Received<Terms>,
  run: (step: Step) => Taken | Decided
): Decided => {
  const { command_id, ...wanted } = body
  const print = fingerprint({ type, ...wanted })
  const seen = payment.commands.find((one) => one.id === command_id && one.type === type)
  if (seen !== undefined && !mayPass(seen.refused?.code)) {
    return repeat(payment, seen, print, received)
  }
  if (takenOf(payment) >= COMMANDS_MAX && !ALWAYS_TAKEN.has(type)) {
    return refuse("too_many_commands", `a payment takes ${COMMANDS_MAX} commands`, payment.id)
  }
  const taken = run(begin(payment, received))
  if (!("step" in taken)) return taken
  const { attempt, step } = taken
  const before = stillCounting(step.payment.commands, received.at).filter((one) => one !== seen)
  return Result.succeed(finish(change(step, {
    commands: [...before, {
      id: command_id,
      type,
      fingerprint: print,
      at: received.at,
      ...(attempt !== undefined && { attempt }),
      ..."by" in body && { by: body.by }
    }],
    waiters: received.replyTo === undefined ? step.payment.waiters : [...step.payment.waiters, {
      to: received.replyTo,
      ...(attempt !== undefined && { attempt })
    }]
  })))
}

const repeat = (
  payment: Payment,
  { attempt, fingerprint: before, refused }: SeenCommand,
  print: string,
  received: Received<Terms>
): Decided =>
  remembered(before, print, payment.id, () => {
    if (refused !== undefined) {
      return refuse(refused.code as RefusalCode, refused.detail, payment.id)
    }
    return answeredAgain(
      received,
      () => outcomeOf(payment, attempt),
      isSettled(payment, attempt) ? undefined : (to) => {
        const waiter = { to, ...(attempt !== undefined && { attempt }) }
        return [payment.id, { ...payment, waiters: waitingToo(payment.waiters, waiter) }]
      }
    )
  })

/** While its charge has no outcome that may change at any moment: it is no answer for good. */
export const cannotBe = (what: string, { id, status }: Payment): Decided =>
  isBeforeCharge(status) || isUnderWay(status)
    ? refuse("operation_in_progress", `a ${status} payment cannot be ${what} yet: try again`, id)
    : refuse("invalid_state", `a ${status} payment cannot be ${what}`, id)

const inProgress = (payment: Payment, operation: string) =>
  refuse("operation_in_progress", `a ${operation} is under way: try again after it`, payment.id)

const tooLarge = (payment: Payment, amount: bigint, left: bigint) =>
  refuse("amount_too_large", `${amount} is more than the ${left} that is left`, payment.id)
