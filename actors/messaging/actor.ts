import { Restart } from "../../src/runtime/supervision.ts"
import { keyed } from "../../streams/actors.ts"
import { MessagingMessages } from "../../streams/messages/messaging.ts"
import { decide, keysOf } from "./decide.ts"
import { load, overdue, save } from "./store.ts"

/** Tells merchants and customers what happened: who, in which words, how often. */
export const messaging = keyed({
  family: "messaging",
  messages: MessagingMessages,
  ingress: ["register_endpoint"],
  keysOf,
  lingerMillis: 100,
  decide,
  load,
  save,
  tables: {
    states: ["webhook_directories", "webhook_secrets", "webhook_deliveries"],
    journals: ["notifications"]
  },
  overdue,
  supervision: { DatabaseUnavailable: Restart }
})
