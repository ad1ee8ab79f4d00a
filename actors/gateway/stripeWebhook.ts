import { Effect } from "effect"
import type Stripe from "stripe"
import { type Gateway, GatewayUnclear, type Notice, WebhookRefused } from "./port.ts"

/** A webhook older than this is a replay. */
const WEBHOOK_SECONDS_MAX = 300

/** By Stripe's signature. A dispute does not carry what we wrote at its charge, so that is asked for. */
export const readStripeWebhook = (
  client: Stripe,
  secret: string
): NonNullable<Gateway["readWebhook"]> =>
  Effect.fnUntraced(function* ({ body, header }) {
    const event = yield* Effect.tryPromise({
      try: () =>
        client.webhooks.constructEventAsync(
          body,
          header("stripe-signature") ?? "",
          secret,
          WEBHOOK_SECONDS_MAX
        ),
      catch: (error) => new WebhookRefused({ detail: (error as Error).message.split("\n")[0]! })
    })
    return isDispute(event) ? yield* disputed(client, event.data.object) : noticeOf(event)
  })

type DisputeEvent = Extract<Stripe.Event, { readonly data: { readonly object: Stripe.Dispute } }>

const isDispute = (event: Stripe.Event): event is DisputeEvent =>
  event.type.startsWith("charge.dispute.")

const disputed = Effect.fnUntraced(function* (client: Stripe, dispute: Stripe.Dispute) {
  const { id: dispute_id, payment_intent } = dispute
  if (payment_intent === null) return []
  const intent = typeof payment_intent !== "string" ? payment_intent : yield* Effect.tryPromise({
    try: () => client.paymentIntents.retrieve(payment_intent),
    catch: (error) => new GatewayUnclear({ detail: (error as Error).message.split("\n")[0]! })
  })
  const payment_id = intent.metadata["lastro_payment"]
  return payment_id === undefined ? [] : [{ payment_id, dispute_id }]
})

const noticeOf = (event: Stripe.Event): ReadonlyArray<Notice> => {
  const about = event.data.object as {
    readonly metadata?: Readonly<Record<string, string>> | null
    readonly status?: string
  }
  const attempt = about.metadata?.["lastro_attempt"]
  if (attempt !== undefined && event.type.startsWith("payout.")) return [{ payout_id: attempt }]
  const payment_id = about.metadata?.["lastro_payment"]
  if (attempt === undefined || payment_id === undefined) return []
  return [{ attempt, payment_id, says: saysOf(event.type, about.status) }]
}

const saysOf = (type: string, status: string | undefined) => {
  if (status === "succeeded" || status === "requires_capture") return "made" as const
  return status === "canceled" || status === "failed" || type === "payment_intent.payment_failed"
    ? "not_made" as const
    : "pending" as const
}
