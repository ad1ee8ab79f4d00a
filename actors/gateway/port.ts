import { type Effect, Schema } from "effect"
import type { Currency } from "../../src/domain/currency.ts"
import type { Call, Inquire, Outcome } from "../../streams/messages/gateway.ts"

/** Nothing left this process: the destination refused the connection or said it is closed. */
export class GatewayUnreachable
  extends Schema.TaggedError<GatewayUnreachable>()("GatewayUnreachable", {
    detail: Schema.String
  }) {}

/** Bytes may have left and no usable answer came. Only an inquiry tells. */
export class GatewayUnclear extends Schema.TaggedError<GatewayUnclear>()("GatewayUnclear", {
  detail: Schema.String
}) {}

type GatewayError = GatewayUnreachable | GatewayUnclear

export interface Answer {
  readonly outcome: Outcome
  /** Some gateways tell everything twice. */
  readonly times: number
}

/** An attempt, as an inquiry or a repeated call names it. */
export type AskedAbout = Pick<
  typeof Inquire.Type,
  | ("payment_id" | "attempt" | "operation" | "amount" | "currency")
  | ("charge_id" | "dispute_id" | "refund_id" | "token" | "first_sent_at")
>

/** A request that came to the edge in a gateway's name. */
export interface Webhook {
  readonly body: string
  readonly header: (name: string) => string | undefined
  /** The last part of the address it came to, where there is one. */
  readonly token?: string
}

/** It does not carry the gateway's signature, or cannot be read. Nothing in it may be believed. */
export class WebhookRefused extends Schema.TaggedError<WebhookRefused>()("WebhookRefused", {
  detail: Schema.String
}) {}

/** Money that moved at the gateway for no payment of ours: somebody has to look. */
export interface Stray {
  readonly kind: "charge" | "refund"
  readonly charge_id: string
  readonly amount: bigint
  readonly currency: Currency
  /** Milliseconds. */
  readonly at: number
}

/** What a webhook is about. It is a reason to ask the gateway, never an answer. */
export type Notice =
  | {
    readonly payment_id: string
    readonly attempt: string
    readonly says: "made" | "not_made" | "pending"
    /** The gateway's own name of a refund: an attempt we do not know was made there by somebody. */
    readonly refund_id?: string
    /** What it is about, where one charge may be paid more than once. */
    readonly charge_id?: string
  }
  | { readonly payment_id: string; readonly dispute_id: string }
  | { readonly payout_id: string }
  | { readonly stray: Stray }

/** What every gateway adapter offers. Amounts are minor units; keys make calls repeatable. */
export interface Gateway {
  readonly name: string
  /** After this long an inquiry that knows nothing is final. */
  readonly finalityMillis: number
  /** Calls a second from one worker. What is above it is not made; undefined is without limit. */
  readonly ratePerSecond?: number
  readonly perform: (
    call: typeof Call.Type,
    merchant: string
  ) => Effect.Effect<Answer, GatewayError>
  /** `undefined` where the gateway knows nothing of the attempt. Changes nothing there. */
  readonly inquire: (asked: AskedAbout) => Effect.Effect<Outcome | undefined, GatewayError>
  /**
   * Checks a webhook and reads what it is about, for which the gateway may have to be asked. Gateways
   * without it send none.
   */
  readonly readWebhook?: (
    webhook: Webhook
  ) => Effect.Effect<ReadonlyArray<Notice>, WebhookRefused | GatewayError>
}
