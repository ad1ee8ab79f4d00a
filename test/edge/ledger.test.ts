import { parse } from "csv-parse/sync"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { csvLine } from "../../src/edge/csv.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { leaksIn, openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let acme: Shop
let globex: Shop
let operator: string
/** Captured, captured and refunded in part, and one that is only authorized. */
let payments: ReadonlyArray<string>
const mine = "liabilities:merchant:acme:pending:BRL"
const path = `/v1/accounts/${mine}`

beforeAll(async () => {
  one = await startTestLastro()
  acme = await openShop(one, "acme")
  globex = await openShop(one, "globex")
  operator = await one.operatorKey()
  await globex.pay()
  const made = [
    await acme.pay(),
    await acme.pay({ amount: 5_000 }),
    await acme.pay({ amount: 7_000, capture: "manual" })
  ]
  payments = made.map(({ json }) => json.id)
  await acme.post(`/v1/payments/${payments[1]}/refunds`, { amount: 1_000 })
})
afterAll(() => one.stop())

const records = (text: string) =>
  parse(text, { columns: true, bom: true }) as Array<
    Record<string, string>
  >

const csv = async (path: string, key = acme.key) => {
  const { headers, json, status } = await one.ask(key, "GET", path, {
    headers: { accept: "text/csv" }
  })
  expect([status, headers.get("content-type")])
    .toEqual([200, "text/csv; charset=utf-8; header=present"])
  return records(json)
}

describe("a balance", () => {
  test("comes with the holds behind it and the version it is of", async () => {
    const { json } = await acme.get(`${path}/balance`)
    expect(json).toMatchObject({
      id: mine,
      currency: "BRL",
      as_of: null,
      posted_credits: `${9_701 + 4_850}`,
      pending_credits: "7000",
      balance: `${9_701 + 4_850 - 970}`,
      available: `${9_701 + 4_850 - 970}`,
      holds: [{ payment_id: payments[2], side: "credit", amount: "7000" }],
      holds_count: 1
    })
    expect(json.version).toMatch(/^\d+$/)
  })

  test("as of a time is what it was then", async () => {
    const { json: first } = await acme.get(`/v1/payments/${payments[0]}`)
    const asOf = encodeURIComponent(first.updated_at)
    const { json } = await acme.get(`${path}/balance?as_of=${asOf}`)
    expect(json).toMatchObject({ balance: "9701", holds: [], version: null })
    const before = new Date(Date.parse(first.created_at) - 1).toISOString()
    expect((await acme.get(`${path}/balance?as_of=${before}`)).json.balance).toBe("0")
    const future = await acme.get(`${path}/balance?as_of=2999-01-01T00:00:00Z`)
    expect([future.status, future.json.code]).toEqual([422, "in_the_future"])
  })

  test("is a table for a spreadsheet, too", async () => {
    const lines = await csv(`${path}/balance`)
    const shown = Object.fromEntries(lines.map(({ amount, what }) => [what, amount]))
    expect(shown).toMatchObject({
      balance: "135.81",
      pending_credits: "70.00",
      hold_credit: "70.00"
    })
    expect(await csv(`${path}/balance?format=csv`)).toEqual(lines)
  })
})

describe("a statement", () => {
  test("leads from the opening to the closing balance on pages of any size", async () => {
    const { json: whole } = await acme.get(`${path}/statement`)
    expect(whole).toMatchObject({ opening_balance: "0", closing_balance: "13581", has_more: false })
    expect(whole.data.map(({ balance, kind }: Record<string, string>) => `${kind} ${balance}`))
      .toEqual(["capture 9701", "capture 14551", "refund 13581"])
    const paged: Array<unknown> = []
    let cursor = ""
    do {
      const { json } = await acme.get(`${path}/statement?limit=1${cursor}`)
      expect([json.opening_balance, json.closing_balance]).toEqual(["0", "13581"])
      paged.push(...json.data)
      cursor = json.next_cursor === null ? "" : `&cursor=${json.next_cursor}`
    } while (cursor !== "")
    expect(paged).toEqual(whole.data)
  })

  test("begins and ends where it is asked to", async () => {
    const { json: whole } = await acme.get(`${path}/statement`)
    const from = whole.data[1].at
    const { json } = await acme.get(`${path}/statement?from=${from}`)
    expect(json).toMatchObject({ opening_balance: "9701", data: whole.data.slice(1) })
    const { json: first } = await acme.get(`${path}/statement?to=${from}`)
    expect(first).toMatchObject({ closing_balance: "9701", data: whole.data.slice(0, 1) })
    const turned = await acme.get(`${path}/statement?from=${from}&to=${from}`)
    expect([turned.status, turned.json.code]).toEqual([422, "invalid_period"])
  })

  test("does not change on later pages when money moves between them", async () => {
    const shop = await openShop(one, "moves")
    await shop.pay()
    await shop.pay()
    const statement = "/v1/accounts/liabilities:merchant:moves:pending:BRL/statement?limit=1"
    const { json: page } = await shop.get(statement)
    await shop.pay()
    const { json: next } = await shop.get(`${statement}&cursor=${page.next_cursor}`)
    expect(next).toMatchObject({ closing_balance: page.closing_balance, has_more: false })
    expect(next.data[0].balance).toBe(page.closing_balance)
  })

  test("is exported whole, with opening and closing lines", async () => {
    const lines = await csv(`${path}/statement?limit=1`)
    expect(lines.map(({ balance, kind }) => `${kind} ${balance}`)).toEqual([
      "opening_balance 0.00",
      "capture 97.01",
      "capture 145.51",
      "refund 135.81",
      "closing_balance 135.81"
    ])
    expect(lines[3]).toMatchObject({ side: "debit", amount: "9.70", payment_id: payments[1] })
  })

  test("takes no cursor but its own", async () => {
    for (const cursor of ["x", "1.2.3", "9".repeat(19) + ".1.1.1.1.1", "1.1.1.1.1.%00"]) {
      const { json, status } = await acme.get(`${path}/statement?cursor=${cursor}`)
      expect([cursor, status, json.code]).toEqual([cursor, 400, "invalid_cursor"])
    }
  })
})

describe("the journal", () => {
  test("is searched by payment, account, kind and time", async () => {
    const kinds = async (query: string) =>
      (await acme.get(`/v1/journal${query}`)).json.data.map(({ kind }: { kind: string }) => kind)
    expect(await kinds("")).toEqual([
      "refund_confirmed",
      "refund",
      "hold",
      "capture",
      "capture"
    ])
    expect(await kinds(`?payment_id=${payments[1]}`))
      .toEqual(["refund_confirmed", "refund", "capture"])
    expect(await kinds("?kind=hold")).toEqual(["hold"])
    expect(await kinds(`?account=${mine}`)).toEqual(["refund", "hold", "capture", "capture"])
    const { json: captures } = await acme.get("/v1/journal?kind=capture")
    expect(await kinds(`?to=${captures.data[0].at}`)).toEqual(["capture"])
    expect(captures.data[0].postings).toHaveLength(2)
  })

  test("shows a merchant nothing of another's, whatever it asks for", async () => {
    for (
      const query of [
        `?payment_id=${payments[1]}`,
        `?account=${mine}`,
        "?account=assets:gateway:simulator:receivable:p00:BRL",
        "?account=revenue:fees:p00:BRL"
      ]
    ) {
      expect([query, (await globex.get(`/v1/journal${query}`)).json.data]).toEqual([query, []])
      expect(await csv(`/v1/journal${query}`, globex.key)).toEqual([])
    }
    const { json } = await globex.get("/v1/journal")
    expect(json.data.map(({ merchant }: { merchant: string }) => merchant)).toEqual(["globex"])
  })

  test("is open to operators whole, the platform's accounts included", async () => {
    const { json } = await one.ask(operator, "GET", "/v1/journal?kind=capture")
    const merchants = new Set(json.data.map(({ merchant }: { merchant: string }) => merchant))
    expect(merchants).toContain("acme")
    expect(merchants).toContain("globex")
    const [capture] = (await acme.get(`/v1/journal?kind=capture&payment_id=${payments[0]}`)).json
      .data
    const fees = capture.postings.map((posting: Record<string, string>) =>
      posting["credit_account"]
    )
      .find((account: string) => account.startsWith("revenue:fees"))
    expect((await acme.get(`/v1/accounts/${fees}/balance`)).status).toBe(404)
    const { json: earned } = await one.ask(operator, "GET", `/v1/accounts/${fees}/statement`)
    expect(earned.data[0]).toMatchObject({ side: "credit", kind: "capture" })
  })

  test("is exported whole, one line for each posting", async () => {
    const lines = await csv("/v1/journal?limit=1")
    expect(lines.map(({ amount, kind }) => `${kind} ${amount}`)).toEqual([
      "refund_confirmed 10.00",
      "refund 0.30",
      "refund 9.70",
      "hold 70.00",
      "capture 1.50",
      "capture 48.50",
      "capture 2.99",
      "capture 97.01"
    ])
  })
})

test("the trial balance is there per currency, as of a time, and as a table", async () => {
  const { json: now } = await one.ask(operator, "GET", "/v1/reports/trial-balance")
  expect(now.data).toMatchObject([{ currency: "BRL", difference: "0", journal_difference: "0" }])
  const { json: first } = await acme.get(`/v1/payments/${payments[0]}`)
  const query = `?as_of=${first.updated_at}`
  const { json: then } = await one.ask(operator, "GET", `/v1/reports/trial-balance${query}`)
  // Globex's first payment and acme's.
  expect(then.data).toMatchObject([{ debits: "20000", credits: "20000", difference: "0" }])
  expect(await csv(`/v1/reports/trial-balance${query}`, operator)).toMatchObject([
    { currency: "BRL", debits: "200.00", credits: "200.00", journal_difference: "0.00" }
  ])
})

test("a spreadsheet is given no formula, and its numbers stay numbers", () => {
  const hostile = ["=1+1", "+1;2", "-2+3", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("x")', "a,b"]
  const [read] = parse(csvLine(hostile)) as Array<Array<string>>
  expect(read).toEqual([...hostile.slice(0, 7).map((text) => `'${text}`), "a,b"])
  expect(parse(csvLine(["-60.00", 5, null, 'say "x"\nagain']))).toEqual([
    ["-60.00", "5", "", 'say "x"\nagain']
  ])
})

test("G17: no log line holds an e-mail, a key or a card number", () => {
  expect(leaksIn(one.logs)).toEqual([])
})
