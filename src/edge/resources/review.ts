import { Schema } from "effect"
import type { openReviews } from "../../../actors/payments/read.ts"
import { Reason } from "../../../streams/messages/fraud.ts"
import { MinorUnits, Time } from "../../../streams/resources/parts.ts"
import { shownMoment } from "../../domain/moment.ts"

/** A payment that waits for a person's decision. */
export const Review = Schema.Struct({
  payment_id: Schema.String,
  merchant: Schema.String,
  amount: MinorUnits,
  currency: Schema.String,
  score: Schema.Finite,
  reasons: Schema.Array(Reason),
  opened_at: Time
}).annotate({ identifier: "Review" })

export const reviewOf = (
  { openedMillis, payment }: Awaited<ReturnType<typeof openReviews>>[number]
): typeof Review.Type => ({
  payment_id: payment.id,
  merchant: payment.merchant,
  amount: Number(payment.amount),
  currency: payment.currency,
  score: payment.risk?.score ?? 0,
  reasons: payment.risk?.reasons ?? [],
  opened_at: shownMoment(openedMillis)
})
