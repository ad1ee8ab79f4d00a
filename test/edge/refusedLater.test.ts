import { randomUUID } from "node:crypto"
import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { imbalances, openShop, order, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let nc: NatsConnection
let ask: ReturnType<typeof natsCaller>
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  const credentials = await one.stack.merchantCredentials("acme")
  nc = await connectAs(one.stack, credentials)
  ask = natsCaller(nc, credentials.user)
})
afterAll(async () => {
  await nc.close()
  await one.stop()
})

const NOBODY_WAITS = { prefer: "" }

/** All that can be refused after its 202: what is asked, where, and the answer that nobody waited for. */
const cases: Readonly<
  Record<string, () => Promise<readonly [path: string, body: object, refusal: [number, string]]>>
> = {
  payment: () =>
    Promise.resolve([
      "/v1/payments",
      { ...order, splits: [{ recipient: "a", amount: 10_000 }] },
      [422, "invalid_splits"]
    ]),
  payout: () =>
    Promise.resolve([
      "/v1/payouts",
      { currency: "BRL", amount: 1, destination: "ba_1" },
      [409, "insufficient_funds"]
    ]),
  transfer: () =>
    Promise.resolve([
      "/v1/transfers",
      { currency: "BRL", amount: 1, to: { recipient: "a" } },
      [409, "insufficient_funds"]
    ]),
  quote: () =>
    Promise.resolve([
      "/v1/fx/quotes",
      { from: "USD", to: "JPY", amount: 1, side: "from" },
      [422, "unknown_pair"]
    ]),
  conversion: () =>
    Promise.resolve([
      "/v1/fx/conversions",
      { quote_id: `fxq_${"0".repeat(26)}_usdbrl` },
      [404, "quote_not_found"]
    ]),
  capture: async () => {
    const { json } = await shop.pay({ capture: "manual" })
    return [`/v1/payments/${json.id}/capture`, { amount: 10_001 }, [422, "amount_too_large"]]
  },
  increment: async () => {
    const { json } = await shop.pay()
    return [`/v1/payments/${json.id}/increment`, { amount: 1 }, [409, "invalid_state"]]
  },
  void: async () => {
    const { json } = await shop.pay()
    return [`/v1/payments/${json.id}/void`, {}, [409, "invalid_state"]]
  },
  refund: async () => {
    const { json } = await shop.pay()
    return [`/v1/payments/${json.id}/refunds`, { amount: 10_001 }, [422, "amount_too_large"]]
  },
  evidence: async () => {
    const { json } = await shop.pay()
    const path = `/v1/payments/${json.id}/disputes/dp_1/evidence`
    return [path, { text: "delivered" }, [404, "dispute_not_found"]]
  }
}

describe("a command that is refused after its 202", () => {
  test.each(Object.keys(cases))("%s: Location tells why, and so does the repeat", async (name) => {
    const [path, body, [status, code]] = await cases[name]!()
    const headers = { ...NOBODY_WAITS, "idempotency-key": `a key/with?signs&${randomUUID()}` }
    headers["idempotency-key"] = headers["idempotency-key"].replaceAll(" ", "+")
    const taken = await shop.post(path, body, headers)
    expect(taken.status).toBe(202)
    const location = taken.headers.get("location")!
    const found = await eventually(async () => {
      const answer = await shop.get(location)
      return answer.json.code === code ? answer : undefined
    })
    expect(found.status).toBe(status)
    expect(found.headers.get("content-type")).toBe("application/problem+json")
    for (const prefer of ["", "wait=5"]) {
      const again = await shop.post(path, body, { ...headers, prefer })
      expect([prefer, again.status, again.json.code]).toEqual([prefer, status, code])
      expect(again.json.detail).toBe(found.json.detail)
      expect(again.headers.get("idempotent-replayed")).toBe("true")
    }
    const globex = await openShop(one, "globex")
    expect((await globex.get(location)).json.code).toMatch(/_not_found$/)
  })

  test("one that is taken is found there as it is, and its neighbours are not meant", async () => {
    const { json } = await shop.pay({ capture: "manual" })
    const path = `/v1/payments/${json.id}/capture`
    const right = await shop.post(path, { amount: 4_000 }, NOBODY_WAITS)
    await shop.until(json.id, "partially_captured")
    await shop.post(path, { amount: 9_999 })
    const found = await shop.get(right.headers.get("location")!)
    expect([found.status, found.json.amount_captured]).toEqual([200, 4_000])
    const { json: wrong, status } = await shop.get(`/v1/payments/${json.id}?command=capture`)
    expect([status, wrong.errors[0].pointer]).toEqual([422, "/command"])
  })

  test("an operator reads it, too, where the 202 points", async () => {
    const { json } = await shop.pay()
    const operator = await one.operatorKey()
    const taken = await one.ask(operator, "POST", `/v1/fraud/reviews/${json.id}`, {
      body: { decision: "approve" },
      headers: { "idempotency-key": randomUUID() }
    })
    const found = await eventually(async () => {
      const answer = await one.ask(operator, "GET", taken.headers.get("location")!)
      return answer.status === 200 ? undefined : answer
    })
    expect([found.status, found.json.code]).toEqual([409, "not_in_review"])
  })
})

describe("a wrong body over HTTP under a producer's name", () => {
  test.each(["", "wait=10"])("leaves the name to the right one (Prefer: %s)", async (prefer) => {
    const name = randomUUID()
    const { payment } = await ask("create", "acme", { ...order, command_id: name })
    const headers = { "idempotency-key": name }
    const wrong = await shop.post("/v1/payments", { ...order, amount: 1 }, { ...headers, prefer })
    expect(wrong.status).toBe(prefer === "" ? 202 : 422)
    const right = await shop.pay({}, headers)
    expect([right.status, right.json]).toEqual([201, payment])
    for (const again of ["", "wait=10"]) {
      const other = await shop.post("/v1/payments", { ...order, amount: 2 }, {
        ...headers,
        prefer: again
      })
      expect([other.status, other.json.code]).toEqual([422, "idempotency_key_reused"])
    }
    expect((await shop.pay({}, { ...headers, ...NOBODY_WAITS })).json.id).toBe(payment.id)
  })

  test("and so it does with a command on a payment", async () => {
    const name = randomUUID()
    const { json } = await shop.pay({ capture: "manual" })
    const path = `/v1/payments/${json.id}/capture`
    await ask("capture", "acme", { command_id: name, payment_id: json.id, amount: 4_000 })
    const headers = { "idempotency-key": name }
    expect((await shop.post(path, { amount: 1 }, headers)).json.code).toBe("idempotency_key_reused")
    const right = await shop.post(path, { amount: 4_000 }, headers)
    expect([right.status, right.json.amount_captured]).toEqual([201, 4_000])
  })
})

test("after all of this the books balance", async () => {
  expect(await imbalances(one)).toEqual([])
})
