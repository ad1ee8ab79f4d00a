import { Result } from "effect"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import type { MessageOf, Received, States } from "../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../streams/messages/payments.ts"
import type { Risk } from "../../streams/messages/fraud.ts"
import { answered } from "./payment/answers.ts"
import { compared, corrected } from "./payment/corrections.ts"
import { balanceIdOf, isBalanceId } from "./wallet/balance.ts"
import { isUnwanted } from "./payment/cancellation.ts"
import { charge } from "./payment/charging.ts"
import { capture, create, increment, refund, review, voidPayment } from "./payment/commands.ts"
import { settled } from "./payment/clearing.ts"
import { quoteKeysOf } from "./payment/crediting.ts"
import { type Decided, NOTHING, refuse } from "./decided.ts"
import { disputeAccept, disputeClosed, disputeEvidence, disputeOpened } from "./payment/disputes.ts"
import { askAgain, disputeHeard, disputeTold } from "./payment/disputeNews.ts"
import { expire, expiryTimerOf } from "./payment/expiry.ts"
import { inquire, sendAgain } from "./payment/gatewayCalls.ts"
import { decideFx, fxKeysOf, isFxMessage } from "./exchange/fx.ts"
import { MERCHANT_KEY, open } from "./wallet/merchant.ts"
import { heard } from "./payment/notices.ts"
import {
  pastAttemptKeysOf,
  pastCommandKeyOf,
  pastSettlementKeyOf,
  recalled
} from "./payment/past.ts"
import { isPayoutId, payoutIdOf, scheduledPayoutIdOf } from "./wallet/payout.ts"
import { decideBalance } from "./wallet/payouts.ts"
import { commandKeyOf, refusedBefore, refusedKeyOf, remembering } from "./refused.ts"
import { isDefinitive, isPayment, type State, type Terms } from "./state.ts"
import { decideTransfer, isTransferMessage, transferKeysOf } from "./wallet/transfers.ts"
import { attemptOf, begin, change, finish, moveTo, row, type Step, tell } from "./payment/step.ts"

type Message = MessageOf<typeof PaymentsMessages>

/**
 * The payment a message is about, or the balance and the payout. The merchant comes from the subject,
 * never from the body.
 */
export const keysOf = (message: Message, merchant: string): readonly [string, ...Array<string>] => {
  switch (message.type) {
    case "create":
      return [paymentIdOf(merchant, message.body.command_id), ...quoteKeysOf(message.body)]
    case "payout": {
      const { command_id, currency, recipient } = message.body
      return [balanceIdOf(currency, recipient), payoutIdOf(merchant, command_id)]
    }
    case "payout_returned": {
      const { command_id, currency, payout_id, recipient } = message.body
      const command = commandKeyOf(message.type, merchant, command_id)
      return [balanceIdOf(currency, recipient), payout_id, command]
    }
    case "cleared":
      return [message.body.balance]
    case "payout_notified":
      return [message.body.balance, message.body.payout_id]
    case "transfer":
    case "transfer_arrived":
    case "transfer_delivered":
    case "transfer_refused":
      return transferKeysOf(message, merchant)
    case "quote":
    case "convert":
    case "quote_given_back":
    case "reverse_conversion":
      return fxKeysOf(message, merchant)
    case "open_merchant":
      return [MERCHANT_KEY]
    case "answered": {
      const { attempt, payment_id } = message.body
      return isBalanceId(payment_id)
        ? [payment_id, attempt]
        : [payment_id, ...pastAttemptKeysOf(payment_id, attempt)]
    }
    case "notified": {
      const { attempt, payment_id } = message.body
      return [payment_id, ...pastAttemptKeysOf(payment_id, attempt)]
    }
    case "settled": {
      const { payment_id, settlement } = message.body
      return [payment_id, pastSettlementKeyOf(payment_id, settlement)]
    }
    case "wake": {
      const { due, payment_id, timer } = message.body
      if (!isBalanceId(payment_id)) return [payment_id]
      // A payout that waits, or the one that the schedule makes at this time.
      const payout = isPayoutId(timer) ? timer : scheduledPayoutIdOf(merchant, payment_id, due)
      return [payment_id, payout]
    }
    case "scored":
    case "dispute_notified":
      return [message.body.payment_id]
    default: {
      const { command_id, payment_id } = message.body
      return [
        payment_id,
        pastCommandKeyOf(payment_id, message.type, command_id),
        refusedKeyOf(payment_id)
      ]
    }
  }
}

/** The whole life of a payment, one message at a time. Pure. */
export const decide = (
  states: States<State>,
  message: Message,
  received: Received<Terms>
): Decided => remembering(states, message, received, () => decideAnew(states, message, received))

const decideAnew = (
  states: States<State>,
  message: Message,
  received: Received<Terms>
): Decided => {
  const [id] = received.keys
  if (isTransferMessage(message)) return decideTransfer(states, message, received)
  if (isFxMessage(message)) return decideFx(states, message, received)
  if (message.type === "open_merchant") return open(states, message, received)
  if (isBalanceId(id)) return decideBalance(states, message, received)
  const state = states.get(id)
  const payment = state !== undefined && isPayment(state)
    ? recalled(state, states, received.keys)
    : undefined
  if (message.type === "create") {
    const [quoteKey] = quoteKeysOf(message.body)
    const quote = quoteKey === undefined ? undefined : states.get(quoteKey)
    return create(payment, message.body, received, refusedBefore(state, received.at), quote)
  }
  if (payment === undefined) {
    return refuse("payment_not_found", `${received.merchant} has no payment ${id}`)
  }
  switch (message.type) {
    case "capture":
      return capture(payment, message.body, received)
    case "increment":
      return increment(payment, message.body, received)
    case "void":
      return voidPayment(payment, message.body, received)
    case "refund":
      return refund(payment, message.body, received)
    case "review":
      return review(payment, message.body, received)
    case "dispute_opened":
      return disputeOpened(payment, message.body, received)
    case "dispute_evidence":
      return disputeEvidence(payment, message.body, received)
    case "dispute_accept":
      return disputeAccept(payment, message.body, received)
    case "dispute_closed":
      return disputeClosed(payment, message.body, received)
    case "notified": {
      const step = heard(begin(payment, received), message.body)
      return step === undefined ? NOTHING : Result.succeed(finish(step))
    }
    case "dispute_notified": {
      const step = disputeHeard(begin(payment, received), message.body)
      return step === undefined ? NOTHING : Result.succeed(finish(step))
    }
    case "scored":
      return payment.status === "screening"
        ? Result.succeed(finish(screened(begin(payment, received), message.body.risk)))
        : NOTHING
    case "answered": {
      const step = told(begin(payment, received), message.body)
      return step === undefined ? NOTHING : Result.succeed(finish(step))
    }
    case "wake":
      return woken(begin(payment, received), message.body)
    case "settled": {
      const step = settled(begin(payment, received), message.body)
      return step === undefined ? NOTHING : Result.succeed(finish(step))
    }
    case "payout":
    case "payout_returned":
    case "payout_notified":
    case "cleared":
      return refuse("payment_not_found", `${message.type} is not for a payment`, id)
  }
}

/** The gateway's answer: about a dispute, an attempt that waits for it, or one that had ended. */
const told = (step: Step, answer: Extract<Message, { type: "answered" }>["body"]) => {
  if (answer.operation === "dispute") return disputeTold(step, answer)
  const attempt = attemptOf(step.payment, answer.attempt)
  if (attempt === undefined) return undefined
  if (isDefinitive(attempt.status)) return corrected(step, attempt, answer)
  const next = answered(step, attempt, answer)
  return next && compared(next, attempt.key)
}

const screened = (step: Step, risk: Risk): Step => {
  const known = change(step, { risk, scored_at: step.received.at })
  switch (risk.decision) {
    case "allow":
      return charge(known)
    case "review":
      return tell(
        moveTo(
          row(known, { _tag: "Review", paymentId: step.payment.id, open: true }),
          "in_review"
        ),
        "payment.in_review"
      )
    case "deny": {
      const failure = { code: "risk_denied", detail: "the payment was refused by the risk rules" }
      return tell(moveTo(change(known, { failure }), "rejected"), "payment.rejected", { failure })
    }
  }
}

/** Only a timer the payment awaits does anything. */
const woken = (
  step: Step,
  wake: { readonly timer: string; readonly due: number }
): Decided => {
  if (wake.timer === expiryTimerOf(step.payment)) {
    const ending = expire(step, wake.due)
    return ending === undefined ? NOTHING : Result.succeed(finish(ending))
  }
  const asking = askAgain(step, wake)
  if (asking !== undefined) return Result.succeed(finish(asking))
  const attempt = attemptOf(step.payment, wake.timer)
  if (attempt === undefined || attempt.wake_at !== wake.due) return NOTHING
  return Result.succeed(
    finish(
      attempt.status === "deferred" && !isUnwanted(step.payment, attempt)
        ? sendAgain(step, attempt)
        : inquire(step, attempt)
    )
  )
}
