import { Result } from "effect"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import type { MessageOf, Received, States } from "../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../streams/messages/payments.ts"
import { type Decided, NOTHING, refuse, row } from "./decision.ts"
import * as fx from "./exchange/fx.ts"
import { keyOf } from "./exchange/pairedId.ts"
import { answered } from "./payment/answers.ts"
import { isUnwanted } from "./payment/cancellation.ts"
import { charge } from "./payment/charging.ts"
import { settled } from "./payment/clearing.ts"
import { capture, create, increment, refund, review, voidPayment } from "./payment/commands.ts"
import { compared, corrected } from "./payment/corrections.ts"
import { quoteKeysOf } from "./payment/crediting.ts"
import { askAgain, disputeHeard, disputeTold } from "./payment/disputeNews.ts"
import { disputeAccept, disputeClosed, disputeEvidence, disputeOpened } from "./payment/disputes.ts"
import { expire, expiryTimerOf } from "./payment/expiry.ts"
import { finish } from "./payment/finish.ts"
import { inquire, sendAgain } from "./payment/gatewayCalls.ts"
import { heard } from "./payment/notices.ts"
import {
  pastAttemptKeysOf,
  pastCommandKeyOf,
  pastSettlementKeyOf,
  recalled
} from "./payment/past.ts"
import { attemptOf, become, begin, type Step, tell } from "./payment/step.ts"
import { commandKeyOf, refusedBefore, refusedKeyOf, remembering } from "./refused.ts"
import { isDefinitive } from "./payment/attempts.ts"
import { isPayment, type State } from "./state.ts"
import type { Payment } from "./payment/state.ts"
import type { Terms } from "./terms.ts"
import { balanceIdOf, isBalanceId } from "./wallet/balance.ts"
import { begin as openBooks, type Books } from "./wallet/books.ts"
import { MERCHANT_KEY, open } from "./wallet/merchant.ts"
import { isPayoutId, payoutIdOf, scheduledPayoutIdOf } from "./wallet/payout.ts"
import { payoutHeard } from "./wallet/payoutNews.ts"
import * as payouts from "./wallet/payouts.ts"
import * as transfers from "./wallet/transfers.ts"

type Message = MessageOf<typeof PaymentsMessages>
type Type = Message["type"]
type Body<T extends Type> = (typeof PaymentsMessages)[T]["Type"]

/** What a message is about; the first key is the one that a failure parks. */
type Keys = readonly [string, ...Array<string>]

/** By the first key, or where that may be a payment's or a balance's, by which of them it is. */
type Decide<T extends Type> =
  | {
    readonly decide: (states: States<State>, body: Body<T>, received: Received<Terms>) => Decided
    readonly payment?: never
    readonly balance?: never
  }
  | {
    readonly decide?: never
    readonly payment: (payment: Payment, body: Body<T>, received: Received<Terms>) => Decided
    readonly balance?: (books: Books, body: Body<T>) => Decided
  }
  | {
    readonly decide?: never
    readonly payment?: never
    readonly balance: (books: Books, body: Body<T>) => Decided
  }

/** The merchant comes from the subject, never from the body. */
type Entry<T extends Type> = Decide<T> & {
  readonly keysOf: (body: Body<T>, merchant: string) => Keys
}

/** A decision that goes on from the payment as it is; without a step nothing changes. */
const stepping =
  <B>(run: (step: Step, body: B) => Step | undefined) =>
  (payment: Payment, body: B, received: Received<Terms>): Decided => {
    const step = run(begin(payment, received), body)
    return step === undefined ? NOTHING : Result.succeed(finish(step))
  }

/** The payment with what of its past the message is about. */
const paymentIn = (states: States<State>, { keys }: Received<Terms>): Payment | undefined => {
  const state = states.get(keys[0])
  return state !== undefined && isPayment(state) ? recalled(state, states, keys) : undefined
}

const created = (
  states: States<State>,
  body: Body<"create">,
  received: Received<Terms>
): Decided => {
  const [quoteKey] = quoteKeysOf(body)
  const quote = quoteKey === undefined ? undefined : states.get(quoteKey)
  const before = refusedBefore(states.get(received.keys[0]), received.at)
  return create(paymentIn(states, received), body, received, before, quote)
}

/** The gateway's answer: about a dispute, an attempt that waits for it, or one that had ended. */
const told = (step: Step, answer: Body<"answered">) => {
  if (answer.operation === "dispute") return disputeTold(step, answer)
  const attempt = attemptOf(step.payment, answer.attempt)
  if (attempt === undefined) return undefined
  if (isDefinitive(attempt.status)) return corrected(step, attempt, answer)
  const next = answered(step, attempt, answer)
  return next && compared(next, attempt.key)
}

const screened = (step: Step, { risk }: Body<"scored">): Step | undefined => {
  if (step.payment.status !== "screening") return undefined
  const payment = { ...step.payment, risk, scored_at: step.received.at }
  switch (risk.decision) {
    case "allow":
      return charge(step, { ...payment, status: "processing" })
    case "review": {
      const held = row(step, { _tag: "Review", paymentId: payment.id, open: true })
      return tell(become(held, { ...payment, status: "in_review" }), "payment.in_review")
    }
    case "deny": {
      const failure = { code: "risk_denied", detail: "the payment was refused by the risk rules" }
      const rejected = become(step, { ...payment, status: "rejected", failure })
      return tell(rejected, "payment.rejected", { failure })
    }
  }
}

/** Only a timer the payment awaits does anything. */
const woken = (step: Step, wake: Body<"wake">): Step | undefined => {
  if (wake.timer === expiryTimerOf(step.payment)) return expire(step, wake.due)
  const asking = askAgain(step, wake)
  if (asking !== undefined) return asking
  const attempt = attemptOf(step.payment, wake.timer)
  if (attempt === undefined || attempt.wake_at !== wake.due) return undefined
  return attempt.status === "deferred" && !isUnwanted(step.payment, attempt)
    ? sendAgain(step, attempt)
    : inquire(step, attempt)
}

interface OnPayment {
  readonly command_id: string
  readonly payment_id: string
}

/** A command remembers what was taken and what was refused of its name. */
const commandKeysOf = (type: Type) => ({ command_id, payment_id }: OnPayment): Keys => [
  payment_id,
  pastCommandKeyOf(payment_id, type, command_id),
  refusedKeyOf(payment_id)
]

const paymentKeysOf = ({ payment_id }: { readonly payment_id: string }): Keys => [payment_id]

/** The whole family: each message, what it is about and who decides it. */
const table: { readonly [T in Type]: Entry<T> } = {
  create: {
    keysOf: (body, merchant) => [paymentIdOf(merchant, body.command_id), ...quoteKeysOf(body)],
    decide: created
  },
  capture: { keysOf: commandKeysOf("capture"), payment: capture },
  increment: { keysOf: commandKeysOf("increment"), payment: increment },
  void: { keysOf: commandKeysOf("void"), payment: voidPayment },
  refund: { keysOf: commandKeysOf("refund"), payment: refund },
  review: { keysOf: commandKeysOf("review"), payment: review },
  dispute_opened: { keysOf: commandKeysOf("dispute_opened"), payment: disputeOpened },
  dispute_evidence: { keysOf: commandKeysOf("dispute_evidence"), payment: disputeEvidence },
  dispute_accept: { keysOf: commandKeysOf("dispute_accept"), payment: disputeAccept },
  dispute_closed: { keysOf: commandKeysOf("dispute_closed"), payment: disputeClosed },
  scored: { keysOf: paymentKeysOf, payment: stepping(screened) },
  answered: {
    keysOf: ({ attempt, payment_id }) =>
      isBalanceId(payment_id)
        ? [payment_id, attempt]
        : [payment_id, ...pastAttemptKeysOf(payment_id, attempt)],
    payment: stepping(told),
    balance: payouts.answered
  },
  notified: {
    keysOf: ({ attempt, payment_id }) => [payment_id, ...pastAttemptKeysOf(payment_id, attempt)],
    payment: stepping(heard)
  },
  dispute_notified: { keysOf: paymentKeysOf, payment: stepping(disputeHeard) },
  settled: {
    keysOf: ({ payment_id, settlement }) => [
      payment_id,
      pastSettlementKeyOf(payment_id, settlement)
    ],
    payment: stepping(settled)
  },
  wake: {
    keysOf: ({ due, payment_id, timer }, merchant) => {
      if (!isBalanceId(payment_id)) return [payment_id]
      // A payout that waits, or the one that the schedule makes at this time.
      const payout = isPayoutId(timer) ? timer : scheduledPayoutIdOf(merchant, payment_id, due)
      return [payment_id, payout]
    },
    payment: stepping(woken),
    balance: payouts.woken
  },
  cleared: { keysOf: ({ balance }) => [balance], balance: payouts.cleared },
  payout: {
    keysOf: ({ command_id, currency, recipient }, merchant) => [
      balanceIdOf(currency, recipient),
      payoutIdOf(merchant, command_id)
    ],
    balance: payouts.ask
  },
  payout_returned: {
    keysOf: ({ command_id, currency, payout_id, recipient }, merchant) => [
      balanceIdOf(currency, recipient),
      payout_id,
      commandKeyOf("payout_returned", merchant, command_id)
    ],
    balance: payouts.returned
  },
  payout_notified: {
    keysOf: ({ balance, payout_id }) => [balance, payout_id],
    balance: payoutHeard
  },
  transfer: { keysOf: transfers.transferKeysOf, decide: transfers.transfer },
  transfer_arrived: {
    keysOf: ({ balance, transfer_id }) => [transfer_id, balance, MERCHANT_KEY],
    decide: transfers.arrived
  },
  transfer_refused: {
    keysOf: ({ balance, transfer_id }) => [transfer_id, balance],
    decide: transfers.cameBack
  },
  transfer_delivered: {
    keysOf: ({ transfer_id }) => [transfer_id],
    decide: transfers.delivered
  },
  quote: { keysOf: fx.newQuoteKeysOf, decide: fx.quoted },
  convert: { keysOf: fx.convertKeysOf, decide: fx.convert },
  quote_given_back: { keysOf: ({ quote_id }) => [keyOf(quote_id)], decide: fx.takenBack },
  reverse_conversion: { keysOf: fx.reversalKeysOf, decide: fx.reversed },
  open_merchant: { keysOf: () => [MERCHANT_KEY], decide: open }
}

export const keysOf = ({ body, type }: Message, merchant: string): Keys =>
  entryOf(type).keysOf(body, merchant)

/** The body of a message is of its own type, which the compiler does not follow through the table. */
const entryOf = (type: Type): Entry<Type> => table[type] as Entry<Type>

/** The whole life of a payment, and of the money it brings, one message at a time. Pure. */
export const decide = (
  states: States<State>,
  message: Message,
  received: Received<Terms>
): Decided => remembering(states, message, received, () => decideAnew(states, message, received))

const decideAnew = (
  states: States<State>,
  { body, type }: Message,
  received: Received<Terms>
): Decided => {
  const entry = entryOf(type)
  if (entry.decide !== undefined) return entry.decide(states, body, received)
  const [id] = received.keys
  if (isBalanceId(id)) {
    return entry.balance === undefined
      ? refuse("payment_not_found", `${type} is not for a balance`, id)
      : entry.balance(openBooks(states, received), body)
  }
  const payment = paymentIn(states, received)
  if (payment === undefined) {
    return refuse("payment_not_found", `${received.merchant} has no payment ${id}`)
  }
  return entry.payment === undefined
    ? refuse("payment_not_found", `${type} is not for a payment`, id)
    : entry.payment(payment, body, received)
}
