import { Effect } from "effect"
import fc from "fast-check"
import type Stripe from "stripe"
import { afterAll, describe, expect, test } from "vitest"
import { stripe } from "../../actors/gateway/stripe.ts"
import { fromStripe, toStripe } from "../../actors/gateway/stripeAmount.ts"
import { currencyCodes } from "../../src/domain/currency.ts"
import { openStripe, type Reply } from "../support/stripeServer.ts"

const desk = await openStripe({
  payment_id: "pay_1",
  attempt: "pay_1.charge.1",
  operation: "charge",
  amount: "10000",
  currency: "BRL",
  capture: true,
  token: "pm_card_visa"
})
const { call, inquire, perform, seen } = desk
afterAll(desk.stop)

type Intent = Partial<Stripe.PaymentIntent>
const intent = (more: Intent): Reply => ({
  body: {
    id: "pi_1",
    object: "payment_intent",
    amount: 10_000,
    metadata: {},
    last_payment_error: null,
    ...more
  } satisfies Intent
})
const created = () => intent({ status: "requires_confirmation" })
const failed = (status: number, error: Partial<Stripe.StripeRawError>): Reply => ({
  status,
  body: { error }
})

describe("a charge", () => {
  test("is made under one key and confirmed under another, with what finds it again", async () => {
    const outcome = await perform([created(), intent({ status: "succeeded" })])
    expect(outcome).toEqual({
      _tag: "Approved",
      charge_id: "pi_1",
      captured: true,
      amount: 10_000n
    })
    expect(seen.map(({ key, path }) => [path, key])).toEqual([
      ["/v1/payment_intents", "pay_1.charge.1/create"],
      ["/v1/payment_intents/pi_1/confirm", "pay_1.charge.1/confirm"]
    ])
    expect(Object.fromEntries(seen[0]!.body)).toMatchObject({
      amount: "10000",
      currency: "brl",
      capture_method: "automatic",
      payment_method: "pm_card_visa",
      "metadata[lastro_attempt]": "pay_1.charge.1",
      "metadata[lastro_merchant]": "acme"
    })
  })

  test.each<[string, ReadonlyArray<Reply>, object]>([
    ["an authorization", [created(), intent({ status: "requires_capture" })], {
      _tag: "Approved",
      captured: false
    }],
    ["a payer who has to act", [
      created(),
      intent({
        status: "requires_action",
        next_action: {
          type: "redirect_to_url",
          redirect_to_url: { url: "https://bank", return_url: null }
        }
      })
    ], { _tag: "RequiresAction", url: "https://bank" }],
    ["a soft decline", [
      created(),
      failed(402, { type: "card_error", code: "card_declined", decline_code: "insufficient_funds" })
    ], { _tag: "Declined", soft: true, code: "insufficient_funds" }],
    ["a hard decline", [
      created(),
      failed(402, { type: "card_error", code: "card_declined", decline_code: "lost_card" })
    ], { _tag: "Declined", soft: false, code: "lost_card" }],
    ["a token it does not know", [
      failed(400, { type: "invalid_request_error", code: "resource_missing" })
    ], { _tag: "NotProcessed", code: "resource_missing" }],
    ["a wrong key", [failed(401, { type: "invalid_request_error" })], {
      _tag: "NotProcessed",
      code: "gateway_refuses_us"
    }],
    ["too many requests", [created(), failed(429, { code: "rate_limit" })], {
      _tag: "GatewayUnreachable"
    }],
    ["a creation without an answer: nothing was asked of the card", ["hang up"], {
      _tag: "GatewayUnreachable"
    }],
    ["a confirmation without an answer", [created(), "hang up"], { _tag: "GatewayUnclear" }],
    ["a confirmation that broke there", [created(), failed(500, { type: "api_error" })], {
      _tag: "GatewayUnclear"
    }],
    ["one that somebody confirmed before", [
      created(),
      failed(400, { type: "invalid_request_error", code: "payment_intent_unexpected_state" })
    ], { _tag: "GatewayUnclear" }]
  ])("tells %s", async (_name, next, outcome) => {
    expect(await perform(next)).toMatchObject(outcome)
    expect(desk.left()).toBe(0)
  })

  test("that cannot be said in Stripe's units is not sent", async () => {
    const odd = { currency: "MGA", amount: "12345" }
    expect(await perform([], odd)).toMatchObject({ _tag: "NotProcessed" })
    expect(seen).toEqual([])
  })

  test("at a host that refuses the connection was not sent", async () => {
    const away = stripe({ name: "stripe", apiKey: "sk_test_1", url: "http://127.0.0.1:9" })
    const error = await Effect.runPromise(Effect.flip(away.perform(call(), "acme")))
    expect(error._tag).toBe("GatewayUnreachable")
  })
})

describe("what follows a charge", () => {
  test("a part is captured without giving the rest back, and the rest with it", async () => {
    const capture = { operation: "capture", charge_id: "pi_1", attempt: "a", amount: "4000" }
    await perform([intent({ amount_capturable: 10_000 }), intent({})], capture)
    expect(seen[1]!.body.get("final_capture")).toBe("false")
    await perform([intent({ amount_capturable: 4_000 }), intent({})], capture)
    expect(seen[1]!.body.get("final_capture")).toBeNull()
    expect(seen[1]!.body.get("amount_to_capture")).toBe("4000")
  })

  test.each<[Stripe.Refund["status"], string]>([
    ["succeeded", "Approved"],
    ["pending", "Unknown"],
    ["failed", "Declined"]
  ])("a refund that is %s is %s", async (status, tag) => {
    const refund = {
      id: "re_1",
      object: "refund",
      amount: 950,
      status
    } satisfies Partial<Stripe.Refund>
    const asked = { operation: "refund", charge_id: "pi_1", attempt: "a" }
    // What was given back is Stripe's to say, whatever was asked for.
    const made = tag === "Approved" ? { _tag: tag, amount: 950n } : { _tag: tag }
    expect(await perform([{ body: refund }], asked)).toMatchObject(made)
    expect(seen[0]).toMatchObject({ path: "/v1/refunds", key: "a" })
    const list = { object: "list", data: [{ ...refund, metadata: { lastro_attempt: "a" } }] }
    expect(await inquire([{ body: list }], asked)).toMatchObject(made)
    expect(await inquire([{ body: { ...list, data: [] } }], asked)).toBeUndefined()
  })

  test("what Stripe will not do is declined", async () => {
    const no = failed(400, {
      type: "invalid_request_error",
      code: "payment_intent_unexpected_state"
    })
    expect(await perform([no], { operation: "void", charge_id: "pi_1", attempt: "a" }))
      .toMatchObject({ _tag: "Declined", code: "payment_intent_unexpected_state" })
  })
})

describe("an inquiry", () => {
  const found = (more: Intent): Reply => ({
    body: { object: "search_result", data: [(intent(more) as { body: unknown }).body] }
  })

  test("finds the charge by its metadata", async () => {
    expect(await inquire([found({ status: "succeeded" })])).toMatchObject({ _tag: "Approved" })
    expect(decodeURIComponent(seen[0]!.path)).toContain(
      "metadata['lastro_attempt']:'pay_1.charge.1'"
    )
  })

  test("knows nothing of a charge that was never confirmed", async () => {
    expect(await inquire([found({ status: "requires_confirmation" })])).toBeUndefined()
    expect(await inquire([{ body: { object: "search_result", data: [] } }])).toBeUndefined()
  })

  test("without a search is unclear where more was made than it reads", async () => {
    const noSearch = failed(400, { type: "invalid_request_error" })
    const page = (nth: number, made: number): Reply => ({
      body: {
        object: "list",
        has_more: nth < 9,
        data: Array.from({ length: made }, (_, one) => ({ id: `pi_${nth}_${one}`, metadata: {} }))
      }
    })
    const pages = Array.from({ length: 10 }, (_, nth) => page(nth, 100))
    await expect(inquire([noSearch, ...pages])).rejects.toMatchObject({ _tag: "GatewayUnclear" })
    // One less, and all of them were read.
    expect(await inquire([noSearch, ...pages.slice(0, 9), page(9, 99)])).toBeUndefined()
  })

  test("about a refund is unclear where the charge has more of them than it reads", async () => {
    const refunds = (has_more: boolean): Reply => ({ body: { object: "list", data: [], has_more } })
    const refund = { operation: "refund", charge_id: "pi_1", attempt: "pay_1.refund.ref_1" }
    await expect(inquire([refunds(true)], refund)).rejects
      .toMatchObject({ _tag: "GatewayUnclear" })
    expect(await inquire([refunds(false)], refund)).toBeUndefined()
  })

  test("tells a decline that came late", async () => {
    const last_payment_error = { type: "card_error", decline_code: "expired_card" } as never
    expect(await inquire([found({ status: "requires_payment_method", last_payment_error })]))
      .toMatchObject({ _tag: "Declined", code: "expired_card" })
  })
})

test("amounts go to Stripe's units and back", () => {
  expect(toStripe(500n, "ISK")).toBe(50_000)
  expect(toStripe(1_230n, "KWD")).toBe(1_230)
  expect(toStripe(1_234n, "KWD")).toBeUndefined()
  expect(toStripe(10_000n, "MGA")).toBe(100)
  const amount = fc.bigInt({ min: 0n, max: 10n ** 12n })
  fc.assert(fc.property(fc.constantFrom(...currencyCodes), amount, (currency, each) => {
    const sent = toStripe(each, currency)
    if (sent !== undefined) expect(fromStripe(sent, currency)).toBe(each)
  }))
})
