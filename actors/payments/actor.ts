import type { MessageOf } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { keyed } from "../../streams/actors.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { DisputeMessages } from "../../streams/messages/disputes.ts"
import { decide, keysOf } from "./decide.ts"
import { foresees } from "./foresees.ts"
import { GivenTerms } from "./givenTerms.ts"
import { isPayoutOpen } from "./wallet/payout.ts"
import { defaultTerms, Terms } from "./terms.ts"
import { isPayment, type State } from "./state.ts"
import { transitions } from "./payment/moves.ts"
import { load, overdue, save } from "./store.ts"

const disputeCommands = Object.keys(DisputeMessages) as Array<keyof typeof DisputeMessages>

/** Whether more is likely to come for it soon. What is done with is loaded again, should it be asked for. */
const isOpen = (state: State): boolean => {
  if (isPayment(state)) return transitions[state.status].length > 0
  switch (state._tag) {
    case "Balance":
      return true
    case "Payout":
      return isPayoutOpen(state)
    case "Transfer":
      return state.status === "sent"
    default:
      return false
  }
}

/** The life of payments, and the only writer of the ledger. */
export const payments = keyed({
  family: "payments",
  messages: PaymentsMessages,
  ingress: [
    "create",
    "capture",
    "increment",
    "void",
    "refund",
    "review",
    "payout",
    "transfer",
    "quote",
    "convert",
    "reverse_conversion",
    "payout_returned",
    "open_merchant",
    "notified",
    "dispute_notified",
    "payout_notified",
    ...disputeCommands
  ],
  keysOf: (message: MessageOf<typeof PaymentsMessages>, { merchant }) => keysOf(message, merchant),
  config: { schema: Terms, given: GivenTerms, initial: defaultTerms },
  foresees,
  keeps: isOpen,
  decide,
  load,
  save,
  tables: {
    states: [
      "payments",
      "payment_past",
      "payment_wakes",
      "payment_reviews",
      "disputes",
      "balances",
      "payouts",
      "transfers",
      "fx_quotes",
      "fx_conversions",
      "merchants",
      "refused_commands",
      "accounts",
      "holds"
    ],
    journals: ["journal_entries", "postings"]
  },
  overdue,
  supervision: { DatabaseUnavailable: Restart }
})
