import { keyed, type MessageOf } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { DisputeMessages } from "../../streams/messages/disputes.ts"
import { decide, keysOf } from "./decide.ts"
import { isPayoutOpen } from "./payout.ts"
import {
  defaultTerms,
  isBalance,
  isConversion,
  isPayout,
  isQuote,
  isRefused,
  isTransfer,
  type State,
  Terms,
  transitions
} from "./state.ts"
import { load, overdue, save } from "./store.ts"

const disputeCommands = Object.keys(DisputeMessages) as Array<keyof typeof DisputeMessages>

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
    "notified",
    "dispute_notified",
    ...disputeCommands
  ],
  keysOf: (message: MessageOf<typeof PaymentsMessages>, { merchant }) => keysOf(message, merchant),
  config: { schema: Terms, initial: defaultTerms },
  keeps: (state: State) =>
    isBalance(state) ||
    (isQuote(state) || isConversion(state) || isRefused(state)
      ? false
      : isTransfer(state)
      ? state.status === "sent"
      : isPayout(state)
      ? isPayoutOpen(state)
      : transitions[state.status].length > 0),
  decide,
  load,
  save,
  overdue,
  supervision: { DatabaseUnavailable: Restart }
})
