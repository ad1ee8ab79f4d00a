import { randomUUID } from "node:crypto"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro()
})
afterAll(() => one.stop())

const AT_ONCE = 30

/** The answers to so many commands, several at a time. */
const many = async <A>(count: number, send: (nth: number) => Promise<A>): Promise<Array<A>> => {
  const answers: Array<A> = []
  for (let first = 0; first < count; first += AT_ONCE) {
    const batch = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, n) => first + n)
    answers.push(...await Promise.all(batch.map(send)))
  }
  return answers
}
const countsOf = (answers: ReadonlyArray<{ status: number; json: { code?: string } }>) => {
  const counts: Record<string, number> = {}
  for (const { json, status } of answers) {
    const name = `${status} ${json.code ?? ""}`.trim()
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}
const refund = (shop: Shop, id: string, amount: number, key = randomUUID()) =>
  shop.post(`/v1/payments/${id}/refunds`, { amount }, { "idempotency-key": key })

test("two hundred refused commands keep no right one from being taken", async () => {
  const shop = await openShop(one, "refused_often")
  const { json: { id } } = await shop.pay({ capture: "manual" })
  const path = `/v1/payments/${id}`
  const refused = await many(205, () => shop.post(`${path}/capture`, { amount: 99_999 }))
  expect(countsOf(refused)).toEqual({ "422 amount_too_large": 205 })
  expect((await shop.post(`${path}/capture`, { amount: 9_000 })).status).toBe(201)
  expect((await shop.post(`${path}/void`)).status).toBe(201)
  expect((await refund(shop, id, 1_000)).status).toBe(201)
  const operator = await one.operatorKey()
  const opened = await one.ask(operator, "POST", `${path}/disputes`, {
    body: { dispute_id: "dp_1", amount: 2_000 },
    headers: { "idempotency-key": randomUUID(), prefer: "wait=30" }
  })
  expect(opened.status).toBe(201)
  const dispute = `${path}/disputes/dp_1`
  expect((await shop.post(`${dispute}/evidence`, { text: "delivered" })).status).toBe(201)
  expect((await shop.post(`${dispute}/accept`)).status).toBe(201)
  // What was refused is told to whoever asks what happened.
  const { json: trace } = await shop.get(`${path}/trace`)
  const commands = trace.data.filter(({ kind }: { kind: string }) => kind === "command")
  expect(commands.map(({ title }: { title: string }) => title)).toContain(
    "capture refused: amount_too_large"
  )
})

test("a payment is refunded in as many parts as its buyer sends back", async () => {
  const shop = await openShop(one, "in_parts")
  const { json: { id } } = await shop.pay({ amount: 100_000 })
  const keys = Array.from({ length: 210 }, () => randomUUID())
  const answers = await many(keys.length, (nth) => refund(shop, id, 10, keys[nth]))
  expect(countsOf(answers)).toEqual({ "201": 210 })
  const { json } = await shop.get(`/v1/payments/${id}`)
  expect(json.amount_refunded).toBe(2_100)
  expect(json.refunds).toHaveLength(210)
  expect(json.attempts).toHaveLength(211)
  // An answer and an event show the latest only: they are made anew with every command.
  expect(answers.at(-1)!.json.refunds.length).toBeLessThan(100)
  for (const key of [keys[0]!, keys[100]!, keys[209]!]) {
    const again = await refund(shop, id, 10, key)
    expect(again).toMatchObject({ status: 201, json: { amount_refunded: 2_100 } })
    expect(await refund(shop, id, 11, key)).toMatchObject({ status: 422 })
  }
  const refunds = (await gatewayOf(one).operations(id)).filter(({ kind }) => kind === "refund")
  expect([refunds.length, refunds.every(({ requests }) => requests === 1)]).toEqual([210, true])
  expect(await shop.balances()).toMatchObject({ "pending:BRL": [97_010 - 2_037, 0] })
})

test("a command that came too early is taken under its own key when its time has come", async () => {
  const shop = await openShop(one, "too_early")
  const { json: { id } } = await shop.pay({ capture: "manual" })
  const capture = (key: string, headers = {}) =>
    shop.post(`/v1/payments/${id}/capture`, { amount: 1_000 }, {
      "idempotency-key": key,
      ...headers
    })
  const keys = Array.from({ length: 6 }, () => randomUUID())
  const answers = await Promise.all(keys.map((key) => capture(key)))
  const early = answers.flatMap(({ json, status }, nth) =>
    status === 201 ? [] : [[keys[nth]!, json] as const]
  )
  expect(early.length).toBeGreaterThan(0)
  for (const [, json] of early) {
    expect(json).toMatchObject({ code: "operation_in_progress", retryable: true })
  }
  for (const [key] of early) expect((await capture(key)).status).toBe(201)
  // Nor does it matter that the first try was not waited for.
  const hasty = Array.from({ length: 4 }, () => randomUUID())
  await eventually(async () => {
    await Promise.all(hasty.map((key) => capture(key, { prefer: "" })))
    const { json } = await shop.get(`/v1/payments/${id}`)
    return json.status === "captured" ? true : undefined
  })
  expect((await shop.get(`/v1/payments/${id}`)).json).toMatchObject({
    status: "captured",
    amount_captured: 10_000
  })
})

test("the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
