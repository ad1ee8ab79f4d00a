import type { ProblemKind } from "./kind.ts"

const notMade = (operation: string): ProblemKind => ({
  status: 422,
  means: `The gateway did not make the ${operation}; \`detail\` has its reason.`,
  mends:
    "Nothing moved. Read the payment, and ask again under a new Idempotency-Key where the reason may pass."
})

/** What the gateway refused: an operation's name, and how the try of it ended. */
export const gatewayProblems = {
  capture_declined: notMade("capture"),
  capture_not_processed: notMade("capture"),
  capture_lost: notMade("capture"),
  increment_declined: notMade("increase"),
  increment_not_processed: notMade("increase"),
  increment_lost: notMade("increase"),
  void_declined: notMade("void"),
  void_not_processed: notMade("void"),
  void_lost: notMade("void"),
  refund_declined: notMade("refund"),
  refund_not_processed: notMade("refund"),
  refund_lost: notMade("refund"),
  evidence_declined: notMade("evidence"),
  evidence_not_processed: notMade("evidence"),
  evidence_lost: notMade("evidence"),
  accept_declined: notMade("acceptance"),
  accept_not_processed: notMade("acceptance"),
  accept_lost: notMade("acceptance")
} as const satisfies Readonly<Record<string, ProblemKind>>
