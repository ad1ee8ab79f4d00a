import { Effect, Schema } from "effect"
import type Stripe from "stripe"
import { Currency } from "../../src/domain/currency.ts"
import { type Gateway, GatewayUnclear, type Notice, type Stray, WebhookRefused } from "./port.ts"
import { fromStripe } from "./stripeAmount.ts"
import { REFUNDS_READ_MAX } from "./stripeOutcome.ts"

/** A webhook older than this is a replay. */
const WEBHOOK_SECONDS_MAX = 300

/**
 * By Stripe's signature. A dispute, and a refund made in the dashboard, do not carry what we wrote at
 * their charge, so that is asked for.
 */
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
    if (isDispute(event)) return yield* disputed(client, event.data.object)
    if (isRefund(event)) return yield* refunded(client, event.data.object)
    if (event.type === "charge.refunded") return yield* refundsOf(client, event.data.object)
    return noticesOf(event)
  })

type About<A> = Extract<Stripe.Event, { readonly data: { readonly object: A } }>

const isDispute = (event: Stripe.Event): event is About<Stripe.Dispute> =>
  event.type.startsWith("charge.dispute.")

const isRefund = (event: Stripe.Event): event is About<Stripe.Refund> =>
  event.type.startsWith("refund.") || event.type === "charge.refund.updated"

const ask = <A>(request: () => Promise<A>) =>
  Effect.tryPromise({
    try: request,
    catch: (error) => new GatewayUnclear({ detail: (error as Error).message.split("\n")[0]! })
  })

const isCurrency = Schema.is(Currency)

const idOf = (one: string | { readonly id: string } | null | undefined): string | undefined =>
  typeof one === "string" ? one : one?.id

/** Which payment a charge is for, by what we wrote there; undefined where it is none of ours. */
const paymentOf = Effect.fnUntraced(function* (
  client: Stripe,
  intent: string | Stripe.PaymentIntent | null
) {
  if (intent === null) return undefined
  const { metadata } = typeof intent !== "string"
    ? intent
    : yield* ask(() => client.paymentIntents.retrieve(intent))
  return metadata["lastro_payment"]
})

const disputed = Effect.fnUntraced(function* (client: Stripe, dispute: Stripe.Dispute) {
  const { id: dispute_id, payment_intent } = dispute
  const payment_id = yield* paymentOf(client, payment_intent)
  return payment_id === undefined ? [] : [{ payment_id, dispute_id }]
})

/** One that we made says so. Any other was made in the dashboard, or by somebody else's program. */
const refunded = Effect.fnUntraced(function* (client: Stripe, refund: Stripe.Refund) {
  const { charge, id: refund_id, metadata, payment_intent } = refund
  const says = saysOf("", refund.status ?? undefined)
  const own = ownOf(metadata)
  if (own !== undefined) return [{ ...own, says }]
  const payment_id = yield* paymentOf(client, payment_intent)
  if (payment_id !== undefined) {
    return [{ payment_id, attempt: `${payment_id}.refund.${refund_id}`, refund_id, says }]
  }
  const charge_id = idOf(payment_intent) ?? idOf(charge) ?? refund_id
  return says === "made" ? strayOf("refund", charge_id, refund.amount, refund) : []
})

/** It does not name the refund that it is about. */
const refundsOf = Effect.fnUntraced(function* (client: Stripe, charge: Stripe.Charge) {
  const payment_intent = idOf(charge.payment_intent)
  if (payment_intent === undefined) return []
  const { data } = yield* ask(() =>
    client.refunds.list({ payment_intent, limit: REFUNDS_READ_MAX })
  )
  const others = data.filter(({ metadata }) => ownOf(metadata) === undefined)
  return (yield* Effect.forEach(others, (one) => refunded(client, one))).flat()
})

const ownOf = (metadata: Readonly<Record<string, string>> | null | undefined) => {
  const attempt = metadata?.["lastro_attempt"]
  const payment_id = metadata?.["lastro_payment"]
  return attempt === undefined || payment_id === undefined ? undefined : { attempt, payment_id }
}

const noticesOf = (event: Stripe.Event): ReadonlyArray<Notice> => {
  const about = event.data.object as {
    readonly metadata?: Readonly<Record<string, string>> | null
    readonly status?: string
  }
  const attempt = about.metadata?.["lastro_attempt"]
  if (attempt !== undefined && event.type.startsWith("payout.")) return [{ payout_id: attempt }]
  const own = ownOf(about.metadata)
  if (own !== undefined) return [{ ...own, says: saysOf(event.type, about.status) }]
  if (event.type !== "payment_intent.succeeded") return []
  const { amount_received, id } = event.data.object
  return strayOf("charge", id, amount_received, event.data.object)
}

const saysOf = (type: string, status: string | undefined) => {
  if (status === "succeeded" || status === "requires_capture") return "made" as const
  return status === "canceled" || status === "failed" || type === "payment_intent.payment_failed"
    ? "not_made" as const
    : "pending" as const
}

/** Money of nobody's payment. In a currency or an amount that we do not know it cannot be told. */
const strayOf = (
  kind: Stray["kind"],
  charge_id: string,
  told: number,
  of: { readonly currency: string; readonly created: number }
): ReadonlyArray<Notice> => {
  const currency = of.currency.toUpperCase()
  if (!isCurrency(currency)) return []
  const amount = fromStripe(told, currency)
  const at = of.created * 1_000
  return amount === undefined ? [] : [{ stray: { kind, charge_id, amount, currency, at } }]
}
