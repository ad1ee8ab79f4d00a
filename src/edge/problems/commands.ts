import type { ProblemCode } from "../problem.ts"

/** What the machine around every actor may refuse a command with. */
const machine = ["malformed", "failed"] as const

const onPayment = ["payment_not_found", "too_many_commands", ...machine] as const
const quoted = ["quote_not_found", "quote_expired", "quote_used"] as const
const onDispute = [...onPayment, "invalid_state", "dispute_not_found"] as const

/** What a command of each type may be refused with, beside that its name was used before. */
const refusals = {
  create: [
    "invalid_splits",
    "amount_too_large",
    "no_gateway",
    "due_date_past",
    "quote_mismatch",
    ...quoted,
    ...machine
  ],
  capture: [
    "capture_declined",
    "capture_not_processed",
    "capture_lost",
    ...onPayment,
    "invalid_state",
    "operation_in_progress",
    "amount_too_large"
  ],
  increment: [
    "increment_declined",
    "increment_not_processed",
    "increment_lost",
    ...onPayment,
    "invalid_state",
    "operation_in_progress",
    "amount_too_large",
    "invalid_splits"
  ],
  void: [
    "void_declined",
    "void_not_processed",
    "void_lost",
    ...onPayment,
    "invalid_state",
    "operation_in_progress"
  ],
  refund: [
    "refund_declined",
    "refund_not_processed",
    "refund_lost",
    ...onPayment,
    "invalid_state",
    "operation_in_progress",
    "nothing_to_refund",
    "amount_too_large",
    "charge_not_found",
    "unknown_pair"
  ],
  review: [...onPayment, "not_in_review"],
  dispute_opened: [
    ...onPayment,
    "invalid_state",
    "dispute_reused",
    "amount_too_large",
    "too_many_disputes"
  ],
  dispute_closed: onDispute,
  dispute_evidence: [
    "evidence_declined",
    "evidence_not_processed",
    "evidence_lost",
    ...onDispute,
    "operation_in_progress"
  ],
  dispute_accept: [
    "accept_declined",
    "accept_not_processed",
    "accept_lost",
    ...onDispute,
    "operation_in_progress"
  ],
  payout: ["insufficient_funds", "no_destination", "below_minimum", ...machine],
  payout_returned: ["payout_not_found", "invalid_state", ...machine],
  transfer: ["insufficient_funds", "same_wallet", ...machine],
  quote: ["unknown_pair", "below_minimum", "amount_too_large", ...machine],
  convert: [...quoted, "insufficient_funds", ...machine],
  reverse_conversion: [
    "conversion_not_found",
    "already_reversed",
    "unknown_pair",
    "insufficient_funds",
    "below_minimum",
    "amount_too_large",
    ...machine
  ],
  register_endpoint: ["too_many_endpoints", ...machine]
} as const satisfies Record<string, ReadonlyArray<ProblemCode>>

export type CommandType = keyof typeof refusals

export const refusalsOf = (...types: ReadonlyArray<CommandType>): ReadonlyArray<ProblemCode> => [
  ...new Set(
    types.flatMap((type): ReadonlyArray<ProblemCode> => [...refusals[type], "command_reused"])
  )
]

/** What a read may tell of the commands that its answer is about. */
export const paymentRefusals = refusalsOf(
  "create",
  "capture",
  "increment",
  "void",
  "refund",
  "review",
  "dispute_opened",
  "dispute_closed",
  "dispute_evidence",
  "dispute_accept"
)
