import { Clock, Effect } from "effect"
import type { MessageOf, Outgoing } from "../../src/runtime/actor.ts"
import { Defer, Unknown } from "../../src/runtime/supervision.ts"
import { outbound } from "../../streams/actors.ts"
import type { Emission } from "../../streams/emissions.ts"
import { GatewayMessages, type Outcome } from "../../streams/messages/gateway.ts"
import { Pace } from "./pace.ts"
import type { Answer, Gateway } from "./port.ts"

type Message = MessageOf<typeof GatewayMessages>

/**
 * Calls under way at one gateway, as many as one worker takes at once: a healthy gateway is never
 * "full" to us, its mailbox is only behind. More would wait in our own process and eat the deadline.
 */
const CALLS_PER_GATEWAY_MAX = 256
/** A slow approval takes two seconds; after four we ask what happened instead of waiting. */
const DEADLINE = "4 seconds"

/** Calls payment gateways. Which one is data in the message; how it is called is its adapter. */
export const gateway = (gateways: ReadonlyArray<Gateway>) => {
  const byName = new Map(gateways.map((one) => [one.name, one]))
  const paces = new Map(gateways.map((one) => [one.name, new Pace(one.ratePerSecond)]))
  const call = Effect.fnUntraced(function* (message: Message, outgoing: Outgoing<unknown>) {
    const started = yield* Clock.currentTimeMillis
    const gateway = byName.get(message.body.gateway)
    const answer = gateway === undefined
      ? notConfigured(message, outgoing)
      : !paces.get(gateway.name)!.take(started)
      ? once(notTried(outgoing, `the gateway takes ${gateway.ratePerSecond} calls a second`))
      : message.type === "call"
      ? yield* perform(gateway, message.body, outgoing)
      : once(yield* inquire(gateway, message.body, started))
    const took = (yield* Clock.currentTimeMillis) - started
    return Array.from(
      { length: answer.times },
      () => answered(message, outgoing, answer.outcome, took)
    )
  })
  return outbound({
    family: "gateway",
    messages: GatewayMessages,
    destinationOf: ({ body }: Message) => body.gateway,
    concurrencyPerDestination: CALLS_PER_GATEWAY_MAX,
    inFlightMax: CALLS_PER_GATEWAY_MAX,
    deadline: DEADLINE,
    call,
    deferred: (message: Message, outgoing: Outgoing<unknown>) => [
      answered(
        message,
        outgoing,
        notTried(outgoing, "the gateway is busy or not reachable"),
        0
      )
    ],
    unsent: (message: Message, outgoing: Outgoing<unknown>) => [
      answered(message, outgoing, notMade(message, outgoing), 0)
    ],
    unknown: (message: Message, outgoing: Outgoing<unknown>) => [
      answered(message, outgoing, { _tag: "Unknown", detail: "no answer in time" }, 0)
    ],
    supervision: { GatewayUnreachable: Defer, GatewayUnclear: Unknown }
  })
}

/** An earlier delivery of this very call may have left: then nobody may say "not sent". */
const notTried = ({ redelivered }: Outgoing<unknown>, detail: string): Outcome =>
  redelivered
    ? { _tag: "Unknown", detail: "an earlier try may have left" }
    : { _tag: "Deferred", detail }

/** A fault of ours kept the call from leaving: it failed, where no earlier delivery of it may have left. */
const notMade = ({ type }: Message, { redelivered }: Outgoing<unknown>): Outcome => {
  const detail = "the request could not be made, and nothing was sent"
  return type === "inquire" || redelivered
    ? { _tag: "Unknown", detail }
    : { _tag: "NotProcessed", code: "not_sent", detail }
}

const once = (outcome: Outcome): Answer => ({ outcome, times: 1 })

/** Another worker may know the gateway and have called it: only a first delivery was surely not sent. */
const notConfigured = ({ body, type }: Message, { redelivered }: Outgoing<unknown>): Answer => {
  const detail = `no gateway ${body.gateway} is configured`
  return once(
    type === "inquire" || redelivered
      ? { _tag: "Unknown", detail }
      : { _tag: "NotProcessed", code: "gateway_not_configured", detail }
  )
}

/**
 * A repeated delivery asks first: the earlier one may have arrived. Where the gateway knows nothing,
 * the same key goes out again, which a gateway that honours keys cannot charge twice; unless another
 * gateway may have been charged since, which only payments can tell.
 */
const perform = Effect.fnUntraced(function* (
  gateway: Gateway,
  call: Extract<Message, { type: "call" }>["body"],
  outgoing: Outgoing<unknown>
) {
  if (outgoing.redelivered) {
    const known = yield* gateway.inquire(call)
    if (known !== undefined) return once(known)
    if (call.alternatives === true) {
      return once({
        _tag: "Withheld",
        detail: "a repeated delivery, and the gateway knows nothing"
      })
    }
  }
  const answer = yield* gateway.perform(call, outgoing.merchant)
  // It refuses this try: that says nothing of an earlier one that may be on its way still.
  return outgoing.redelivered && answer.outcome._tag === "NotProcessed"
    ? once({ _tag: "Unknown", detail: `an earlier try may have left; ${answer.outcome.detail}` })
    : answer
})

const inquire = Effect.fnUntraced(function* (
  gateway: Gateway,
  asked: Extract<Message, { type: "inquire" }>["body"],
  now: number
) {
  const known = yield* gateway.inquire(asked)
  if (known !== undefined) return known
  const outcome: Outcome = now - asked.sent_at > gateway.finalityMillis
    ? { _tag: "NotFound", detail: "the gateway never got this attempt" }
    : { _tag: "Unknown", detail: "the gateway knows nothing yet" }
  return outcome
})

const answered = (
  { body, type }: Message,
  { merchant }: Outgoing<unknown>,
  outcome: Outcome,
  took: number
): Emission<"payments"> => ({
  to: "payments",
  type: "answered",
  key: merchant,
  body: {
    payment_id: body.payment_id,
    gateway: body.gateway,
    attempt: body.attempt,
    operation: body.operation,
    inquiry: type === "inquire",
    outcome,
    took_millis: took
  }
})
