import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { imbalances, leaksIn, openShop, paidWith, settle, type Shop } from "../support/shop.ts"

const fx = {
  version: "2026-08-31",
  quote_seconds: 3_600,
  rates: [{ from: "BRL" as never, to: "KWD" as never, rate: "0.0562", spread_basis_points: 100 }]
}

let one: TestLastro
let acme: Shop
let nc: NatsConnection
let ask: ReturnType<typeof natsCaller>
beforeAll(async () => {
  one = await startTestLastro({ terms: { fx } })
  const credentials = await one.stack.merchantCredentials("acme")
  nc = await connectAs(one.stack, credentials)
  ask = natsCaller(nc, credentials.user)
  acme = await openShop(one, "acme")
  const { json } = await acme.pay()
  await settle(one, json.created_at)
  await eventually(async () => (await acme.available("BRL")) === "9701" || undefined, 40_000)
})
afterAll(async () => {
  await nc.close()
  await one.stop()
})

const wanted = { from: "BRL", to: "KWD", amount: 5_000, side: "from" }

test("a quote is a price that holds, and one conversion is made at it", async () => {
  const quoted = await acme.post("/v1/fx/quotes", wanted, { "idempotency-key": "q-1" })
  expect([quoted.status, quoted.json]).toMatchObject([201, {
    status: "open",
    from_amount: 5_000,
    to_amount: 2_781,
    rate: "0.0562",
    rates_version: "2026-08-31",
    spread: 28,
    rounding: 1
  }])
  expect(Date.parse(quoted.json.expires_at) - Date.parse(quoted.json.created_at)).toBe(3_600_000)
  const body = { quote_id: quoted.json.id }
  const made = await acme.post("/v1/fx/conversions", body, { "idempotency-key": "c-1" })
  expect([made.status, made.json.status]).toEqual([201, "completed"])
  expect(made.headers.get("location")).toBe(`/v1/fx/conversions/${made.json.id}`)
  const again = await acme.post("/v1/fx/conversions", body, { "idempotency-key": "c-1" })
  expect([again.status, again.json]).toEqual([201, made.json])
  const used = await acme.post("/v1/fx/conversions", body)
  expect([used.status, used.json.code]).toEqual([409, "quote_used"])
  expect((await acme.get(`/v1/fx/quotes/${quoted.json.id}`)).json).toMatchObject({
    status: "used",
    used_by: made.json.id
  })
  expect((await acme.get(`/v1/fx/conversions/${made.json.id}`)).json).toEqual(made.json)
  expect([await acme.available("BRL"), await acme.available("KWD")]).toEqual(["4701", "2781"])
  const { json: entries } = await acme.get(`/v1/journal?payment_id=${made.json.id}`)
  expect(entries.data.map(({ kind }: { kind: string }) => kind)).toEqual(["fx_conversion"])
})

test("another body under the same key, no rate, no quote and too little are refused", async () => {
  const post = async (path: string, body: object, key?: string) => {
    const headers = key === undefined ? {} : { "idempotency-key": key }
    const { json, status } = await acme.post(path, body, headers)
    return [status, json.code]
  }
  expect(await post("/v1/fx/quotes", { ...wanted, amount: 1 }, "q-1"))
    .toEqual([422, "idempotency_key_reused"])
  expect(await post("/v1/fx/quotes", { ...wanted, to: "USD" })).toEqual([422, "unknown_pair"])
  const quote_id = `fxq_${"0".repeat(26)}_brlkwd`
  expect(await post("/v1/fx/conversions", { quote_id })).toEqual([404, "quote_not_found"])
  const { json: large } = await acme.post("/v1/fx/quotes", { ...wanted, amount: 4_702 })
  expect(await post("/v1/fx/conversions", { quote_id: large.id }))
    .toEqual([409, "insufficient_funds"])
})

test("through NATS it is the same, and an operator takes it back", async () => {
  const body = { ...wanted, command_id: "q-2", amount: 1_000, side: "to" }
  const { quote } = await ask("quote", "acme", body)
  expect(quote).toMatchObject({ to_amount: 1_000, from_amount: 1_798 })
  const made = await ask("convert", "acme", { command_id: "c-2", quote_id: quote.id })
  expect(made).toMatchObject({ conversion: { status: "completed", to_amount: 1_000 } })
  expect(await ask("convert", "acme", { command_id: "c-2", quote_id: quote.id })).toEqual(made)
  expect([await acme.available("BRL"), await acme.available("KWD")]).toEqual(["2903", "3781"])
  const path = `/v1/fx/conversions/${made.conversion.id}/reverse?merchant=acme`
  const back = () =>
    operator("POST", path, {
      body: { rate: "original" },
      headers: { "idempotency-key": "r-1", prefer: "wait=30" }
    })
  const taken = await back()
  expect([taken.status, taken.json.status]).toEqual([201, "reversed"])
  expect((await back()).json).toEqual(taken.json)
  expect([await acme.available("BRL"), await acme.available("KWD")]).toEqual(["4701", "2781"])
  const { json: page } = await acme.get("/v1/fx/conversions?limit=1")
  expect(page).toMatchObject({ data: [{ status: "reversed" }], has_more: true })
  const { json: rest } = await acme.get(`/v1/fx/conversions?cursor=${page.next_cursor}`)
  expect(rest).toMatchObject({ data: [{ status: "completed" }], has_more: false })
})

const operator = async (
  ...asked: Parameters<TestLastro["ask"]> extends [unknown, ...infer R] ? R : never
) => one.ask(await one.operatorKey(), ...asked)

test("a payment is credited in another currency at its quote, and its refund takes that back", async () => {
  const asked = { from: "BRL", to: "KWD", amount: 10_000, side: "from" }
  const { json: quote } = await acme.post("/v1/fx/quotes", asked)
  const { json, status } = await acme.pay({ quote_id: quote.id })
  expect([status, json.status]).toEqual([201, "captured"])
  expect(json.credit).toMatchObject({ currency: "KWD", quote: quote.id, refund_rate: "original" })
  const pending = async () => (await acme.balances())["pending:KWD"]
  expect(await pending()).toEqual([json.credit.amount, 0])
  const { json: again } = await acme.pay({ quote_id: quote.id })
  expect(again.code).toBe("quote_used")
  const { json: refunded } = await acme.post(`/v1/payments/${json.id}/refunds`, { amount: 5_000 })
  const [{ credit }] = refunded.refunds
  expect(credit).toEqual({ amount: Math.floor(json.credit.amount / 2), rate: "original" })
  expect(await pending()).toEqual([json.credit.amount - credit.amount, 0])
  await acme.post(`/v1/payments/${json.id}/refunds`)
  expect(await pending()).toEqual([0, 0])
})

test("a payer whose card is declined pays with another at the same quote", async () => {
  const { json: quote } = await acme.post("/v1/fx/quotes", { ...wanted, amount: 10_000 })
  const first = await acme.pay({ quote_id: quote.id, ...paidWith("tok_declined_hard") })
  expect(first.json.status).toBe("failed")
  // Whoever tries again at the answer finds it open.
  const second = await acme.pay({ quote_id: quote.id })
  expect([second.status, second.json.status]).toEqual([201, "captured"])
  expect((await acme.get(`/v1/fx/quotes/${quote.id}`)).json.used_by).toBe(second.json.id)
  await acme.post(`/v1/payments/${second.json.id}/refunds`)
  const { json: other } = await acme.post("/v1/fx/quotes", { ...wanted, amount: 10_000 })
  await acme.pay({ quote_id: other.id, ...paidWith("tok_declined_hard") })
  await eventually(async () => {
    const { json: { status, used_by } } = await acme.get(`/v1/fx/quotes/${other.id}`)
    return (status === "open" && used_by === undefined) || undefined
  })
})

test("every currency balances, and the trading accounts hold what was exchanged", async () => {
  expect(await imbalances(one)).toEqual([])
  const rows = await query(
    one.stack.databaseUrl,
    `select currency, sum(posted_credits - posted_debits)::int as position
     from accounts where path like 'trading:fx:%' group by currency order by currency`
  )
  expect(rows).toEqual([{ currency: "BRL", position: 5_000 }, {
    currency: "KWD",
    position: -2_810
  }])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
