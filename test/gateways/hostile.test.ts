import { afterAll, beforeAll, expect, test } from "vitest"
import { besiege } from "../../src/trials/hostile/siege.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"
import { imbalances } from "../support/shop.ts"

/** More with `lastro hostile --payments 100000`; LASTRO_HOSTILE_PAYMENTS makes this test longer. */
const PAYMENTS = Number(process.env["LASTRO_HOSTILE_PAYMENTS"] ?? 2_000)

let one: TestLastro
beforeAll(async () => {
  one = await startTestLastro({ finalityMillis: 5_000 })
})
afterAll(() => one.stop())

test("M2: against a hostile gateway nothing is charged twice or stuck, and the books agree", {
  timeout: 600_000
}, async () => {
  const report = await besiege(one.lastro, { payments: PAYMENTS, seed: 7, rate: 150 }, () => {})
  expect(report).toMatchObject({ payments: PAYMENTS, stuck: 0, charged_twice: [] })
  expect(report.ledger).toEqual(report.gateway)
  expect([report.differing, report.examples, report.unlisted]).toEqual([0, [], 0])
  // Without a late charge in it nothing would have been proved about them.
  expect(report.contradictions).toBeGreaterThan(0)
  expect(report.refunds).toBeGreaterThan(100)
  expect(report.captures * report.voids * report.disputes * report.turned).toBeGreaterThan(0)
  expect(Object.keys(report.disputes_by_status)).toEqual(["lost", "won"])
  // A capture or a void that the gateway made in spite of its word leaves the authorization as it was.
  const ends = ["authorized", "captured", "failed", "voided"]
  expect(Object.keys(report.statuses).filter((status) => !ends.includes(status))).toEqual([])
  expect(report.ok).toBe(true)
  expect(await imbalances(one)).toEqual([])
})
