import { afterAll, beforeAll, expect, test } from "vitest"
import { checkpoint } from "../../src/cli/checkpoint.ts"
import { familyTables } from "../../actors/register.ts"
import { checkpointTables } from "../../src/house/replayed.ts"
import { replay } from "../../src/cli/replay.ts"
import { replayStack } from "../../src/house/replayStack.ts"
import { connect } from "../../src/store/database.ts"
import { checkpoints, takeCheckpoint } from "../../src/store/shadow.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"
import { query } from "../support/query.ts"
import { openShop, paidWith, type Shop } from "../support/shop.ts"

let lastro: TestLastro
let shop: Shop
let other: Shop
beforeAll(async () => {
  lastro = await startTestLastro()
  shop = await openShop(lastro, "acme")
  other = await openShop(lastro, "other")
})
afterAll(() => lastro.stop())

const families = Object.keys(familyTables)
const rows = (text: string) => query(lastro.stack.databaseUrl, text)

const business = async (one: Shop) => {
  const paid = await one.pay()
  await one.pay(paidWith("tok_declined"))
  await one.pay({ capture_method: "manual" })
  await one.post(`/v1/payments/${paid.json.id}/refunds`, { amount: 2_500 })
  await one.until(paid.json.id, (payment) => payment.amount_refunded === 2_500)
  await refundOften(one)
  await idle()
}

/** More than a payment's document keeps, on one that was there before; among them some refused. */
const refundOften = async (one: Shop) => {
  const { json } = await one.get("/v1/payments")
  const { id } = json.data.findLast(({ status }: { status: string }) => status === "captured")
  const often = Array.from(
    { length: 30 },
    (_, nth) => one.post(`/v1/payments/${id}/refunds`, { amount: nth % 5 === 0 ? 99_999 : 1 })
  )
  await Promise.all(often)
}

/** Nothing is on its way between mailboxes any more. */
const idle = () =>
  eventually(async () => {
    const sum = "select sum(seq)::text as seqs from cursors"
    const [before] = await rows(sum)
    await new Promise((resolve) => setTimeout(resolve, 700))
    const [after] = await rows(sum)
    return before.seqs === after.seqs ? true : undefined
  })

const replayed = (
  family: string,
  from: { checkpoint?: string; partition?: number } = {}
) =>
  replayStack(lastro.stack, family, {
    checkpoint: from.checkpoint,
    partition: from.partition
  })

const shadows = () => rows("select 1 from pg_namespace where nspname like 'replay\\_%'")

test(
  "G15: replaying the mailboxes from the beginning gives the same digests and the same balances",
  async () => {
    await business(shop)
    await business(other)
    for (const family of families) {
      const report = await replayed(family)
      expect([family, report.differences, report.other_versions]).toEqual([family, [], []])
      expect(report.partitions).toBe(8)
      if (family !== "reconciliation") expect(report.messages).toBeGreaterThan(1)
    }
    expect(await shadows()).toEqual([])
  },
  120_000
)

test("G15: the same from a checkpoint, while the system goes on", async () => {
  const db = connect(lastro.stack.databaseUrl, 1)
  const taken = await takeCheckpoint(db, checkpointTables, new Date())
  await business(shop)
  const going = business(other)
  for (const family of families) {
    const report = await replayed(family, { checkpoint: taken })
    expect([family, report.from, report.differences]).toEqual([family, taken, []])
  }
  await going
  const report = await replayed("payments", { checkpoint: taken })
  const whole = await replayed("payments")
  expect(report.differences).toEqual([])
  expect(report.messages).toBeGreaterThan(10)
  expect(report.messages).toBeLessThan(whole.messages)
  for (let more = 0; more < 3; more++) await takeCheckpoint(db, checkpointTables, new Date())
  expect(await checkpoints(db)).toHaveLength(3)
  expect(await checkpoints(db)).not.toContain(taken)
  await db.destroy()
}, 120_000)

test("one partition replays alone", async () => {
  const [{ partition, seq }] = await rows(
    "select partition, seq from cursors where family = 'payments' order by seq desc limit 1"
  )
  const report = await replayed("payments", { partition })
  expect(Number(seq)).toBeGreaterThan(0)
  expect(report).toMatchObject({ partitions: 1, differences: [] })
}, 60_000)

/** Changes something, replays, and puts it back. */
const tampered = async (family: string, change: string, back: string) => {
  await rows(change)
  const { differences } = await replayed(family)
  await rows(back)
  return differences
}

test("a state that was changed by hand is found, by its key and its column", async () => {
  const [{ id }] = await rows("select id from payments order by id limit 1")
  expect(
    await tampered(
      "payments",
      `update payments set status = 'lost' || status where id = '${id}'`,
      `update payments set status = substr(status, 5) where id = '${id}'`
    )
  ).toEqual([`payments ["${id}"]: differs in status`])
  const account = "select path from accounts order by path limit 1"
  const [{ path }] = await rows(account)
  expect(
    await tampered(
      "payments",
      `update accounts set posted_debits = posted_debits + 1 where path = '${path}'`,
      `update accounts set posted_debits = posted_debits - 1 where path = '${path}'`
    )
  ).toEqual([`accounts ["${path}"]: differs in posted_debits`])
}, 90_000)

test("a row that was added or taken away is found", async () => {
  expect(
    await tampered(
      "fraud",
      "insert into fraud_profiles values ('acme', 'invented', '{}')",
      "delete from fraud_profiles where key = 'invented'"
    )
  ).toEqual([`fraud_profiles ["acme", "invented"]: only the live table has it`])
  const [{ entry_id, line }] = await rows("select entry_id, line from postings limit 1")
  const name = `'${entry_id}' and line = ${line}`
  await rows(`create table kept_posting as select * from postings where entry_id = ${name}`)
  const found = await tampered(
    "payments",
    `delete from postings where entry_id = ${name}`,
    "insert into postings overriding system value select * from kept_posting"
  )
  await rows("drop table kept_posting")
  expect(found).toEqual([`postings ["${entry_id}", ${line}]: only the replay has it`])
}, 90_000)

test(
  "a recorded digest that was changed is found at its turn, and the command exits with 2",
  async () => {
    const [{ first_seq, last_seq, partition }] = await rows(
      `update turns set digest = decode('00', 'hex') where (family, partition, last_seq) =
       (select family, partition, last_seq from turns where family = 'payments'
          order by last_seq limit 1) returning first_seq, last_seq, partition`
    )
    const { differences } = await replayed("payments")
    expect(differences).toHaveLength(1)
    expect(differences[0]).toContain(
      `payments-${partition}: turn ${first_seq}–${last_seq} decides otherwise`
    )
    const { databaseUrl, natsMonitorUrl, natsUrls, nats } = lastro.stack
    const environment = {
      DATABASE_URL: databaseUrl,
      LASTRO_NATS_URL: natsUrls[0]!,
      LASTRO_NATS_MONITOR_URL: natsMonitorUrl,
      LASTRO_NATS_WORKER_USER: nats.worker.user,
      LASTRO_NATS_WORKER_PASSWORD: nats.worker.password
    }
    expect(await replay.run(["payments", "--json"], environment)).toBe(2)
    // It is decided with the others.
    expect(await replay.run(["fraud"], environment)).toBe(2)
    expect(await checkpoint.run(["--list"], environment)).toBe(0)
    await expect(replay.run(["gateway"], environment)).rejects.toThrow(/say one family of/)
    await expect(replay.run(["fraud", "--from", "checkpoint_1"], environment)).rejects.toThrow(
      /there is no checkpoint checkpoint_1/
    )
  },
  90_000
)

test("every table is a family's, the machine's, the edge's or the auditor's", async () => {
  const others = [
    "cursors",
    "turns",
    "events",
    "dead_letters",
    "parked_keys",
    "parked_messages",
    "actor_configs",
    "operator_actions",
    "api_keys",
    "access_changes",
    "action_chain",
    "action_entries",
    "access_ended",
    "oauth_assertions",
    "oauth_clients",
    "oauth_grants",
    "oauth_refresh_tokens",
    "oauth_signing_keys",
    "sessions",
    "idempotency_keys",
    "meter_positions",
    "meter_alarms",
    "audit_tree",
    "audit_tiles",
    "audit_roots",
    "audit_checkpoints",
    "audit_keys",
    "deployment"
  ]
  const known = new Set([
    ...others,
    ...Object.values(familyTables).flatMap(({ journals, states }) => [...states, ...journals])
  ])
  const found = await rows(
    "select tablename from pg_tables where schemaname = 'public' and tablename not like 'kysely%'"
  )
  expect(found.map(({ tablename }) => tablename).filter((name) => !known.has(name))).toEqual([])
})
