import type Stripe from "stripe"
import { afterAll, describe, expect, test } from "vitest"
import { evidenceOf } from "../../actors/gateway/stripeDispute.ts"
import { openStripe, type Reply } from "../support/stripeServer.ts"

const desk = await openStripe({
  payment_id: "pay_1",
  attempt: "pay_1.evidence.1",
  operation: "evidence",
  amount: "10000",
  currency: "BRL",
  charge_id: "pi_1",
  dispute_id: "du_1",
  evidence: { text: "it was delivered", documents: ["receipt:file_1", "file_2", "note-7"] }
})
const { answers, perform, seen, told } = desk
afterAll(desk.stop)

const dispute = (more: Partial<Stripe.Dispute> = {}): Partial<Stripe.Dispute> => ({
  id: "du_1",
  object: "dispute",
  amount: 10_000,
  currency: "brl",
  charge: "ch_1",
  payment_intent: "pi_1",
  reason: "product_not_received",
  status: "needs_response",
  metadata: {},
  balance_transactions: [],
  evidence_details: { due_by: 1_800_000_000 } as Stripe.Dispute.EvidenceDetails,
  ...more
})
const intent = {
  body: {
    id: "pi_1",
    object: "payment_intent",
    metadata: { lastro_payment: "pay_1" }
  } satisfies Partial<Stripe.PaymentIntent>
}
const failed = (status: number, error: Partial<Stripe.StripeRawError>): Reply => ({
  status,
  body: { error }
})

const inquire = (next: ReadonlyArray<Reply>, operation?: "dispute") =>
  desk.inquire(next, {}, operation && { operation })

describe("a webhook about a dispute", () => {
  test.each(["created", "updated", "closed", "funds_withdrawn", "funds_reinstated"])(
    "that is %s names the payment by what we wrote at its charge, and no more",
    async (what) => {
      answers([intent])
      expect(await told(`charge.dispute.${what}`, dispute({ status: "lost" })))
        .toEqual([{ payment_id: "pay_1", dispute_id: "du_1" }])
      expect(seen).toMatchObject([{ method: "GET", path: "/v1/payment_intents/pi_1" }])
    }
  )

  test("is not taken where Stripe cannot be asked, and of no use where the charge is not ours", async () => {
    answers([failed(500, { type: "api_error" })])
    expect(await told("charge.dispute.created", dispute()))
      .toMatchObject({ _tag: "GatewayUnclear" })
    answers([{ body: { ...intent.body, metadata: {} } }])
    expect(await told("charge.dispute.created", dispute())).toEqual([])
    expect(await told("charge.dispute.created", dispute({ payment_intent: null }))).toEqual([])
  })
})

describe("an inquiry about a dispute", () => {
  test("tells what was taken back, by when to answer and what Stripe charges", async () => {
    const withdrawn = { currency: "brl", amount: -10_000, fee: 5_500, net: -15_500 }
    const elsewhere = { currency: "usd", amount: -2_000, fee: 1_500, net: -3_500 }
    const found = dispute({
      balance_transactions: [withdrawn, elsewhere] as unknown as Array<Stripe.BalanceTransaction>
    })
    expect(await inquire([{ body: found }], "dispute")).toEqual({
      _tag: "Disputed",
      dispute_id: "du_1",
      amount: 10_000n,
      currency: "BRL",
      fee: 5_500n,
      reason: "product_not_received",
      evidence_due_by: "2027-01-15T08:00:00.000Z",
      status: "needs_response"
    })
    expect(seen[0]!.path).toBe("/v1/disputes/du_1")
  })

  test.each([
    ["warning_needs_response", "warning"],
    ["warning_closed", "warning"],
    ["prevented", "warning"],
    ["under_review", "under_review"],
    ["appeal_under_review", "under_review"],
    ["won", "won"],
    ["lost", "lost"]
  ])("in the state %s is %s", async (status, ours) => {
    const found = dispute({ status: status as Stripe.Dispute.Status })
    expect(await inquire([{ body: found }], "dispute")).toMatchObject({ status: ours })
  })
})

describe("a dispute that Stripe does not know", () => {
  const missing = failed(404, { type: "invalid_request_error", code: "resource_missing" })

  test("is known nowhere, and one that cannot be asked about may be", async () => {
    expect(await inquire([missing], "dispute")).toBeUndefined()
    expect(await inquire([missing])).toBeUndefined()
    await expect(inquire([failed(500, { type: "api_error" })], "dispute"))
      .rejects.toMatchObject({ _tag: "GatewayUnclear" })
  })
})

describe("evidence", () => {
  test("is submitted under the attempt's key, and found again by it", async () => {
    expect(await perform([{ body: dispute({ status: "under_review" }) }]))
      .toEqual({ _tag: "Approved", charge_id: "pi_1", captured: true, amount: 10_000n })
    const [{ body, key, method, path }] = seen as [(typeof seen)[number]]
    expect([method, path, key]).toEqual(["POST", "/v1/disputes/du_1", "pay_1.evidence.1"])
    expect(Object.fromEntries(body)).toEqual({
      "evidence[receipt]": "file_1",
      "evidence[uncategorized_file]": "file_2",
      "evidence[uncategorized_text]": "it was delivered\nnote-7",
      "metadata[lastro_evidence]": "pay_1.evidence.1",
      submit: "true"
    })
    const kept = dispute({ metadata: { lastro_evidence: "pay_1.evidence.1" } })
    expect(await inquire([{ body: kept }])).toMatchObject({ _tag: "Approved" })
    expect(await inquire([{ body: dispute() }])).toBeUndefined()
  })

  test("without an answer is unknown, and what Stripe will not take is declined", async () => {
    expect(await perform(["hang up"])).toMatchObject({ _tag: "GatewayUnclear" })
    expect(await perform([failed(400, { type: "invalid_request_error", code: "dispute_closed" })]))
      .toMatchObject({ _tag: "Declined", code: "dispute_closed" })
  })

  test("of one kind Stripe takes one; what is beyond it is named in the text", () => {
    expect(evidenceOf({ text: "a", documents: ["file_1", "file_2", "nonsense:file_3"] })).toEqual({
      uncategorized_file: "file_1",
      uncategorized_text: "a\nfile_2\nnonsense:file_3"
    })
  })
})
