import { Schema } from "effect"
import { keyed } from "../../src/runtime/actor.ts"
import { Restart } from "../../src/runtime/supervision.ts"
import { ReconciliationMessages } from "../../streams/messages/reconciliation.ts"
import { decide, keysOf } from "./decide.ts"
import { load, save } from "./store.ts"

/**
 * Compares what payments say moved with what gateways settle. Files come in under their source, in
 * whose partition they are cut up; lines and events meet under the merchant.
 */
export const reconciliation = keyed({
  family: "reconciliation",
  messages: ReconciliationMessages,
  ingress: ["file", "stray"],
  keysOf: (message, { merchant }) => keysOf(message, merchant),
  config: { schema: Schema.Struct({}), initial: {} },
  lingerMillis: 200,
  // What an event says waits days for its line in a file.
  keeps: () => false,
  decide,
  load,
  save,
  supervision: { DatabaseUnavailable: Restart }
})
