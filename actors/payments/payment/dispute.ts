import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"
import { DisputeStatus } from "../../../streams/resources/payment.ts"
import { CreditBack } from "./credit.ts"
import { Contradicted, Question } from "./doubts.ts"

const Evidence = Schema.Struct({
  text: Schema.String,
  documents: Schema.Array(Schema.String),
  submitted_at: Schema.Finite
})

/** The payer's bank took its money back. `id` is the gateway's own name for it. */
export const Dispute = Schema.Struct({
  id: Schema.String,
  amount: BigAmount,
  fee: BigAmount,
  status: DisputeStatus,
  reason: Schema.optionalKey(Schema.String),
  evidence_due_by: Schema.optionalKey(Schema.String),
  evidence: Schema.optionalKey(Evidence),
  /** What counts again where the gateway does not take the evidence that is on its way. */
  evidence_before: Schema.optionalKey(Evidence),
  /** What each leg has to give for it, in the order of the payment's legs. */
  legs: Schema.Array(BigAmount),
  credit: Schema.optionalKey(CreditBack),
  opened_at: Schema.Finite,
  closed_at: Schema.optionalKey(Schema.Finite),
  /** The gateway itself told of it, and takes evidence. Left out: somebody wrote it down here. */
  told: Schema.optionalKey(Schema.Boolean),
  ...Contradicted.fields
})
export type Dispute = typeof Dispute.Type

export const isDisputeOpen = ({ status }: Dispute): boolean =>
  status === "needs_response" || status === "under_review"

/** The gateway was asked how a dispute stands, and has not said yet. */
export const DisputeQuestion = Schema.Struct({
  ...Question.fields,
  dispute: Schema.String,
  /** When it is asked again; left out while the answer is awaited. */
  wake_at: Schema.optionalKey(Schema.Finite)
})
export type DisputeQuestion = typeof DisputeQuestion.Type
