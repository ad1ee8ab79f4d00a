import { keyed, type MessageOf } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { PaymentsMessages } from "../../streams/messages/payments.ts"
import { DisputeMessages } from "../../streams/messages/disputes.ts"
import { decide, paymentOf } from "./decide.ts"
import { defaultTerms, Terms, transitions } from "./state.ts"
import { load, overdue, save } from "./store.ts"

const disputeCommands = Object.keys(DisputeMessages) as Array<keyof typeof DisputeMessages>

/** The life of payments, and the only writer of the ledger. */
export const payments = keyed({
  family: "payments",
  messages: PaymentsMessages,
  ingress: ["create", "capture", "increment", "void", "refund", "review", ...disputeCommands],
  keysOf: (message: MessageOf<typeof PaymentsMessages>, { merchant }) =>
    [paymentOf(message, merchant)] as const,
  config: { schema: Terms, initial: defaultTerms },
  keeps: ({ status }) => transitions[status].length > 0,
  decide,
  load,
  save,
  overdue,
  supervision: { DatabaseUnavailable: Restart }
})
