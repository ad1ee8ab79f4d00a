import { Schema } from "effect"
import { keyed } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { MessagingMessages } from "../../streams/messages/messaging.ts"
import { decide, keysOf } from "./decide.ts"
import { load, overdue, save } from "./store.ts"

/** Tells merchants and customers what happened: who, in which words, how often. */
export const messaging = keyed({
  family: "messaging",
  messages: MessagingMessages,
  ingress: ["register_endpoint"],
  keysOf,
  config: { schema: Schema.Struct({}), initial: {} },
  lingerMillis: 100,
  decide,
  load,
  save,
  overdue,
  supervision: { DatabaseUnavailable: Restart }
})
