import { afterAll, beforeAll, expect, test } from "vitest"
import { gatewayReceivable, merchantPending } from "../../src/ledger/chart.ts"
import {
  currencyOf,
  statementBounds,
  type StatementLine,
  statementLines
} from "../../src/ledger/statement.ts"
import { connect, type Db } from "../../src/store/database.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"

const path = merchantPending("acme", "BRL").path
const ENTRIES = 5_000
const PAGE = 50
const START = 1_700_000_000_000

let journals: Journals
/** One connection: what it read is counted when it says so. */
let db: Db
beforeAll(async () => {
  journals = await startJournals()
  await journals.write(
    Array.from({ length: ENTRIES }, (_, nth) => ({
      entry: {
        id: `je_${String(nth).padStart(26, "0")}`,
        kind: "capture",
        paymentId: `pay_${nth}`,
        postings: [{
          layer: "posted",
          debit: gatewayReceivable("simulator", 0, "BRL"),
          credit: merchantPending("acme", "BRL"),
          amount: BigInt(1 + nth % 7)
        }]
      },
      partition: 0,
      merchant: "acme",
      seq: nth,
      at: START + nth
    }))
  )
  db = connect(journals.databaseUrl, 1)
})
afterAll(async () => {
  await db.destroy()
  await journals.stop()
})

/** Postings that PostgreSQL fetched for a question, by its own count. */
const fetchedBy = async <A>(ask: () => Promise<A>) => {
  const count = async () => {
    const [{ fetched }] = await query(
      journals.databaseUrl,
      `select (coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as fetched
       from pg_stat_user_tables where relname = 'postings'`
    ) as [{ fetched: number }]
    return fetched
  }
  const flush = () => db.executeQuery({ sql: "select pg_stat_force_next_flush()" } as never)
  await flush()
  const before = await count()
  const answer = await ask()
  await flush()
  return { answer, fetched: await count() - before }
}

const whole = { fromMillis: 0, toMillis: START * 2 }
const sum = (lines: ReadonlyArray<StatementLine>) =>
  lines.reduce((total, { amount }) => total + BigInt(amount), 0n)

test("a page of a long statement reads its own lines and no more, the first and the last alike", async () => {
  const first = await fetchedBy(async () => (await statementBounds(db, "acme", path, whole))!)
  // Two places, found by halving.
  expect(first.fetched).toBeLessThan(400)
  const { closing_credits, end, opening_credits } = first.answer
  expect([opening_credits, closing_credits]).toEqual([
    "0",
    `${Array.from({ length: ENTRIES }, (_, nth) => 1 + nth % 7).reduce((all, one) => all + one)}`
  ])
  let place = first.answer.first
  const all: Array<StatementLine> = []
  const costs: Array<number> = []
  while (all.length < ENTRIES) {
    const { answer, fetched } = await fetchedBy(async () => {
      expect(await currencyOf(db, "acme", path)).toBe("BRL")
      return await statementLines(db, path, { first: place, end }, PAGE + 1)
    })
    costs.push(fetched)
    all.push(...answer.slice(0, PAGE))
    place = answer[PAGE]?.position ?? end
  }
  expect(Math.max(...costs)).toBeLessThanOrEqual(3 * (PAGE + 1))
  expect(all).toEqual(await statementLines(db, path, first.answer, ENTRIES + 1))
  expect(`${sum(all)}`).toBe(closing_credits)
})
