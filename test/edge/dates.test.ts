import { randomUUID } from "node:crypto"
import type { NatsConnection } from "@nats-io/transport-node"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { dayInBrazil } from "../../src/domain/day.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { gatewayOf, openShop, order, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let operator: string
let nc: NatsConnection
let ask: ReturnType<typeof natsCaller>
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  operator = await one.operatorKey()
  const credentials = await one.stack.merchantCredentials("acme")
  nc = await connectAs(one.stack, credentials)
  ask = natsCaller(nc, credentials.user)
  await shop.pay()
})
afterAll(async () => {
  await nc.close()
  await one.stop()
})

const DAY_MILLIS = 86_400_000
const noMoments = [
  "2026-02-30T00:00:00Z",
  "2026-04-31T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-01T00:00:60Z",
  "2026-01-01T00:00:00",
  "2026-01-01"
]
const noDays = ["2026-02-30", "2026-13-01", "2026-00-10", "2025-02-29", "2026-1-1", "tomorrow"]

const account = "liabilities:merchant:acme:pending:BRL"

describe("a moment that no clock shows is refused wherever one is taken", () => {
  test.each([
    ["as_of", `/v1/accounts/${account}/balance`],
    ["from", `/v1/accounts/${account}/statement`],
    ["to", `/v1/accounts/${account}/statement`],
    ["from", "/v1/journal"],
    ["to", "/v1/journal"],
    ["as_of", "/v1/reports/trial-balance"],
    ["since", "/v1/dead-letters"],
    ["until", "/v1/dead-letters"]
  ])("%s of %s", async (name, path) => {
    const get = (moment: string) =>
      one.ask(
        path.includes("dead-letters") || path.includes("reports") ? operator : shop.key,
        "GET",
        `${path}?${name}=${encodeURIComponent(moment)}`
      )
    for (const moment of noMoments) {
      const { json, status } = await get(moment)
      expect([moment, status, json.errors?.[0].pointer]).toEqual([moment, 422, `/${name}`])
    }
    for (const moment of ["2026-02-28T23:59:59Z", "2026-02-28T21:00:00.5-03:00"]) {
      expect([moment, (await get(moment)).status]).toEqual([moment, 200])
    }
  })

  test("in the place of a page of dead letters", async () => {
    const cursor = Buffer.from(`2026-02-30 00:00:00+00|dl_${"0".repeat(26)}`).toString("base64url")
    const { json, status } = await one.ask(operator, "GET", `/v1/dead-letters?cursor=${cursor}`)
    expect([status, json.code]).toEqual([400, "invalid_cursor"])
  })

  test("in a dispute's evidence_due_by", async () => {
    const { json: { id } } = await shop.pay()
    const open = (evidence_due_by: string) =>
      one.ask(operator, "POST", `/v1/payments/${id}/disputes?merchant=acme`, {
        body: { dispute_id: "dp_1", amount: 100, evidence_due_by },
        headers: { "idempotency-key": randomUUID(), prefer: "wait=30" }
      })
    for (const moment of noMoments) {
      const { json, status } = await open(moment)
      expect([moment, status, json.errors?.[0].pointer]).toEqual([moment, 422, "/evidence_due_by"])
    }
    const { json, status } = await open("2026-12-31T21:00:00-03:00")
    expect([status, json.disputes?.[0].evidence_due_by]).toEqual([201, "2026-12-31T21:00:00-03:00"])
  })

  test("in a settlement file and in its day", async () => {
    const hand = (day: string, raw: string) =>
      one.ask(operator, "POST", `/v1/settlement-files?source=simulator${day}`, {
        raw,
        headers: { "content-type": "text/csv" }
      })
    const header =
      "settlement_id,line,merchant,payment_id,charge_id,kind,currency,gross,fee,net,occurred_at\n"
    for (const day of noDays) {
      const { status } = await hand(`&date=${day}`, header)
      expect([day, status]).toEqual([day, 422])
    }
    const lines = [...noMoments, "2026-02-27T12:00:00Z"].map((moment, index) =>
      `s1,${index + 1},acme,,ch_${index},charge,BRL,1.00,0.00,1.00,${moment}\n`
    )
    const { status } = await hand("&date=2026-02-27", header + lines.join(""))
    expect(status).toBe(202)
    await expect.poll(async () => {
      const { json } = await one.ask(operator, "GET", "/v1/reconciliation/breaks?limit=100")
      return json.data.filter(({ kind }: { kind: string }) => kind === "malformed").length
    }, { timeout: 20_000 }).toBe(noMoments.length)
  })

  test("at the simulated gateway, too", async () => {
    for (const day of noDays) {
      const answer = await fetch(`${gatewayOf(one).url}/settlement-files/${day}`)
      await answer.body?.cancel()
      expect([day, answer.status]).toEqual([day, 400])
    }
  })
})

const payer = { name: "Ana", tax_id: "12345678909" }
const due = (due_date: string, by: object = payer) => ({
  payment_method: { type: "pix", due_date, payer: by }
})

describe("a Pix charge that no bank could take is refused before it is asked", () => {
  test.each(noDays)("due on %s", async (day) => {
    const { json, status } = await shop.pay(due(day))
    expect([status, json.errors?.[0].pointer]).toEqual([422, "/payment_method/due_date"])
    const told = await ask("create", "acme", { ...order, ...due(day), command_id: randomUUID() })
    expect(told.refused.code).toBe("malformed")
  })

  test("due on a day that is over in São Paulo", async () => {
    const yesterday = dayInBrazil(Date.now() - DAY_MILLIS)
    for (const day of ["2020-01-01", yesterday]) {
      const { json, status } = await shop.pay(due(day))
      expect([status, json.code]).toEqual([422, "due_date_past"])
      expect(json.errors[0].pointer).toBe("/payment_method/due_date")
      const told = await ask("create", "acme", { ...order, ...due(day), command_id: randomUUID() })
      expect(told.refused).toMatchObject({
        code: "due_date_past",
        pointer: "/payment_method/due_date"
      })
    }
    expect((await shop.pay(due(dayInBrazil(Date.now())))).json.status).toBe("requires_action")
  })

  test("and again under the same key, with its pointer", async () => {
    const key = { "idempotency-key": "late" }
    await shop.pay(due("2020-01-01"), key)
    const { json, status } = await shop.pay(due("2020-01-01"), key)
    expect([status, json.code, json.errors[0].pointer])
      .toEqual([422, "due_date_past", "/payment_method/due_date"])
  })

  test.each([
    ["11111111111", 422],
    ["12345678901", 422],
    ["11222333000182", 422],
    ["12abc34501de35", 422],
    ["11.222.333/0001-81", 422],
    ["12345678909", 201],
    ["11222333000181", 201],
    ["12ABC34501DE35", 201]
  ])("owed by %s: %i", async (tax_id, expected) => {
    const { json, status } = await shop.pay(due("2099-12-31", { name: "A", tax_id }))
    expect(status).toBe(expected)
    if (status === 422) expect(json.errors[0].pointer).toBe("/payment_method/payer/tax_id")
    else expect(json.status).toBe("requires_action")
  })
})
