import type { Foreseen, MessageOf } from "../../src/runtime/actor.ts"
import type { PaymentsMessages } from "../../streams/messages/payments.ts"

/**
 * What nearly every payment goes through in one turn: its score, and what its money is expected to be
 * settled as. A wrong guess costs a load; without one the turn is decided twice.
 */
export const foresees = (
  message: MessageOf<typeof PaymentsMessages>
): ReadonlyArray<Foreseen> => {
  switch (message.type) {
    case "create": {
      const { customer, device } = message.body
      if (customer === undefined && device === undefined) return [TOLD]
      const body = { customer_id: customer?.id, device_id: device?.id, ip: device?.ip }
      return [{ to: "fraud", type: "score", body }, TOLD]
    }
    case "answered": {
      const { gateway, operation, outcome } = message.body
      if (outcome._tag !== "Approved" || operation !== "charge" && operation !== "capture") {
        return [TOLD]
      }
      const { charge_id } = outcome
      const data = { payment: { gateway }, capture: { charge_id } }
      return [
        { to: "reconciliation", type: "event", body: { type: "payment.captured", data } },
        TOLD
      ]
    }
    default:
      return [TOLD]
  }
}

/** Merchants hear of it. */
const TOLD: Foreseen = { to: "messaging", type: "event", body: {} }
