import { Effect, Schema } from "effect"
import type { Gateway, Notice } from "../../../actors/gateway/port.ts"
import { merchantOfPayment, ownerOfPayout } from "../../../actors/payments/read.ts"
import { PayoutId } from "../../../streams/messages/payouts.ts"
import { PaymentId } from "../../domain/identifiers.ts"
import { Commands } from "../../bus/commands.ts"
import { problem, unavailable } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, ok, type Route } from "../route.ts"
import { json } from "../shape.ts"

/** Gateways batch their news; this is far more than any of them sends at once. */
const BODY_BYTES_MAX = 1024 * 1024

const isPaymentId = Schema.is(PaymentId)
const isPayoutId = Schema.is(PayoutId)

/** Whose it is, and as what its actor hears of it. */
const toldTo = Effect.fnUntraced(function* (notice: Notice, gateway: string) {
  if ("stray" in notice) {
    const { stray } = notice
    return {
      family: "reconciliation",
      type: "stray",
      merchant: gateway,
      body: { ...stray, amount: String(stray.amount) }
    }
  }
  if ("payout_id" in notice) {
    const { payout_id } = notice
    if (!isPayoutId(payout_id)) return undefined
    const payout = yield* read("edge.payout", (db) => ownerOfPayout(db, payout_id))
    return payout && {
      family: "payments",
      type: "payout_notified",
      merchant: payout.merchant,
      body: { payout_id, balance: payout.balance, gateway }
    }
  }
  const { payment_id } = notice
  if (!isPaymentId(payment_id)) return undefined
  const merchant = yield* read("edge.merchant", (db) => merchantOfPayment(db, payment_id))
  const type = "dispute_id" in notice ? "dispute_notified" : "notified"
  return merchant === undefined
    ? undefined
    : { family: "payments", type, merchant, body: { ...notice, gateway } }
})

/**
 * What gateways tell. The signature says who speaks; what is said only makes the payment ask. So a
 * repeat, an old one or one out of order changes nothing, and there is nothing to remember here.
 */
const take = (gateways: ReadonlyArray<Gateway>) =>
  Effect.fnUntraced(function* ({ header, path, text, traceparent }: Asked) {
    const gateway = gateways.find(({ name }) => name === path["gateway"])
    if (gateway?.readWebhook === undefined) {
      return yield* problem("gateway_not_found", "no gateway of this name sends webhooks")
    }
    const token = path["token"]
    const webhook = { body: text, header, ...(token !== undefined && { token }) }
    const notices = yield* gateway.readWebhook(webhook).pipe(
      Effect.mapError(({ _tag }) =>
        _tag === "WebhookRefused"
          ? problem("signature_refused", "the signature is not the gateway's")
          : unavailable("the gateway could not be asked what it is about: send it again")
      )
    )
    const commands = yield* Commands
    let taken = 0
    for (const notice of notices) {
      const told = yield* toldTo(notice, gateway.name)
      // What is not about anything of ours is somebody else's business with the same gateway.
      if (told === undefined) continue
      yield* commands.publish({
        ...told,
        body: JSON.stringify(told.body),
        ...(traceparent !== undefined && { traceparent })
      }).pipe(Effect.mapError(() => unavailable("it was not taken: send it again")))
      taken++
    }
    return ok({ taken })
  })

export const gatewayWebhookRoutes = (
  gateways: ReadonlyArray<Gateway>
): ReadonlyArray<Route> =>
  ([
    [
      "tellGatewayNews",
      "/v1/gateways/{gateway}/webhooks",
      "News from a gateway, by its own signature"
    ],
    // Banks add `/pix` to the address that was registered, and sign nothing: it carries a secret.
    [
      "tellPixNews",
      "/v1/gateways/{gateway}/webhooks/{token}/pix",
      "News from a bank with the Pix API"
    ]
  ] as const).map(([operationId, path, summary]): Route => ({
    method: "POST",
    path,
    summary,
    operationId,
    tag: "Webhooks",
    audience: "public",
    text: { contentType: "application/json", bytesMax: BODY_BYTES_MAX },
    answers: {
      200: json("How many of the news were about ours", Schema.Struct({ taken: Schema.Int }))
    },
    problems: ["signature_refused", "gateway_not_found"],
    handle: take(gateways)
  }))
