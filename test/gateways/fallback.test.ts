import { Effect, Schema } from "effect"
import { Currency } from "../../src/domain/currency.ts"
import { afterAll, beforeAll, expect, test } from "vitest"
import { gateway } from "../../actors/gateway/actor.ts"
import { simulator } from "../../actors/gateway/simulator.ts"
import type { GatewayMessages } from "../../streams/messages/gateway.ts"
import type { MessageOf } from "../../src/runtime/actor.ts"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { imbalances, openShop, paidWith, type Shop } from "../support/shop.ts"

const asCurrency = Schema.decodeUnknownSync(Currency)

let one: TestLastro
let shop: Shop
beforeAll(async () => {
  one = await startTestLastro({
    finalityMillis: 2_000,
    gateways: {
      gateways: [
        { name: "first", kind: "simulator" },
        { name: "second", kind: "simulator" },
        { name: "slow_lane", kind: "simulator", rate_per_second: 1 }
      ],
      routing: {
        rules: [
          { name: "dollars", currencies: [asCurrency("USD")], to: [{ gateway: "slow_lane" }] },
          { name: "small", amount_below: 1_000n, to: [{ gateway: "second" }] },
          {
            name: "chain",
            currencies: [asCurrency("BRL")],
            to: [{ gateway: "first" }],
            fallback: ["second"],
            retry_soft_declines: true
          }
        ]
      }
    }
  })
  shop = await openShop(one, "acme")
})
afterAll(() => one.stop())

const url = (name: string) => one.lastro.simulators.get(name)!.url
const control = (name: string, body: object) =>
  fetch(`${url(name)}/control`, { method: "POST", body: JSON.stringify(body) })
const operations = async (name: string, id: string) =>
  (await fetch(`${url(name)}/book/${id}`)).json() as Promise<ReadonlyArray<{ status: string }>>
const routesOf = async (id: string) => {
  const { json } = await shop.get(`/v1/payments/${id}/trace`)
  return json.data.filter(({ kind }: { kind: string }) => kind === "route")
    .map(({ detail, title }: { title: string; detail: string }) => `${title}: ${detail}`)
}

test("the table sends each payment where it belongs, and the trace says why", async () => {
  const { json: small } = await shop.pay({ amount: 999 })
  const { json: large } = await shop.pay({ amount: 1_000 })
  expect([small.gateway, large.gateway]).toEqual(["second", "first"])
  expect(await routesOf(small.id)).toEqual(["routed to second: its rule leaves no other gateway"])
  expect(await routesOf(large.id)).toEqual(["routed to first: rule chain"])
})

test("what no rule is for is refused", async () => {
  const { json, status } = await shop.pay({ currency: "JPY" })
  expect([status, json.code]).toEqual([422, "no_gateway"])
})

test("an outage of one gateway is answered by the next, and nothing is charged twice", async () => {
  await control("first", { outage: true })
  const paid = await Promise.all(Array.from({ length: 30 }, () => shop.pay()))
  for (const { json } of paid) {
    expect(json).toMatchObject({ status: "captured", gateway: "second" })
    expect(await operations("first", json.id)).toEqual([])
    expect(await operations("second", json.id)).toMatchObject([{ status: "approved" }])
  }
  expect(await routesOf(paid[0]!.json.id)).toEqual([
    "routed to first: rule chain",
    "routed to second: rule chain, fallback 1; first said gateway_not_reached"
  ])
  // A refund goes where the money is.
  const { json } = paid[0]!
  await shop.post(`/v1/payments/${json.id}/refunds`, { amount: 100 })
  await shop.until(json.id, ({ amount_refunded }) => amount_refunded === 100)
})

test("a gateway that is down comes last, and is used again when it answers", async () => {
  const reason = await eventually(async () => {
    const { json } = await shop.pay()
    const [{ reason }] = json.attempts
    return /first down/.test(reason) ? reason : undefined
  }, 30_000)
  expect(reason).toBe("rule chain, fallback 1; first down")
  await control("first", { outage: false })
  await eventually(async () => (await shop.pay()).json.gateway === "first" || undefined, 60_000)
})

test("a soft decline goes on where the rule says so, and a charge that is unknown does not", async () => {
  const { json: declined } = await shop.pay(paidWith("tok_declined_soft"))
  expect(declined.attempts.map(({ gateway }: { gateway: string }) => gateway))
    .toEqual(["first", "second"])
  const { json } = await shop.pay(paidWith("tok_timeout_approved"))
  const captured = await shop.until(json.id, "captured")
  expect(captured.attempts).toHaveLength(1)
  expect(await operations("second", json.id)).toEqual([])
})

test("calls above a gateway's rate wait for their turn", async () => {
  const paid = await Promise.all(
    Array.from({ length: 3 }, () => shop.pay({ currency: "USD" }))
  )
  for (const { json } of paid) await shop.until(json.id, "captured")
  const waited = await Promise.all(paid.map(({ json }) => operations("slow_lane", json.id)))
  expect(waited.map((made) => made.length)).toEqual([1, 1, 1])
  const [waiting] = await query(
    one.stack.databaseUrl,
    `select count(*)::int as n from payments
      where doc->>'currency' = 'USD' and (doc->'attempts'->0->>'tries')::int > 0`
  )
  expect(waiting.n).toBeGreaterThanOrEqual(1)
})

test("a repeated delivery of a charge that has alternatives asks, and sends nothing", async () => {
  const actor = gateway([simulator(url("first"), 2_000, "first")])
  const message = (alternatives: boolean): MessageOf<typeof GatewayMessages> => ({
    type: "call",
    body: {
      payment_id: "pay_x",
      gateway: "first",
      attempt: `pay_x.charge.${alternatives}`,
      operation: "charge",
      amount: 100n,
      currency: asCurrency("BRL"),
      token: "tok_approved",
      capture: true,
      ...(alternatives && { alternatives })
    }
  })
  const repeated = async (alternatives: boolean) => {
    const outgoing = { merchant: "acme", type: "call", body: {}, redelivered: true }
    const [answer] = await Effect.runPromise(
      actor.call(message(alternatives), { ...outgoing, traceparent: undefined })
    )
    return (answer!.body as { outcome: { _tag: string } }).outcome._tag
  }
  expect(await repeated(true)).toBe("Withheld")
  expect(await operations("first", "pay_x")).toEqual([])
  expect(await repeated(false)).toBe("Approved")
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
