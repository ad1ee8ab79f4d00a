import { sql } from "kysely"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type PaymentQuestion, paymentsAbout, paymentsQuery } from "../../actors/payments/search.ts"
import { searchJournal } from "../../src/ledger/search.ts"
import { connect, type Db } from "../../src/store/database.ts"
import { query, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { openShop, type Shop } from "../support/shop.ts"

let one: TestLastro
let shop: Shop
let other: Shop
let db: Db
beforeAll(async () => {
  one = await startTestLastro()
  shop = await openShop(one, "acme")
  other = await openShop(one, "globex")
  db = connect(one.stack.databaseUrl, 1)
})
afterAll(async () => {
  await db.destroy()
  await one.stop()
})

// deno-lint-ignore no-explicit-any
const idsOf = (json: any): ReadonlyArray<string> => json.data.map(({ id }: { id: string }) => id)

const search = async (parameters: Record<string, string>, as = shop, path = "/v1/payments") => {
  const { json, status } = await as.get(`${path}?${new URLSearchParams(parameters)}`)
  expect([status, json.code]).toEqual([200, undefined])
  return json
}

describe("payments are found by what their merchant wrote", () => {
  test("by reference, customer, metadata, time, amount and state, alone and together", async () => {
    const times: Array<string> = []
    const ids: Array<string> = []
    for (
      const fields of [
        {
          reference: "pedido 1/ação",
          customer: { id: "ana" },
          metadata: { shop: "a", "k.x": "1" }
        },
        { reference: "pedido-2", customer: { id: "ana" }, amount: 20_000 },
        { reference: "pedido-2", metadata: { shop: "a" }, amount: 30_000, capture: "manual" },
        { customer: { id: "bia" }, metadata: { shop: "b", "k.x": "1" }, amount: 40_000 }
      ]
    ) {
      const { json } = await shop.pay(fields)
      ids.push(json.id)
      times.push(json.created_at)
    }
    const [first, second, third, fourth] = ids as [string, string, string, string]
    await other.pay({ reference: "pedido-2", customer: { id: "ana" }, metadata: { shop: "a" } })
    const cases: ReadonlyArray<readonly [Record<string, string>, ReadonlyArray<string>]> = [
      [{ reference: "pedido 1/ação" }, [first]],
      [{ reference: "pedido-2" }, [third, second]],
      [{ reference: "pedido" }, []],
      [{ customer: "ana" }, [second, first]],
      [{ customer: "ana", reference: "pedido-2" }, [second]],
      [{ "metadata.shop": "a" }, [third, first]],
      [{ "metadata.shop": "a", "metadata.k.x": "1" }, [first]],
      [{ "metadata.shop": "1" }, []],
      [{ "metadata.shop": "a", customer: "bia" }, []],
      [{ min_amount: "30000" }, [fourth, third]],
      [{ min_amount: "20000", max_amount: "30000" }, [third, second]],
      [{ max_amount: "0" }, []],
      [{ status: "authorized", "metadata.shop": "a" }, [third]],
      [{ from: times[2]! }, [fourth, third]],
      [{ from: times[1]!, to: times[3]! }, [third, second]],
      [{ to: times[0]! }, []]
    ]
    for (const [parameters, found] of cases) {
      expect([parameters, idsOf(await search(parameters))]).toEqual([parameters, found])
    }
    // What is changed by its states is found as it is now.
    await shop.post(`/v1/payments/${third}/capture`)
    expect(idsOf(await search({ status: "captured", reference: "pedido-2" }))).toEqual([
      third,
      second
    ])
  })

  test("journal entries are found by the payment that they belong to", async () => {
    const { json } = await shop.pay({ reference: "of-the-journal", metadata: { box: "7" } })
    await other.pay({ reference: "of-the-journal", metadata: { box: "7" } })
    const all = (await search({ payment_id: json.id }, shop, "/v1/journal")).data
    expect(all.length).toBeGreaterThan(0)
    for (const by of [{ reference: "of-the-journal" }, { "metadata.box": "7" }]) {
      expect((await search(by, shop, "/v1/journal")).data).toEqual(all)
      const kind = all[0].kind
      const some = (await search({ ...by, kind }, shop, "/v1/journal")).data
      expect(some).toEqual(all.filter((entry: { kind: string }) => entry.kind === kind))
    }
    const operator = await one.operatorKey()
    const unnamed = await one.ask(operator, "GET", "/v1/journal?reference=of-the-journal")
    expect([unnamed.status, unnamed.json.code]).toEqual([400, "merchant_needed"])
    const named = await one.ask(
      operator,
      "GET",
      "/v1/journal?reference=of-the-journal&merchant=acme"
    )
    expect(named.json.data).toEqual(all)
  })

  test("pages hold each payment once, whatever is made in between", async () => {
    const made: Array<string> = []
    for (let nth = 0; nth < 5; nth++) {
      made.unshift((await shop.pay({ reference: "paged" })).json.id)
    }
    const found: Array<string> = []
    let cursor: string | null = null
    do {
      const page = await search({
        reference: "paged",
        limit: "2",
        ...(cursor !== null && { cursor })
      })
      found.push(...idsOf(page))
      cursor = page.next_cursor
      await shop.pay({ reference: "paged" })
    } while (cursor !== null)
    expect(found).toEqual(made)
  })

  test.each([
    ["reference", "a\u0000b"],
    ["reference", ""],
    ["customer", "a b"],
    ["metadata.k", ""],
    ["min_amount", "-1"],
    ["min_amount", "1.5"],
    ["max_amount", "9007199254740992"],
    ["from", "2026-02-30T00:00:00Z"],
    ["to", "yesterday"],
    ["status", "lost"]
  ])("%s=%j is refused with a pointer", async (name, value) => {
    const parameters = new URLSearchParams({ [name]: value })
    const { json, status } = await shop.get(`/v1/payments?${parameters}`)
    expect([status, json.errors?.[0]?.pointer]).toEqual([422, `/${name}`])
  })

  test.each([
    ["max_amount below min_amount", "min_amount=2&max_amount=1", 422, "/max_amount"],
    ["to before from", "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", 422, "/to"],
    ["a key that no metadata has", "metadata.a%2Fb=1", 400, undefined],
    ["metadata without a key", "metadata.=1", 400, undefined],
    ["metadata as a whole", "metadata=1", 400, undefined],
    ["the declaration's own name", "metadata.%7Bkey%7D=1", 400, undefined],
    ["one parameter twice", "reference=a&reference=b", 400, undefined]
  ])("%s is refused", async (_about, parameters, status, pointer) => {
    const answer = await shop.get(`/v1/payments?${parameters}`)
    expect([answer.status, answer.json.errors?.[0]?.pointer]).toEqual([status, pointer])
  })
})

describe("among 20,000 payments", () => {
  /** Of two merchants; a reference each, a customer for two hundred, metadata for one in ten. */
  beforeAll(async () => {
    await query(
      one.stack.databaseUrl,
      `insert into payments (id, merchant, status, created_millis, doc)
       select 'pay_' || lpad(n::text, 26, '0'), 'many_' || n % 2, 'captured',
         1700000000000 + n * 1000, jsonb_strip_nulls(jsonb_build_object(
           'amount', (n % 1000)::text, 'reference', 'order-' || n,
           'customer', jsonb_build_object('id', 'cus_' || n % 200),
           'metadata', case when n % 10 = 0 then jsonb_build_object('box', (n % 500)::text,
             'channel', 'web') end))
       from generate_series(1, 20000) n;
       insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
       select 'je_' || lpad(n::text, 26, '0'), 'many_' || n % 2, 'pay_' || lpad(n::text, 26, '0'),
         'capture', 0, n, 1700000000000 + n * 1000 from generate_series(1, 20000) n;
       analyze payments; analyze journal_entries`
    )
  }, 60_000)
  afterAll(() =>
    query(
      one.stack.databaseUrl,
      `delete from payments where merchant like 'many_%';
       delete from journal_entries where merchant like 'many_%'`
    )
  )

  const cases: ReadonlyArray<
    readonly [by: string, question: Omit<PaymentQuestion, "limit">, index: string, rows: number]
  > = [
    ["reference", { reference: "order-1002" }, "payments_by_reference", 1],
    ["customer", { customer: "cus_12" }, "payments_by_customer", 21],
    ["rare metadata", { metadata: { box: "70" } }, "payments_by_metadata", 21],
    ["metadata that many have", { metadata: { channel: "web" } }, "payments_by_", 21],
    ["state", { status: "captured" }, "payments_by_merchant", 21],
    ["amount", { amountMin: 990 }, "payments_by_merchant", 21],
    ["time", { fromMillis: 1_700_000_500_000, toMillis: 1_700_000_600_000 }, "payments_by_", 21],
    [
      "a page far behind",
      { after: { createdMillis: 1_700_000_100_000, id: "pay_z" } },
      "payments_by_merchant",
      21
    ]
  ]

  test.each(cases)("%s is found by an index", async (_by, question, index, rows) => {
    const explained = await sql<{ "QUERY PLAN": ReadonlyArray<object> }>`
      explain (format json) ${paymentsQuery("many_0", { ...question, limit: 21 })}`.execute(db)
    const plan = JSON.stringify(explained.rows[0])
    expect(plan).toContain(`"Index Name":"${index}`)
    expect(plan).not.toContain("Seq Scan")
    const found = await paymentsQuery("many_0", { ...question, limit: 21 }).execute(db)
    expect(found.rows.length).toBe(rows)
  })

  test("so are the journal entries of a customer's payments", async () => {
    const payments = paymentsAbout("many_0", { customer: "cus_12" })
    const found = await searchJournal(db, { merchant: "many_0", payments, limit: 100 })
    expect(found).toHaveLength(100)
    const explained = await sql<{ "QUERY PLAN": ReadonlyArray<object> }>`
      explain (format json) select * from journal_entries e
      where e.merchant = 'many_0' and e.payment_id = any(${payments})
      order by at_millis desc limit 21`.execute(db)
    const plan = JSON.stringify(explained.rows[0])
    expect(plan).toContain('"Index Name":"payments_by_customer"')
    expect(plan).not.toContain("Seq Scan")
  })

  test("what changes with every step of a payment stands in no index", async () => {
    const [{ hot, updates } = { hot: 0, updates: 1 }] = await query(
      one.stack.databaseUrl,
      `with indexed as (
        select unnest(indkey) as attnum from pg_index where indrelid = 'payments'::regclass)
       select count(*) filter (where a.attname in ('status', 'doc', 'amount'))::int as hot,
         count(*)::int as updates
       from indexed join pg_attribute a using (attnum) where a.attrelid = 'payments'::regclass`
    ) as ReadonlyArray<{ hot: number; updates: number }>
    expect([hot, updates > 0]).toEqual([0, true])
  })
})
