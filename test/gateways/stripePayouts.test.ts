import type Stripe from "stripe"
import { afterAll, expect, test } from "vitest"
import { openStripe, type Reply } from "../support/stripeServer.ts"

const ATTEMPT = `po_${"a".repeat(26)}`
const SENT_AT = 1_800_000_000_000
const desk = await openStripe({
  payment_id: "balance:BRL",
  attempt: ATTEMPT,
  operation: "payout",
  amount: "5000",
  currency: "BRL",
  token: "ba_1",
  first_sent_at: SENT_AT
})
const { inquire, perform, seen, told } = desk
afterAll(desk.stop)

const payout = (more: Partial<Stripe.Payout> = {}): Partial<Stripe.Payout> => ({
  id: "po_stripe",
  object: "payout",
  amount: 5_000,
  currency: "brl",
  status: "pending",
  failure_code: null,
  metadata: { lastro_attempt: ATTEMPT },
  ...more
})
const listed = (...data: ReadonlyArray<Partial<Stripe.Payout>>): Reply => ({
  body: { object: "list", data, has_more: false }
})

test("a payout goes out under its own key, with what finds it again", async () => {
  expect(await perform([{ body: payout() }])).toMatchObject({ _tag: "Unknown", underway: true })
  const [{ account, body, key, path }] = seen as [(typeof seen)[number]]
  expect([path, key, account]).toEqual(["/v1/payouts", ATTEMPT, undefined])
  expect(Object.fromEntries(body)).toEqual({
    amount: "5000",
    currency: "brl",
    destination: "ba_1",
    "metadata[lastro_attempt]": ATTEMPT,
    "metadata[lastro_merchant]": "acme"
  })
})

test("a token that can stand in no header is a fault of ours, and nothing was sent", async () => {
  await expect(perform([], { token: "acct_\u2713/ba_2" })).rejects.toThrow(/ByteString|header/i)
  expect(seen).toEqual([])
})

test("a connected account pays out of its own balance", async () => {
  await perform([{ body: payout() }], { token: "acct_7/ba_2" })
  expect(seen).toMatchObject([{ account: "acct_7" }])
  expect(seen[0]!.body.get("destination")).toBe("ba_2")
  await inquire([listed(), listed()], { token: "acct_7/" })
  expect(seen).toMatchObject([{ account: "acct_7" }, { account: "acct_7" }])
})

test.each<[string, Partial<Stripe.Payout>, object]>([
  ["paid", { status: "paid" }, { _tag: "Approved", charge_id: "po_stripe", amount: 5_000n }],
  ["in transit", { status: "in_transit" }, { _tag: "Unknown", underway: true }],
  ["failed", { status: "failed", failure_code: "account_closed" }, {
    _tag: "Declined",
    code: "account_closed"
  }],
  ["canceled", { status: "canceled" }, { _tag: "Declined", code: "canceled" }]
])(
  "one that is %s is told as that, when it is made and when it is asked about",
  async (_name, more, outcome) => {
    expect(await perform([{ body: payout(more) }])).toMatchObject(outcome)
    expect(await inquire([listed(payout(more))])).toMatchObject(outcome)
  }
)

test("without an answer it is unknown, and what Stripe will not pay is declined", async () => {
  expect(await perform(["hang up"])).toMatchObject({ _tag: "GatewayUnclear" })
  const error = { type: "invalid_request_error", code: "balance_insufficient" }
  expect(await perform([{ status: 400, body: { error } }]))
    .toMatchObject({ _tag: "Declined", code: "balance_insufficient" })
})

test("it is looked for from its first sending on, first in the minutes after it", async () => {
  const other = payout({ metadata: {} })
  expect(await inquire([listed(other), listed(payout({ status: "paid" }))]))
    .toMatchObject({ _tag: "Approved" })
  const looked = seen.map(({ path }) => new URL(path, "http://x").searchParams)
  const sent = SENT_AT / 1_000
  expect(looked.map((one) => [one.get("created[gte]"), one.get("created[lte]")])).toEqual([
    [`${sent - 300}`, `${sent + 300}`],
    [`${sent + 301}`, null]
  ])
  expect(await inquire([listed(), listed(other)])).toBeUndefined()
})

test("Stripe's word about a payout names it", async () => {
  expect(await told("payout.paid", payout({ status: "paid" }))).toEqual([{ payout_id: ATTEMPT }])
})
