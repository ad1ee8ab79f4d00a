import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { overdue as overdueDeliveries } from "../../actors/messaging/store.ts"
import { overdue as overdueOfPayments } from "../../actors/payments/store.ts"
import { Database } from "../../src/store/database.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"

let tables: Journals
beforeAll(async () => {
  tables = await startJournals()
})
afterAll(() => tables.stop())

const rows = (text: string) => query(tables.databaseUrl, text)
const idsOf = <E>(wakes: Effect.Effect<ReadonlyArray<{ readonly id: string }>, E, Database>) =>
  Effect.runPromise(
    wakes.pipe(
      Effect.map((found) => found.map(({ id }) => id)),
      Effect.provide(Database.layerOf(tables.databaseUrl, 1))
    )
  )

/** More than are told at once, all older than what others wait for. */
const HELD_UP = 250

const setAside = (family: string, key: string) =>
  rows(
    `insert into parked_keys (family, partition, merchant, actor_key, attempts, quarantined, reason,
      wake_at_millis)
    select '${family}', 1, 'acme', ${key}, 1, true, 'broken', 0
    from generate_series(1, ${HELD_UP}) n`
  )

describe("wakes of keys that are set aside do not hide those of others", () => {
  test("of payments and payouts", async () => {
    await rows(`insert into payment_wakes (timer, partition, merchant, payment_id, due_millis)
      select case when n % 2 = 0 then 'po_' || n else 'pay_' || n || '.charge.1' end, 1, 'acme',
        case when n % 2 = 0 then 'balance:BRL' else 'pay_' || n end, n
      from generate_series(1, ${HELD_UP}) n`)
    await setAside("payments", "case when n % 2 = 0 then 'po_' || n else 'pay_' || n end")
    await rows(`insert into payment_wakes (timer, partition, merchant, payment_id, due_millis)
      values ('pay_b.charge.1', 1, 'acme', 'pay_b', 1001), ('pay_a.charge.1', 1, 'acme', 'pay_a', 1000),
        -- Another merchant's key of that name is no trouble of this one, nor another partition's.
        ('pay_1.expiry', 1, 'globex', 'pay_1', 1002), ('pay_2.expiry', 2, 'acme', 'pay_2', 1),
        ('pay_c.expiry', 1, 'acme', 'pay_c', 2000)`)
    expect(await idsOf(overdueOfPayments(1, 2_000))).toEqual([
      "pay_a.charge.1",
      "pay_b.charge.1",
      "pay_1.expiry"
    ])
  })

  test("of webhooks", async () => {
    await rows(`insert into webhook_deliveries (id, merchant, partition, due_millis, doc,
        endpoint_id, about, created_millis)
      select 'wd_' || n, 'acme', 1, n, '{}', 'we', '', 0 from generate_series(1, ${HELD_UP}) n`)
    await setAside("messaging", "'delivery:wd_' || n")
    await rows(`insert into webhook_deliveries (id, merchant, partition, due_millis, doc,
        endpoint_id, about, created_millis)
      values ('wd_a', 'acme', 1, 1000, '{}', 'we', '', 0)`)
    expect(await idsOf(overdueDeliveries(1, 2_000))).toEqual(["wd_a"])
  })
})
