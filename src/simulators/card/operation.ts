export type OperationKind =
  | "charge"
  | "increment"
  | "capture"
  | "void"
  | "refund"
  | "payout"
  | "evidence"
export type OperationStatus = "approved" | "declined" | "requires_action"

/** One operation under one idempotency key, as the gateway remembers it. */
export interface OperationRecord {
  readonly key: string
  readonly kind: OperationKind
  readonly merchant: string
  readonly payment_id: string
  readonly charge_id: string
  readonly amount: number
  readonly currency: string
  readonly status: OperationStatus
  /** 1 where money is taken at once (charge) or moved (capture, refund), as far as it is approved. */
  readonly captured: number
  readonly code: string
  readonly at_millis: number
  /** Requests that came under this key. The operation itself happened once. */
  readonly requests: number
}
