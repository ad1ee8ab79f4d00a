import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { gatewayOf, imbalances, leaksIn, openShop, paidWith, type Shop } from "../support/shop.ts"

interface Planted {
  readonly kind: string
  readonly merchant: string
  readonly charge_id: string
}

interface Break extends Planted {
  readonly id: string
  readonly payment_id: string | null
  readonly expected_amount: string | null
  readonly actual_amount: string | null
  readonly reason: string
}

const SETTLED_MILLIS = 50_000

let one: TestLastro
let acme: Shop
let globex: Shop
let operator: string
/** UTC: the day all of this happens on. */
let day: string
let planted: ReadonlyArray<Planted>

beforeAll(async () => {
  one = await startTestLastro({ finalityMillis: 2_000 })
  operator = await one.operatorKey()
  acme = await openShop(one, "acme")
  globex = await openShop(one, "globex")
  for (const shop of [acme, globex]) {
    for (let index = 1; index <= 6; index++) await shop.pay({ amount: 1_000 * index })
    // Settled in several lines, and not at all.
    const { json: parts } = await shop.pay({ capture: "manual" })
    await shop.post(`/v1/payments/${parts.id}/capture`, { amount: 4_000 })
    await shop.post(`/v1/payments/${parts.id}/capture`, { amount: 6_000 })
    const { json: refunded } = await shop.pay({ amount: 1_000, currency: "JPY" })
    await shop.post(`/v1/payments/${refunded.id}/refunds`, { amount: 300 })
    await shop.post(`/v1/payments/${refunded.id}/refunds`, { amount: 300 })
    await shop.pay(paidWith("tok_declined_hard"))
    const { json: voided } = await shop.pay({ capture: "manual" })
    await shop.post(`/v1/payments/${voided.id}/void`)
  }
  day = new Date().toISOString().slice(0, 10)
})
afterAll(() => one.stop())

const fileOf = async (breaks = "") => {
  const answer = await fetch(`${gatewayOf(one).url}/settlement-files/${day}?breaks=${breaks}`)
  return {
    text: await answer.text(),
    planted: JSON.parse(answer.headers.get("planted-breaks")!) as ReadonlyArray<Planted>
  }
}

const handIn = (raw: string, query = "?source=simulator", headers = {}) =>
  one.ask(operator, "POST", `/v1/settlement-files${query}`, {
    raw,
    headers: { "content-type": "text/csv", ...headers }
  })

const breaksOf = async (key = operator): Promise<ReadonlyArray<Break>> =>
  (await one.ask(key, "GET", "/v1/reconciliation/breaks?limit=200")).json.data

const named = (breaks: ReadonlyArray<Planted>) =>
  breaks.map(({ charge_id, kind, merchant }) => `${kind} ${merchant} ${charge_id}`).sort()

/** Waits for exactly these, then looks once more: nothing else may follow. */
const exactly = async (expected: ReadonlyArray<string>, key = operator) => {
  await eventually(async () => {
    const seen = named(await breaksOf(key))
    if (JSON.stringify(seen) === JSON.stringify(expected)) return seen
    throw new Error(`${JSON.stringify(seen)} instead of ${JSON.stringify(expected)}`)
  }, SETTLED_MILLIS)
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(named(await breaksOf(key))).toEqual(expected)
}

const summary = async (key = operator) =>
  (await one.ask(key, "GET", "/v1/reconciliation/summary")).json.data

describe("a day's file against what the payments expect", () => {
  test("before any file, what was captured awaits one", async () => {
    const lines = await eventually(async () => {
      const found = await summary(acme.key)
      return found.find((line: { currency: string }) => line.currency === "BRL")?.awaiting.count ===
          8
        ? found
        : undefined
    }, SETTLED_MILLIS)
    expect(lines).toMatchObject([
      {
        source: "simulator",
        currency: "BRL",
        closed: false,
        matched: { count: 0 },
        awaiting: { count: 8, amount: "31000" },
        breaks: { count: 0 }
      },
      { currency: "JPY", awaiting: { count: 3, amount: "400" } }
    ])
    expect(await breaksOf()).toEqual([])
  })

  test("planted breaks are found exactly, and nothing else", async () => {
    const file = await fileOf("missing:2,unexpected:1,amount:2,duplicate:1")
    planted = file.planted
    expect(planted).toHaveLength(6)
    const taken = await handIn(file.text)
    expect(taken).toMatchObject({
      status: 202,
      json: { source: "simulator", date: day, parts: 1 }
    })
    expect(taken.headers.get("location")).toBe("/v1/reconciliation/summary")
    await exactly(named(planted))
  })

  test("each break says what was expected, what came, and why in words", async () => {
    const breaks = await breaksOf()
    for (const found of breaks) {
      expect(found.id).toMatch(/^brk_/)
      expect(found.reason.length).toBeGreaterThan(10)
      const [expected, actual] = [found.expected_amount, found.actual_amount].map((amount) =>
        amount === null ? undefined : Number(amount)
      )
      if (found.kind === "amount") expect(actual).toBe(expected! + 1)
      if (found.kind === "missing") expect([actual, expected! > 0]).toEqual([undefined, true])
      if (found.kind === "unexpected") expect([expected, actual! > 0]).toEqual([undefined, true])
    }
  })

  test("a merchant sees its own breaks, by page", async () => {
    for (const shop of [acme, globex]) {
      const own = planted.filter(({ merchant }) => merchant === shop.merchant)
      expect(own.length).toBeGreaterThan(0)
      expect(named(await breaksOf(shop.key))).toEqual(named(own))
    }
    const seen: Array<Break> = []
    for (let cursor: string | null = ""; cursor !== null;) {
      const more = cursor === "" ? "" : `&cursor=${cursor}`
      const { json } = await one.ask(operator, "GET", `/v1/reconciliation/breaks?limit=1${more}`)
      seen.push(...json.data)
      cursor = json.next_cursor
    }
    expect(seen).toEqual(await breaksOf())
  })

  test("the summary counts them, and what matched", async () => {
    const lines = await summary()
    const total = (pick: (line: { breaks: { by_kind: Record<string, number> } }) => number) =>
      lines.reduce((sum: number, line: never) => sum + pick(line), 0)
    expect(lines.every(({ closed }: { closed: boolean }) => closed)).toBe(true)
    for (
      const [kind, count] of [["missing", 2], ["unexpected", 1], ["amount", 2], ["duplicate", 1]]
    ) {
      expect([kind, total(({ breaks }) => breaks.by_kind[kind as string]!)]).toEqual([kind, count])
    }
    const matched = lines.reduce(
      (sum: number, line: { matched: { count: number } }) => sum + line.matched.count,
      0
    )
    // 22 operations of both merchants, less those missing and those of another amount.
    expect(matched).toBe(18)
  })

  test("the same file again changes nothing", async () => {
    const { text } = await fileOf("missing:2,unexpected:1,amount:2,duplicate:1")
    expect((await handIn(text)).status).toBe(202)
    await exactly(named(planted))
  })

  test("a corrected file heals what it restates; a stranger's line stays", async () => {
    const { planted: none, text } = await fileOf()
    expect(none).toEqual([])
    await handIn(text)
    await exactly(named(planted.filter(({ kind }) => kind === "unexpected")))
  })

  test("a charge that shows up after its payment was lost is a break", async () => {
    const { json: lost } = await acme.pay(paidWith("tok_timeout_lost"))
    const failed = await acme.until(lost.id, "failed", SETTLED_MILLIS)
    expect(failed.failure.code).toBe("gateway_lost")
    await gatewayOf(one).control({
      appear: {
        key: failed.attempts[0].key,
        merchant: "acme",
        payment_id: lost.id,
        amount: 10_000,
        currency: "BRL",
        capture: true
      }
    })
    await handIn((await fileOf()).text)
    const found = await eventually(
      async () => (await breaksOf(acme.key)).find(({ payment_id }) => payment_id === lost.id),
      SETTLED_MILLIS
    )
    expect(found).toMatchObject({
      kind: "unexpected",
      actual_amount: "10000",
      expected_amount: null
    })
    expect((await acme.get(`/v1/payments/${lost.id}`)).json).toMatchObject({
      status: "failed",
      amount_captured: 0
    })
    const strangers = planted.filter(({ kind }) => kind === "unexpected")
    await exactly(named([...strangers, found]))
  })
})

describe("files that are none", () => {
  const line = (fields: string) =>
    "settlement_id,line,merchant,payment_id,charge_id,kind,currency,gross,fee,net,occurred_at\n" +
    `${fields}\n`
  const good = "set_x,1,acme,,ch_x,charge,BRL,1.00,0.01,0.99,2020-02-02T10:00:00Z"

  test("lines nobody can read are breaks of nobody's, and the others count", async () => {
    const before = (await breaksOf()).length
    const text = line(good) +
      "set_x,2,acme,,ch_y,charge,XXX,1.00,0.01,0.99,2020-02-02T10:00:00Z\n" +
      "set_x,three,acme\n" + "\u0000\u0001\u001b[31m,,,,,,,,,,\n"
    expect((await handIn(text)).status).toBe(202)
    await eventually(
      async () => (await breaksOf()).length === before + 4 ? true : undefined,
      SETTLED_MILLIS
    )
    const fresh = (await breaksOf()).filter(({ kind, charge_id }) =>
      kind === "malformed" || charge_id === "ch_x"
    )
    expect(fresh.map(({ kind, merchant }) => `${kind} ${merchant}`).sort()).toEqual([
      "malformed ",
      "malformed ",
      "malformed ",
      "unexpected acme"
    ])
    for (const { reason } of fresh) expect(reason).not.toMatch(/[\u0000-\u001f]/)
    expect(named(await breaksOf(acme.key)).join()).not.toContain("malformed")
  })

  test("a file without a source, a day or a form is refused", async () => {
    const cases: ReadonlyArray<readonly [string, string, number, string]> = [
      [line(good), "", 400, "source_missing"],
      [line(good), "?source=Sim.ulator", 422, "invalid"],
      [line(good), "?source=simulator&date=2020-02-30", 422, "invalid"],
      [line(good), "?source=simulator&from=x", 400, "unknown_parameter"],
      ["", "?source=simulator", 422, "date_missing"],
      ["{}", "?source=simulator", 422, "date_missing"]
    ]
    for (const [text, query, status, code] of cases) {
      const answer = await handIn(text, query)
      expect([query, answer.status, answer.json.code]).toEqual([query, status, code])
    }
    const spaced = await handIn(line(good), undefined, { "idempotency-key": "has space" })
    expect([spaced.status, spaced.json.code]).toEqual([400, "idempotency_key_invalid"])
  })

  test("a file of many parts is read whole", async () => {
    const lines = Array.from(
      { length: 6_000 },
      (_, index) =>
        `set_big,${index},big,,ch_${index},charge,BRL,1.00,0.01,0.99,2020-03-03T10:00:00Z`
    )
    const { json, status } = await handIn(line(lines.join("\n")))
    expect(status).toBe(202)
    expect(json.parts).toBeGreaterThan(1)
    await eventually(async () => {
      const found = (await summary()).find(({ date }: { date: string }) => date === "2020-03-03")
      return found?.breaks.by_kind.unexpected === 6_000 ? found : undefined
    }, SETTLED_MILLIS)
  })
})

test("M1: reconciliation moved no money", async () => {
  expect(await imbalances(one)).toEqual([])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
