import { Effect } from "effect"
import Stripe from "stripe"
import { fetch } from "undici"
import { sending } from "../../src/runtime/departure.ts"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import { type AskedAbout, type Gateway, GatewayUnclear, GatewayUnreachable } from "./port.ts"
import { toStripe } from "./stripeAmount.ts"
import { listedSince } from "./stripeList.ts"
import { findPayout, outcomeOfPayout, payOut } from "./stripePayout.ts"
import { evidenceOf, outcomeOfDispute } from "./stripeDispute.ts"
import {
  defectOf,
  hasNoSearch,
  isMissing,
  outcomeOfError,
  outcomeOfIntent,
  outcomeOfRefund,
  REFUNDS_READ_MAX
} from "./stripeOutcome.ts"
import { readStripeWebhook } from "./stripeWebhook.ts"

interface StripeSettings {
  readonly name: string
  readonly apiKey: string
  /** Where the API is, for proxies and emulators; Stripe's own where left out. */
  readonly url?: string
  readonly webhookSecret?: string
  /** Where the payer comes back to after acting at the bank. */
  readonly returnUrl?: string
}

/** Longer than any deadline of ours; only keeps a dead connection from living for ever. */
const TIMEOUT_MILLIS = 20_000
/** Search lags behind by up to a minute; "knows nothing" is believed well after that. */
const FINALITY_MILLIS = 10 * 60_000

const clientOf = ({ apiKey, url }: StripeSettings): Stripe => {
  const at = url === undefined ? undefined : new URL(url)
  return new Stripe(apiKey, {
    // One owner per retry, and that is the payment.
    maxNetworkRetries: 0,
    timeout: TIMEOUT_MILLIS,
    telemetry: false,
    httpClient: Stripe.createFetchHttpClient(fetch as unknown as typeof globalThis.fetch),
    ...(at !== undefined && {
      host: at.hostname,
      port: at.port || (at.protocol === "http:" ? 80 : 443),
      protocol: at.protocol === "http:" ? "http" as const : "https" as const
    })
  })
}

/** What one request to Stripe became: a value, an outcome that ends the call, or a failure. */
const ask = <A>(
  operation: string,
  request: () => Promise<A>
): Effect.Effect<A, GatewayUnreachable | GatewayUnclear | Ended> =>
  sending({
    try: request,
    defectOf,
    catch: (error) => {
      if (error instanceof GatewayUnclear) return error
      const outcome = outcomeOfError(error, operation)
      return outcome instanceof GatewayUnreachable || outcome instanceof GatewayUnclear
        ? outcome
        : new Ended(outcome)
    }
  })

/** Stripe said no: the call has its outcome, and nothing more is asked. */
class Ended {
  readonly _tag = "Ended"
  readonly outcome: Outcome
  constructor(outcome: Outcome) {
    this.outcome = outcome
  }
}

/** Stripe through its own SDK. A charge is a PaymentIntent, confirmed as a second step. */
export const stripe = (settings: StripeSettings): Gateway => {
  const client = clientOf(settings)
  const inquire = Effect.fnUntraced(function* (asked: AskedAbout) {
    const { attempt, charge_id, dispute_id = "", operation, refund_id } = asked
    if (operation === "dispute" || operation === "evidence") {
      const dispute = yield* ask(operation, () => findDispute(client, dispute_id))
      if (dispute === undefined) return undefined
      if (operation === "dispute") return outcomeOfDispute(dispute)
      return dispute.metadata["lastro_evidence"] === attempt ? heardOut(asked) : undefined
    }
    if (operation === "refund") {
      if (refund_id !== undefined) {
        const found = yield* ask(operation, () => findRefund(client, refund_id))
        return found && outcomeOfRefund(found, asked)
      }
      if (charge_id === undefined) return undefined
      const refunds = yield* ask(
        operation,
        () => client.refunds.list({ payment_intent: charge_id, limit: REFUNDS_READ_MAX })
      )
      const refund = refunds.data.find(({ metadata }) => metadata?.["lastro_attempt"] === attempt)
      if (refund === undefined && refunds.has_more) {
        return yield* new GatewayUnclear({ detail: "the charge has more refunds than were read" })
      }
      return refund && outcomeOfRefund(refund, asked)
    }
    if (operation === "payout") {
      const payout = yield* ask(operation, () => findPayout(client, asked))
      return payout && outcomeOfPayout(payout, asked.currency)
    }
    const intent = charge_id === undefined
      ? yield* find(client, asked)
      : yield* ask(operation, () => client.paymentIntents.retrieve(charge_id))
    if (intent === undefined) return undefined
    switch (operation) {
      case "charge":
        return outcomeOfIntent(intent, asked)
      case "void":
        return intent.status === "canceled" ? done(intent, asked) : undefined
      default:
        return intent.metadata[`lastro_${operation}`] === attempt ? done(intent, asked) : undefined
    }
  })
  return {
    name: settings.name,
    finalityMillis: FINALITY_MILLIS,
    perform: (call, merchant) =>
      operate(client, settings, call, merchant).pipe(
        Effect.catchTag("Ended", ({ outcome }) => Effect.succeed(outcome)),
        Effect.map((outcome) => ({ outcome, times: 1 }))
      ),
    inquire: (asked) =>
      inquire(asked).pipe(
        Effect.catchTag("Ended", ({ outcome }) =>
          // What a read is refused for says nothing about the attempt.
          Effect.fail(new GatewayUnclear({ detail: `the inquiry was refused: ${outcome._tag}` })))
      ),
    ...(settings.webhookSecret !== undefined && {
      readWebhook: readStripeWebhook(client, settings.webhookSecret)
    })
  }
}

const done = (intent: Stripe.PaymentIntent, { amount }: AskedAbout): Outcome => ({
  _tag: "Approved",
  charge_id: intent.id,
  captured: true,
  amount
})

/** Undefined where Stripe knows none of this name. */
const findDispute = (client: Stripe, id: string): Promise<Stripe.Dispute | undefined> =>
  client.disputes.retrieve(id).catch(unlessMissing)

const findRefund = (client: Stripe, id: string): Promise<Stripe.Refund | undefined> =>
  client.refunds.retrieve(id).catch(unlessMissing)

const unlessMissing = (error: unknown): undefined => {
  if (isMissing(error)) return undefined
  throw error
}

/** Stripe has what is said against a dispute. */
const heardOut = (
  { amount, charge_id = "" }: Pick<AskedAbout, "amount" | "charge_id">
): Outcome => ({ _tag: "Approved", charge_id, captured: true, amount })

/** Search first; where it is not offered, what was made since the attempt was first sent. */
const find = (client: Stripe, { attempt, first_sent_at }: AskedAbout) =>
  ask("search", async () => {
    const query = `metadata['lastro_attempt']:'${attempt}'`
    try {
      return (await client.paymentIntents.search({ query, limit: 1 })).data[0]
    } catch (error) {
      if (!hasNoSearch(error)) throw error
      return await listedSince(
        first_sent_at,
        (params) => client.paymentIntents.list(params),
        ({ metadata }) => metadata["lastro_attempt"] === attempt
      )
    }
  })

const operate = Effect.fnUntraced(function* (
  client: Stripe,
  settings: StripeSettings,
  call: typeof Call.Type,
  merchant: string
) {
  const { attempt, charge_id = "", currency, operation } = call
  const amount = toStripe(call.amount, currency)
  if (amount === undefined) {
    const detail = `Stripe has no way to say ${call.amount} ${currency}`
    return { _tag: "NotProcessed", code: "amount_not_possible", detail } satisfies Outcome
  }
  const key = { idempotencyKey: attempt }
  switch (operation) {
    case "payout":
      return outcomeOfPayout(
        yield* ask(operation, () => payOut(client, call, merchant, amount)),
        currency
      )
    case "charge":
      return yield* charge(client, settings, call, merchant, amount)
    case "increment": {
      const before = yield* ask(operation, () => client.paymentIntents.retrieve(charge_id))
      if (before.metadata["lastro_increment"] === attempt) return done(before, call)
      const increased = { amount: before.amount + amount, metadata: { lastro_increment: attempt } }
      const intent = yield* ask(
        operation,
        () => client.paymentIntents.incrementAuthorization(charge_id, increased, key)
      )
      return done(intent, call)
    }
    case "capture": {
      const before = yield* ask(operation, () => client.paymentIntents.retrieve(charge_id))
      const rest = before.amount_capturable === amount || call.final === true
      const intent = yield* ask(operation, () =>
        client.paymentIntents.capture(charge_id, {
          amount_to_capture: amount,
          metadata: { lastro_capture: attempt },
          // Without it Stripe gives the rest back; with it the account needs multicapture.
          ...(!rest && { final_capture: false })
        }, key))
      return done(intent, call)
    }
    case "void":
      return done(
        yield* ask(operation, () => client.paymentIntents.cancel(charge_id, {}, key)),
        call
      )
    case "refund":
      return outcomeOfRefund(
        yield* ask(operation, () =>
          client.refunds.create({
            payment_intent: charge_id,
            amount,
            metadata: { lastro_attempt: attempt, lastro_payment: call.payment_id }
          }, key)),
        call
      )
    case "evidence": {
      const { dispute_id = "", evidence = { documents: [], text: "" } } = call
      yield* ask(operation, () =>
        client.disputes.update(dispute_id, {
          evidence: evidenceOf(evidence),
          metadata: { lastro_evidence: attempt },
          submit: true
        }, key))
      return heardOut(call)
    }
  }
})

const charge = Effect.fnUntraced(function* (
  client: Stripe,
  { returnUrl }: StripeSettings,
  call: typeof Call.Type,
  merchant: string,
  amount: number
) {
  const { attempt, currency, payment_id, token = "" } = call
  const created = yield* ask("create", () =>
    client.paymentIntents.create({
      amount,
      currency: currency.toLowerCase(),
      payment_method: token,
      capture_method: call.capture === true ? "automatic" : "manual",
      metadata: {
        lastro_attempt: attempt,
        lastro_payment: payment_id,
        lastro_merchant: merchant,
        ...(call.reference !== undefined && { reference: call.reference })
      }
    }, { idempotencyKey: `${attempt}/create` })).pipe(
      // An intent that was not confirmed moves no money: whatever became of it, nothing was sent.
      Effect.catchTag(
        "GatewayUnclear",
        ({ detail }) => Effect.fail(new GatewayUnreachable({ detail }))
      )
    )
  const confirmed = created.status !== "requires_confirmation"
    ? created
    : yield* ask("confirm", () =>
      client.paymentIntents.confirm(created.id, {
        ...(returnUrl !== undefined && { return_url: returnUrl })
      }, { idempotencyKey: `${attempt}/confirm` }))
  const outcome = outcomeOfIntent(confirmed, call)
  return outcome ?? (yield* new GatewayUnclear({ detail: `the intent is ${confirmed.status}` }))
})
