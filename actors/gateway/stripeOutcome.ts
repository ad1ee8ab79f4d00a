import Stripe from "stripe"
import type { Outcome } from "../../streams/messages/gateway.ts"
import { type AskedAbout, GatewayUnclear, GatewayUnreachable } from "./port.ts"
import { fromStripe } from "./stripeAmount.ts"

/** Declines after which the same card may work elsewhere or later (docs.stripe.com/declines/codes). */
const SOFT: ReadonlySet<string> = new Set([
  "approve_with_id",
  "call_issuer",
  "card_velocity_exceeded",
  "generic_decline",
  "insufficient_funds",
  "issuer_not_available",
  "processing_error",
  "reenter_transaction",
  "try_again_later",
  "withdrawal_count_limit_exceeded"
])

const declined = (code: string, chargeId?: string): Outcome => ({
  _tag: "Declined",
  code,
  detail: `Stripe declined: ${code}`,
  soft: SOFT.has(code),
  ...(chargeId !== undefined && { charge_id: chargeId })
})

/** What an intent says of its charge; undefined where nothing has been asked of the card yet. */
export const outcomeOfIntent = (
  intent: Stripe.PaymentIntent,
  asked: Pick<AskedAbout, "currency">
): Outcome | undefined => {
  const { id, last_payment_error: error, next_action, status } = intent
  switch (status) {
    case "succeeded":
    case "requires_capture": {
      const amount = fromStripe(intent.amount, asked.currency)
      return amount === undefined
        ? { _tag: "Unknown", detail: `Stripe tells an impossible amount, ${intent.amount}` }
        : { _tag: "Approved", charge_id: id, captured: status === "succeeded", amount }
    }
    case "requires_action":
      return {
        _tag: "RequiresAction",
        charge_id: id,
        url: next_action?.redirect_to_url?.url ?? "",
        expires_at: ""
      }
    case "requires_payment_method":
      return error === null || error === undefined
        ? undefined
        : declined(error.decline_code ?? error.code ?? "card_declined", id)
    case "canceled":
      return declined("canceled", id)
    case "processing":
      return { _tag: "Unknown", detail: "Stripe is still processing it" }
    default:
      return undefined
  }
}

/** Refunds of one charge that are read at once. */
export const REFUNDS_READ_MAX = 100

/** A refund that is on its way is not made yet: a later inquiry tells. */
export const outcomeOfRefund = (
  refund: Stripe.Refund,
  asked: Pick<AskedAbout, "charge_id" | "currency">
): Outcome => {
  switch (refund.status) {
    case "succeeded": {
      const { charge_id = refund.id, currency } = asked
      const amount = fromStripe(refund.amount, currency)
      return amount === undefined
        ? { _tag: "Unknown", detail: `Stripe tells an impossible amount, ${refund.amount}` }
        : { _tag: "Approved", charge_id, captured: true, amount }
    }
    case "failed":
    case "canceled":
      return declined(refund.failure_reason ?? "refund_failed", asked.charge_id)
    default:
      return { _tag: "Unknown", detail: `the refund is ${refund.status ?? "pending"}` }
  }
}

/** What a failed request means: a no, nothing sent, or nobody knows. */
export const outcomeOfError = (
  error: unknown,
  operation: string
): Outcome | GatewayUnreachable | GatewayUnclear => {
  const { errors } = Stripe
  if (error instanceof errors.StripeCardError) {
    return declined(error.decline_code ?? error.code ?? "card_declined", error.payment_intent?.id)
  }
  const detail = detailOf(error)
  if (error instanceof errors.StripeRateLimitError) return new GatewayUnreachable({ detail })
  if (
    error instanceof errors.StripeAuthenticationError ||
    error instanceof errors.StripePermissionError
  ) {
    return { _tag: "NotProcessed", code: "gateway_refuses_us", detail }
  }
  if (error instanceof errors.StripeInvalidRequestError) {
    const code = error.code ?? "invalid_request"
    // Somebody confirmed it before: what came of it is told by asking.
    if (operation === "confirm" && code === "payment_intent_unexpected_state") {
      return new GatewayUnclear({ detail })
    }
    return operation === "create" || operation === "confirm"
      ? { _tag: "NotProcessed", code, detail }
      : declined(code)
  }
  if (error instanceof errors.StripeConnectionError && isRefused(error.detail)) {
    return new GatewayUnreachable({ detail })
  }
  return new GatewayUnclear({ detail })
}

/** Causes and stacks may name keys and addresses; the first line and its kind are enough. */
const detailOf = (error: unknown): string => {
  const { code, message, type } = error as { code?: string; message?: string; type?: string }
  return [type, code, message?.split("\n")[0]].filter((part) => part !== undefined).join(": ")
    .slice(0, 300)
}

const isRefused = (error: unknown): boolean => {
  const { cause, code } = (error ?? {}) as { cause?: { code?: string }; code?: string }
  return code === "ECONNREFUSED" || cause?.code === "ECONNREFUSED"
}

/**
 * What kept a request from leaving. Whatever goes wrong on the way or at Stripe is an error of its SDK; the
 * rest went wrong in what we gave it, or in headers that no request can have (`fetch` tells of the network
 * by a cause).
 */
export const defectOf = (error: unknown): unknown => {
  if (error instanceof GatewayUnclear) return undefined
  if (!(error instanceof Stripe.errors.StripeError)) return error
  const { detail } = error as { readonly detail?: unknown }
  return detail instanceof TypeError && detail.cause === undefined ? detail : undefined
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError && error.code === "resource_missing"

/** Accounts in some countries, and emulators, have no search. */
export const hasNoSearch = (error: unknown): boolean =>
  error instanceof Stripe.errors.StripeInvalidRequestError
