import { Restart } from "../../src/runtime/supervision.ts"
import { keyed } from "../../streams/actors.ts"
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
  lingerMillis: 200,
  // What an event says waits days for its line in a file.
  keeps: () => false,
  decide,
  load,
  save,
  tables: { states: ["recon_states", "recon_findings", "recon_closes"], journals: [] },
  supervision: { DatabaseUnavailable: Restart }
})
