import { type Effect, Schema } from "effect"
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

export type GatewayError = GatewayUnreachable | GatewayUnclear

export interface Answer {
  readonly outcome: Outcome
  /** Some gateways tell everything twice. */
  readonly times: number
}

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
  readonly inquire: (
    asked: Pick<typeof Inquire.Type, "attempt" | "amount">
  ) => Effect.Effect<Outcome | undefined, GatewayError>
}
