import type * as messaging from "../../../actors/messaging/state.ts"
import type * as payments from "../../../actors/payments/refusalCode.ts"
import type * as reconciliation from "../../../actors/reconciliation/state.ts"
import type { MachineRefusal } from "../../runtime/actor.ts"
import type { ProblemKind } from "./kind.ts"

/** What an actor, or the machine around it, refuses with. */
type RefusalCode =
  | payments.RefusalCode
  | messaging.RefusalCode
  | reconciliation.RefusalCode
  | MachineRefusal

/** A decision, remembered: the same request under the same key is refused again. */
export const refusalProblems: Readonly<Record<RefusalCode, ProblemKind>> = {
  command_reused: {
    status: 422,
    means: "Another body came under this `command_id` before, and that one counts.",
    mends: "Send the first body again for its outcome, or a new `command_id` for a new intent."
  },
  payment_not_found: {
    status: 404,
    means: "This merchant has no payment of this identifier, or it never came to be.",
    mends: "Compare the identifier with the `Location` that its creation was answered with.",
    request: "GET /v1/payments?reference=order-1001"
  },
  invalid_state: {
    status: 409,
    means: "What is asked about has moved on, and this is not possible in the state that it is in.",
    mends: "Read it, and do what its `status` still allows, under a new Idempotency-Key.",
    request: "GET /v1/payments/pay_…"
  },
  invalid_splits: {
    status: 422,
    means: "The shares or amounts of the recipients do not add up to what can be shared out.",
    mends: "Shares sum up to at most 1, amounts to at most what is left after fees.",
    request: "POST /v1/payments\nIdempotency-Key: order-1002\n\n" +
      '{"amount": 10000, "currency": "BRL", "payment_method": {"type": "card", "token": "tok_approved"},\n' +
      ' "splits": [{"recipient": "seller_a", "share": "0.70"}, {"recipient": "seller_b", "share": "0.30"}]}'
  },
  operation_in_progress: {
    status: 409,
    means:
      "What it is about has no answer yet: its charge, or another operation on the same thing.",
    mends: "Send the same again a little later, under the same Idempotency-Key."
  },
  amount_too_large: {
    status: 422,
    means:
      "The amount is more than what is left to capture, refund or move, or than a sum can hold.",
    mends: "Ask for at most what the resource shows as left, or leave the amount out for all of it."
  },
  nothing_to_refund: {
    status: 422,
    means: "All that was captured was given back already, or nothing was captured.",
    mends: "Nothing: read the payment to see where its money is.",
    request: "GET /v1/payments/pay_…"
  },
  not_in_review: {
    status: 409,
    means: "The payment waits for nobody's decision: it was decided, or never held.",
    mends: "Read the queue again.",
    request: "GET /v1/fraud/reviews"
  },
  charge_not_found: {
    status: 404,
    means: "No money of this charge stands in suspense with the payment.",
    mends: "Name one of the payment's `in_suspense`, or none to refund what was captured.",
    request: "GET /v1/payments/pay_…"
  },
  dispute_not_found: {
    status: 404,
    means: "The payment has no such dispute.",
    mends: "Name one of its `disputes`.",
    request: "GET /v1/disputes"
  },
  dispute_reused: {
    status: 409,
    means: "A dispute of this identifier is known with other amounts.",
    mends: "Compare it with the gateway's; a second dispute has an identifier of its own."
  },
  too_many_disputes: {
    status: 422,
    means: "The payment holds as many disputes as one takes.",
    mends: "Look into it by hand: no gateway opens so many."
  },
  insufficient_funds: {
    status: 409,
    means:
      "Not so much is available in this currency; what is pending or in reserve does not count.",
    mends:
      "Ask for at most what is `available`, or wait until more is, under a new Idempotency-Key.",
    request: "GET /v1/balances"
  },
  no_destination: {
    status: 422,
    means: "Nobody has said to which account of a bank this wallet is paid out.",
    mends: "Have a destination configured for the merchant or the recipient."
  },
  below_minimum: {
    status: 422,
    means: "The amount is below what may be paid out, or is worth nothing in the other currency.",
    mends: "Ask for more at once."
  },
  same_wallet: {
    status: 422,
    means: "The transfer would go from a wallet to itself.",
    mends: "Name another recipient or merchant."
  },
  payout_not_found: {
    status: 404,
    means: "There is no payout of this identifier with this merchant.",
    mends: "Look for it in the list.",
    request: "GET /v1/payouts"
  },
  unknown_pair: {
    status: 422,
    means: "No rate is configured from the one currency to the other.",
    mends: "Choose currencies that have one; who runs the house publishes rates."
  },
  quote_not_found: {
    status: 404,
    means: "There is no such quote: it never was, or its time is long over.",
    mends: "Ask for a new one.",
    request: "POST /v1/fx/quotes\nIdempotency-Key: quote-2\n\n" +
      '{"from": "BRL", "to": "USD", "amount": 10000, "side": "from"}'
  },
  quote_expired: {
    status: 409,
    means: "The quote's price held until its `expires_at`, which is over.",
    mends: "Ask for a new quote, and use it in time, under a new Idempotency-Key."
  },
  quote_used: {
    status: 409,
    means: "A quote is for one conversion or payment, and this one had its.",
    mends: "Ask for a new quote."
  },
  quote_mismatch: {
    status: 422,
    means: "The payment is not what the quote is for: another amount, currency, or way to capture.",
    mends: "Send the amount and the currency of the quote, captured at once."
  },
  conversion_not_found: {
    status: 404,
    means: "This merchant has no conversion of this identifier.",
    mends: "Look for it in the list.",
    request: "GET /v1/fx/conversions"
  },
  already_reversed: {
    status: 409,
    means: "The conversion was taken back already, once for all.",
    mends: "Nothing: read it to see at which rate.",
    request: "GET /v1/fx/conversions/fxc_…"
  },
  too_many_commands: {
    status: 422,
    means: "The payment has taken as many commands as one takes.",
    mends: "Make a new payment for what is left."
  },
  no_gateway: {
    status: 422,
    means: "No routing rule leads this payment to a gateway.",
    mends: "Change the method or the currency, or have a rule added."
  },
  due_date_past: {
    status: 422,
    means: "The charge's due date is over already, where the payer is.",
    mends: "Name a later `due_date`."
  },
  too_many_endpoints: {
    status: 422,
    means: "The merchant has as many endpoints as one may have.",
    mends: "Have one endpoint take several events: `payment.*` names all of payments.",
    request: "GET /v1/webhook-endpoints"
  },
  source_differs: {
    status: 422,
    means: "The settlement file names another source than it was handed in for.",
    mends: "Hand it in as `source` of the gateway that it comes from."
  },
  file_differs: {
    status: 422,
    means: "Under this name another content came before.",
    mends: "Hand it in under a name of its own."
  },
  unreadable_file: {
    status: 422,
    means: "The settlement file is not in the form that its source has.",
    mends: "Compare it with the form that docs/gateways.md shows."
  },
  malformed: {
    status: 422,
    means: "The command's actor could not read it. It was set aside for a person, undecided.",
    mends: "Compare it with the operation; who runs the house sees the dead letter."
  },
  failed: {
    status: 422,
    means: "The command's actor failed at it. It was set aside for a person, undecided.",
    mends: "Ask who runs the house: the dead letter says why, and can be decided again."
  }
}
