import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { query } from "../support/query.ts"
import { openShop, type Shop } from "../support/shop.ts"

/** One more digit than 9,999: what goes by the text of a number goes wrong on the way there. */
const ROWS = 10_010
const START = 1_700_000_000_000
const ACCOUNT = "liabilities:merchant:acme:pending:BRL"

let one: TestLastro
let shop: Shop
let operator: string
beforeAll(async () => {
  one = await startTestLastro({ requestsPerSecond: 100_000 })
  shop = await openShop(one, "acme")
  operator = await one.operatorKey()
  const { json } = await shop.pay()
  for (const text of fillings(json.id)) await query(one.stack.databaseUrl, text)
})
afterAll(() => one.stop())

const named = (prefix: string) => `'${prefix}_' || lpad(n::text, 26, '0')`
const rows = `generate_series(1, ${ROWS}) n`

/** Rows as a long life leaves them, each later than the one before. */
const fillings = (paymentId: string) => [
  `insert into payments (id, merchant, status, created_millis, doc)
   select ${named("pay")}, p.merchant, p.status, ${START} + n,
     jsonb_set(replace(p.doc::text, p.id, ${
    named("pay")
  })::jsonb, '{created_at}', to_jsonb(${START} + n))
   from payments p, ${rows} where p.id = '${paymentId}'`,
  `insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
   select ${named("je")}, 'acme', 'pay_bulk', 'capture', 0, n, ${START} + n from ${rows}`,
  `insert into postings (entry_id, line, layer, debit_account, credit_account, amount, currency)
   select ${named("je")}, 0, 'posted', 'assets:gateway:simulator:receivable:p00:BRL', '${ACCOUNT}',
     n, 'BRL' from ${rows} order by n`,
  `insert into events (merchant, id, type, about, at_millis, body)
   select 'globex', ${named("evt")}, 'payment.captured', 'pay_bulk', ${START} + n, e.body
   from ${rows}, (select body from events where about = '${paymentId}' limit 1) e order by n`,
  `insert into dead_letters (id, family, partition, seq, subject, merchant, type, reason, cause,
     attempts, headers, body, message_at, created_at)
   select ${
    named("dl")
  }, 'payments', 0, n, 'payments.0.x', 'globex', 'x', 'undecodable', 'bulk', 1, '{}',
     '', now(), now() + n * interval '1 millisecond' from ${rows}`,
  `insert into operator_actions (id, at, who, action, family, why)
   select ${
    named("act")
  }, now() + n * interval '1 millisecond', 'somebody', 'pause', 'payments', 'bulk'
   from ${rows}`,
  `insert into recon_findings (partition, id, merchant, operation, finding, tag, break_kind, waits,
     source, date, at_millis, reason)
   select 0, ${named("brk")}, '', n::text, 'x', 'AwaitsEvent', 'unexpected', false, 'simulator',
     '2026-01-01', ${START} + n, 'bulk' from ${rows}`
]

/** Everything a list tells, page by page. */
const walk = async (key: string, path: string, cursorName = "cursor") => {
  // deno-lint-ignore no-explicit-any
  const all: Array<any> = []
  let cursor: string | undefined
  for (;;) {
    const { json, status } = await one.ask(
      key,
      "GET",
      path + (cursor === undefined ? "" : `&${cursorName}=${encodeURIComponent(cursor)}`)
    )
    expect([path, status]).toEqual([path, 200])
    all.push(...(json.data ?? json.lines))
    if (json.has_more !== true) return all
    cursor = json.next_cursor
  }
}

const numberOf = (id: string) => Number(id.slice(-26).replace(/^0+/, ""))
const up = Array.from({ length: ROWS }, (_, index) => index + 1)
const down = up.toReversed()

test.each([
  ["payments", () => shop.key, "/v1/payments?limit=100", down, "cursor"],
  ["journal entries", () => shop.key, "/v1/journal?limit=200&payment_id=pay_bulk", down, "cursor"],
  ["events", () => one.key("globex"), "/v1/events?limit=200", up, "after"],
  ["dead letters", () => operator, "/v1/dead-letters?limit=200&merchant=globex", down, "cursor"],
  ["breaks", () => operator, "/v1/reconciliation/breaks?limit=200", up, "cursor"]
])("%s beyond 9,999 are each told once, in order", async (_name, key, path, order, cursorName) => {
  const told = await walk(await key(), path, cursorName)
  expect(told.map(({ id }) => numberOf(id)).filter((n) => n >= 1 && n <= ROWS)).toEqual(order)
})

test("postings and a statement of an account beyond 9,999 lines tell each once, in order", async () => {
  const path = `/v1/accounts/${encodeURIComponent(ACCOUNT)}`
  const bulk = ({ entry_id }: { entry_id: string }) => /^je_0{10}/.test(entry_id)
  const postings = await walk(shop.key, `${path}/postings?limit=100`)
  expect(postings.filter(bulk).map(({ amount }) => Number(amount))).toEqual(down)
  const from = new Date(START - 1).toISOString()
  const to = new Date(START + ROWS + 1).toISOString()
  const lines = await walk(shop.key, `${path}/statement?limit=500&from=${from}&to=${to}`)
  expect(lines.filter(bulk).map(({ entry_id }) => numberOf(entry_id))).toEqual(up)
})

test("the newest of 10,000 operator's actions are the newest", async () => {
  const { json } = await one.ask(operator, "GET", "/v1/operations/actions?limit=500")
  expect(json.data.map(({ id }: { id: string }) => numberOf(id))).toEqual(down.slice(0, 500))
})

test("the served checkpoint covers all of them, and the receipt of a payment after them is whole", async () => {
  const { json: payment } = await shop.pay()
  const receipt = await eventually(async () => {
    const { json } = await shop.get(`/v1/payments/${payment.id}/receipt`)
    return json.uncovered.length === 0 && json.entries.length > 0 ? json : undefined
  }, 60_000)
  expect(receipt.entries[0].position).toBeGreaterThan(ROWS)
  const { json: checkpoint } = await one.ask(undefined, "GET", "/v1/audit/checkpoint")
  expect(checkpoint.size).toBeGreaterThan(ROWS)
})
