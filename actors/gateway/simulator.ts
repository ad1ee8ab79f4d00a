import { Effect, Schema } from "effect"
import { Webhook } from "standardwebhooks"
import { Agent, request as undici } from "undici"
import { Currency } from "../../src/domain/currency.ts"
import { millisOf, Moment } from "../../src/domain/moment.ts"
import { sending } from "../../src/runtime/departure.ts"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import {
  type Answer,
  type Gateway,
  GatewayUnclear,
  GatewayUnreachable,
  type Notice,
  WebhookRefused
} from "./port.ts"

const Operation = Schema.Struct({
  charge_id: Schema.String,
  status: Schema.Literals(["approved", "declined", "requires_action"]),
  amount: Schema.Int,
  captured: Schema.Boolean,
  code: Schema.String,
  authorized_until: Schema.optionalKey(Moment),
  url: Schema.optionalKey(Schema.String),
  expires_at: Schema.optionalKey(Schema.String),
  answers: Schema.optionalKey(Schema.Int)
})
const decode = Schema.decodeUnknownEffect(Operation)

/** Connections to one gateway. Calls beyond it wait within their deadline. */
const CONNECTIONS_MAX = 128
const dispatcher = new Agent({ connections: CONNECTIONS_MAX, keepAliveTimeout: 60_000 })

const paths = {
  increment: "increments",
  capture: "captures",
  void: "voids",
  refund: "refunds"
} as const

const pathOf = ({ charge_id, dispute_id, operation }: typeof Call.Type): string => {
  switch (operation) {
    case "charge":
      return "/charges"
    case "payout":
      return "/payouts"
    case "evidence":
      return `/disputes/${dispute_id}/evidence`
    default:
      return `/charges/${charge_id}/${paths[operation]}`
  }
}

/** Decline codes after which the payer may try the same card again later. */
const softCodes: ReadonlySet<string> = new Set(["insufficient_funds"])

/** Speaks to the gateway simulator over HTTP (docs: the edge's contract). */
export const simulator = (
  baseUrl: string,
  finalityMillis: number,
  name = "simulator",
  webhookSecret?: string
): Gateway => ({
  ...(webhookSecret !== undefined && { readWebhook: readWebhook(webhookSecret) }),
  name,
  finalityMillis,
  perform: Effect.fnUntraced(function* (call, merchant) {
    const { body, status } = yield* request(baseUrl + pathOf(call), {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": call.attempt },
      body: JSON.stringify({
        merchant,
        payment_id: call.payment_id,
        amount: Number(call.amount),
        currency: call.currency,
        ...(call.operation === "charge" && { token: call.token, capture: call.capture }),
        ...(call.operation === "payout" && { token: call.token }),
        ...(call.operation === "evidence" && { evidence: call.evidence })
      })
    })
    if (status === 200) {
      const operation = yield* read(body)
      return { outcome: outcomeOf(operation), times: operation.answers ?? 1 } satisfies Answer
    }
    const refused = body as { code?: string; processed?: boolean }
    if (refused.processed === false && status === 503) {
      return yield* new GatewayUnreachable({ detail: `the gateway is closed: ${refused.code}` })
    }
    if (refused.processed === false) {
      const code = refused.code ?? "gateway_error"
      const detail = "the gateway refused before processing"
      return { outcome: { _tag: "NotProcessed", code, detail }, times: 1 } satisfies Answer
    }
    return yield* new GatewayUnclear({ detail: `the gateway answered ${status}` })
  }),
  inquire: Effect.fnUntraced(function* ({ attempt, dispute_id, operation }) {
    const isDispute = operation === "dispute"
    const path = isDispute
      ? `/disputes/${dispute_id}`
      : `/operations?key=${encodeURIComponent(attempt)}`
    const { body, status } = yield* request(baseUrl + path, { method: "GET" })
    if (status === 404) return undefined
    if (status !== 200) return yield* new GatewayUnclear({ detail: `answered ${status}` })
    return isDispute
      ? outcomeOfDispute(yield* readable(decodeDispute(body)))
      : outcomeOf(yield* read(body))
  })
})

const Dispute = Schema.Struct({
  id: Schema.String,
  amount: Schema.Int,
  currency: Schema.String,
  fee: Schema.Int,
  reason: Schema.String,
  evidence_due_by: Schema.String,
  status: Schema.Literals(["warning", "needs_response", "under_review", "won", "lost"])
})
const decodeDispute = Schema.decodeUnknownEffect(Dispute)

const outcomeOfDispute = ({ amount, fee, id, ...told }: typeof Dispute.Type): Outcome => ({
  _tag: "Disputed",
  ...told,
  dispute_id: id,
  amount: BigInt(amount),
  fee: BigInt(fee)
})

const News = Schema.Union([
  Schema.Struct({ dispute_id: Schema.String, payment_id: Schema.String }),
  Schema.Struct({
    type: Schema.Literals(["charge.made"]),
    charge_id: Schema.String,
    amount: Schema.Int,
    currency: Currency,
    at_millis: Schema.Finite
  }),
  Schema.Struct({
    key: Schema.String,
    payment_id: Schema.String,
    status: Operation.fields.status,
    refund_id: Schema.optionalKey(Schema.String)
  })
])
const decodeNews = Schema.decodeUnknownSync(News)

/** Signed by Standard Webhooks, as our own are. */
const readWebhook = (secret: string): NonNullable<Gateway["readWebhook"]> => {
  const signature = new Webhook(secret)
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature"]
  return ({ body, header }) =>
    Effect.try({
      try: (): ReadonlyArray<Notice> => {
        const headers = Object.fromEntries(names.map((name) => [name, header(name) ?? ""]))
        const news = decodeNews(signature.verify(body, headers))
        if ("dispute_id" in news) return [news]
        if ("type" in news) {
          const { amount, at_millis: at, charge_id, currency } = news
          return [{ stray: { kind: "charge", charge_id, amount: BigInt(amount), currency, at } }]
        }
        const { key, payment_id, refund_id, status } = news
        // A payout's attempt is the payout itself.
        if (key.startsWith("po_")) return [{ payout_id: key }]
        const says = status === "approved" ? "made" : status === "declined" ? "not_made" : "pending"
        return [
          {
            attempt: key,
            payment_id,
            says,
            ...(refund_id !== undefined && { refund_id })
          } as const
        ]
      },
      catch: (error) => new WebhookRefused({ detail: (error as Error).message })
    })
}

const read = (body: unknown) => readable(decode(body))

const readable = <A>(decoded: Effect.Effect<A, Schema.SchemaError>) =>
  decoded.pipe(
    Effect.mapError((error) =>
      new GatewayUnclear({ detail: `unreadable answer: ${error.message}` })
    )
  )

const outcomeOf = (operation: typeof Operation.Type): Outcome => {
  switch (operation.status) {
    case "approved":
      return {
        _tag: "Approved",
        charge_id: operation.charge_id,
        captured: operation.captured,
        amount: BigInt(operation.amount),
        ...(operation.authorized_until !== undefined && {
          authorized_until: millisOf(operation.authorized_until)!
        })
      }
    case "requires_action":
      return {
        _tag: "RequiresAction",
        charge_id: operation.charge_id,
        url: operation.url ?? "",
        expires_at: operation.expires_at ?? ""
      }
    case "declined":
      return {
        _tag: "Declined",
        code: operation.code,
        detail: `the gateway declined: ${operation.code}`,
        soft: softCodes.has(operation.code),
        charge_id: operation.charge_id
      }
  }
}

const request = (
  url: string,
  init: { method: "GET" | "POST"; headers?: Record<string, string>; body?: string }
) =>
  sending({
    try: async (signal) => {
      const answer = await undici(url, { ...init, signal, dispatcher })
      return { status: answer.statusCode, body: await answer.body.json() }
    },
    catch: (cause) => {
      const detail = `${(cause as Error).message} ${(cause as Error).cause ?? ""}`
      // Only a refused connection proves that nothing left.
      return isRefusedConnection(cause)
        ? new GatewayUnreachable({ detail })
        : new GatewayUnclear({ detail })
    }
  })

const isRefusedConnection = (error: unknown): boolean => {
  const { cause, code } = (error ?? {}) as { cause?: { code?: string }; code?: string }
  return code === "ECONNREFUSED" || cause?.code === "ECONNREFUSED"
}
