import { Schema } from "effect"
import { CommandId, PaymentId } from "../../src/domain/identifiers.ts"
import { Amount, AmountOrZero } from "../../src/domain/money.ts"
import { Moment } from "../../src/domain/moment.ts"
import { Text } from "../../src/domain/text.ts"

/** The gateway's own name for a dispute: it is the same in every message about it. */
export const DisputeId = Text(64).check(
  Schema.isPattern(/^[A-Za-z0-9_.:\-]{1,64}$/u, { message: "must match [A-Za-z0-9_.:-]{1,64}" })
)

/** Words a merchant sends in its defence. Documents are named, not carried. */
const EVIDENCE_CHARACTERS_MAX = 5_000
const DOCUMENTS_MAX = 20

export const DisputeOpenedFields = {
  dispute_id: DisputeId,
  /** What the gateway took back. */
  amount: Amount,
  /** What the gateway charges for the dispute itself. */
  fee: Schema.optionalKey(AmountOrZero),
  reason: Schema.optionalKey(Text(255)),
  evidence_due_by: Schema.optionalKey(Moment)
}
const DisputeOutcome = Schema.Literals(["won", "lost"])
export const DisputeClosedFields = { outcome: DisputeOutcome }
export const EvidenceFields = {
  text: Text(EVIDENCE_CHARACTERS_MAX),
  documents: Schema.optionalKey(
    Schema.Array(Text(255)).check(Schema.isMaxLength(DOCUMENTS_MAX))
  )
}

const onPayment = { command_id: CommandId, payment_id: PaymentId }
const onDispute = { ...onPayment, dispute_id: DisputeId }

/** A gateway's word: only the platform's own systems may publish it. */
const DisputeOpened = Schema.Struct({ ...onPayment, ...DisputeOpenedFields })
const DisputeClosed = Schema.Struct({ ...onDispute, ...DisputeClosedFields })
/** The merchant defends itself, or gives in. */
const DisputeEvidence = Schema.Struct({ ...onDispute, ...EvidenceFields })
const DisputeAccept = Schema.Struct(onDispute)

export const DisputeMessages = {
  dispute_opened: DisputeOpened,
  dispute_closed: DisputeClosed,
  dispute_evidence: DisputeEvidence,
  dispute_accept: DisputeAccept
}
