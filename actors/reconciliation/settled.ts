import type { Received } from "../../src/runtime/actor.ts"
import type { Emission } from "../../streams/emissions.ts"
import { judge } from "./judge.ts"
import type { Operation } from "./state.ts"

/**
 * Tells the payments which of their captures and refunds have found their line: that money is at the
 * bank. Each is told when it matches first; the payment takes it once, whatever later files restate.
 */
export const settledBy = (
  before: Operation | undefined,
  next: Operation,
  { merchant }: Pick<Received, "merchant">
): ReadonlyArray<Emission<"payments">> => {
  const known = new Set(
    before === undefined
      ? []
      : judge(before).flatMap((finding) => finding._tag === "Matched" ? [finding.expected.id] : [])
  )
  return judge(next).flatMap((finding): Array<Emission<"payments">> =>
    finding._tag !== "Matched" || known.has(finding.expected.id) ? [] : [{
      to: "payments",
      type: "settled",
      key: merchant,
      body: {
        payment_id: finding.expected.payment_id,
        settlement: finding.expected.id,
        gross: finding.line.amount,
        fee: finding.line.fee,
        ...(next.kind === "refund" && { refund: true })
      }
    }]
  )
}
