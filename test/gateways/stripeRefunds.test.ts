import type Stripe from "stripe"
import { afterAll, describe, expect, test } from "vitest"
import { openStripe, type Reply } from "../support/stripeServer.ts"

const desk = await openStripe({
  payment_id: "pay_1",
  attempt: "pay_1.refund.re_1",
  operation: "refund",
  amount: "0",
  currency: "BRL",
  charge_id: "pi_1"
})
const { answers, seen, told } = desk
afterAll(desk.stop)

const refund = (more: Partial<Stripe.Refund> = {}): Partial<Stripe.Refund> => ({
  id: "re_1",
  object: "refund",
  amount: 2_500,
  currency: "brl",
  charge: "ch_1",
  payment_intent: "pi_1",
  status: "succeeded",
  metadata: {},
  created: 1_800_000_000,
  ...more
})
const intent = (metadata: Stripe.Metadata = { lastro_payment: "pay_1" }): Reply => ({
  body: { id: "pi_1", object: "payment_intent", metadata } satisfies Partial<Stripe.PaymentIntent>
})
const listed = (...data: ReadonlyArray<object>): Reply => ({ body: { object: "list", data } })
const ours = { lastro_attempt: "pay_1.refund.ref_1", lastro_payment: "pay_1" }
const elsewhere = {
  payment_id: "pay_1",
  attempt: "pay_1.refund.re_1",
  refund_id: "re_1",
  says: "made"
}

describe("a webhook about a refund", () => {
  test.each(["refund.created", "refund.updated", "charge.refund.updated"])(
    "of the dashboard (%s) names the payment by what we wrote at its charge",
    async (type) => {
      answers([intent()])
      expect(await told(type, refund())).toEqual([elsewhere])
      expect(seen).toMatchObject([{ method: "GET", path: "/v1/payment_intents/pi_1" }])
    }
  )

  test("tells how it ended", async () => {
    answers([intent()])
    expect(await told("refund.failed", refund({ status: "failed" })))
      .toEqual([{ ...elsewhere, says: "not_made" }])
  })

  test("of our own names the attempt, and Stripe is not asked", async () => {
    answers([])
    expect(await told("refund.failed", refund({ status: "failed", metadata: ours })))
      .toEqual([{ payment_id: "pay_1", attempt: ours.lastro_attempt, says: "not_made" }])
  })

  test("of a charge tells of every refund there that we did not make", async () => {
    answers([listed(refund({ id: "re_0", metadata: ours }), refund()), intent()])
    const charge = { id: "ch_1", object: "charge", payment_intent: "pi_1", status: "succeeded" }
    expect(await told("charge.refunded", { ...charge, metadata: {} })).toEqual([elsewhere])
    expect(seen.map(({ path }) => path))
      .toEqual(["/v1/refunds?payment_intent=pi_1&limit=100", "/v1/payment_intents/pi_1"])
  })

  test("is taken again where Stripe cannot be asked", async () => {
    answers([{ status: 500, body: { error: { type: "api_error" } } }])
    expect(await told("refund.created", refund())).toMatchObject({ _tag: "GatewayUnclear" })
  })
})

describe("an inquiry about a refund of the dashboard", () => {
  test.each([["succeeded", "Approved"], ["pending", "Unknown"], ["failed", "Declined"]] as const)(
    "that is %s is %s, and tells its amount",
    async (status, tag) => {
      const outcome = await desk.inquire([{ body: refund({ status }) }], {}, { refund_id: "re_1" })
      expect(outcome).toMatchObject({ _tag: tag, ...(tag === "Approved" && { amount: 2_500n }) })
      expect(seen[0]!.path).toBe("/v1/refunds/re_1")
    }
  )
})

describe("what is not of ours", () => {
  const stray = { charge_id: "pi_9", amount: 4_200n, currency: "BRL", at: 1_800_000_000_000 }
  test("is told as a charge that nobody asked for", async () => {
    const made = { id: "pi_9", object: "payment_intent", amount: 4_200, amount_received: 4_200 }
    const more = { currency: "brl", created: 1_800_000_000, status: "succeeded", metadata: {} }
    expect(await told("payment_intent.succeeded", { ...made, ...more }))
      .toEqual([{ stray: { ...stray, kind: "charge" } }])
  })

  test("is told as a refund that nobody asked for, whatever it was of", async () => {
    answers([intent({})])
    const of = { amount: 4_200, payment_intent: "pi_9" }
    expect(await told("refund.created", refund(of)))
      .toEqual([{ stray: { ...stray, kind: "refund" } }])
    expect(await told("refund.created", refund({ ...of, payment_intent: null })))
      .toEqual([{ stray: { ...stray, kind: "refund", charge_id: "ch_1" } }])
  })

  test("and moved nothing, is nobody's business", async () => {
    expect(await told("payment_intent.created", { id: "pi_9", metadata: {} })).toEqual([])
  })
})
