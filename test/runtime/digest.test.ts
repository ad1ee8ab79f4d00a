import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append } from "../../src/bus/append.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { migrations } from "../../migrations/index.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually, freshDatabaseUrl } from "../support/lastro.ts"
import { type Machine, merchantIn, sendAll, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook } from "../support/notebook.ts"
import { query } from "../support/query.ts"

let machine: Machine
const others: Array<string> = []
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
})
afterAll(async () => {
  await machine.stop()
  for (const url of others) await dropDatabase(url)
})

const HOUR = 3_600_000
const NOTES = 900

/** Everything an actor may do, and what it must survive. */
const bodyOf = (index: number): unknown => {
  const key = `k${index % 13}`
  switch (index % 10) {
    case 1:
      return { key, text: `${index}`, emit: 2 }
    case 2:
      return { key, text: `${index}`, event: true, and: [`k${(index + 1) % 13}`] }
    case 3:
      return { key, text: `${index}`, refuse: true }
    case 4:
      return { key, text: `${index}`, ringIn: 9 * HOUR }
    case 5:
      return index % 100 === 5 ? { key: `d${index}`, text: "x", defect: true } : { key, text: "5" }
    case 6:
      return index % 100 === 6 ? { key: `p${index}`, text: "x", amount: -1 } : { key, text: "6" }
    case 7:
      return index % 50 === 7 ? "{" : { key: `d${index - 2}`, text: `${index}` }
    default:
      return { key, text: `${index}`, amount: 1 }
  }
}

const commands = Array.from({ length: NOTES }, (_, index) => ({
  type: "note",
  merchant: merchantIn(index % PARTITIONS, index % 3),
  body: bodyOf(index)
}))

const configure = (version: number) =>
  Effect.runPromise(append(
    machine.admin.nc,
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      subject: `fraud.${partition}.control`,
      headers: [],
      payload: JSON.stringify({ version, config: { label: `v${version}` } })
    }))
  ))

const cursors = (url: string) =>
  query(
    url,
    `select partition, seq::int, encode(digest, 'hex') as digest from cursors
      where family = 'fraud' order by partition`
  )

/** All partitions stand at the last message that is theirs. */
const finished = async (url: string) => {
  const ends = await Promise.all(
    Array.from(
      { length: PARTITIONS },
      async (_, partition) =>
        (await machine.api("STREAM.MSG.GET.FRAUD", { last_by_subj: `fraud.${partition}.>` }))
          .message.seq as number
    )
  )
  return await eventually(async () => {
    const found = await cursors(url)
    return found.length === PARTITIONS && found.every(({ seq }, index) => seq === ends[index])
      ? found
      : undefined
  }, 60_000)
}

const freshDatabase = async () => {
  const url = freshDatabaseUrl()
  others.push(url)
  await ensureDatabase(url)
  await migrate(url, migrations)
  await makeNotebookTables(url)
  return url
}

const effects = async (url: string) => ({
  notes: await query(url, "select merchant, key, doc from notes order by merchant, key"),
  lines: await query(url, "select partition, seq, merchant, text, amount from lines order by seq"),
  parked: await query(url, "select merchant, actor_key, seq from parked_messages order by seq"),
  dead: await query(
    url,
    "select id, seq, actor_key, reason, cause from dead_letters order by seq, id"
  ),
  events: await query(url, "select type, about, body from events order by merchant, at_millis, id")
})

const turnsOf = async (url: string) =>
  (await query(url, "select count(*)::int as turns from turns where family = 'fraud'"))[0].turns

test(
  "G15: the same mailbox gives the same digests and the same effects, whatever its turns",
  async () => {
    // As it came: small turns.
    const live = machine.work([notebook().actor], { source: "live" })
    for (let start = 0; start < NOTES; start += 30) {
      if (start === 300) await configure(1)
      if (start === 600) await configure(2)
      await sendAll(machine, "fraud", commands.slice(start, start + 3))
      for (const { body, merchant } of commands.slice(start + 3, start + 30)) {
        await machine.send("fraud", "note", merchant, body)
      }
    }
    const expected = await finished(machine.databaseUrl)
    await live.stop()

    // From the beginning, in turns as large as they get.
    const whole = await freshDatabase()
    const replaying = machine.work([notebook().actor], { source: "whole", databaseUrl: whole })
    expect(await finished(whole)).toEqual(expected)
    await replaying.stop()
    expect(await turnsOf(whole)).toBeLessThan(await turnsOf(machine.databaseUrl))

    // With owners that come, die in the middle of a turn, and go.
    const broken = await freshDatabase()
    let turns = 0
    for (let owner = 0; owner < 4; owner++) {
      const working = machine.work([notebook().actor], {
        source: "broken",
        databaseUrl: broken,
        name: `owner-${owner}`,
        crash: (point) => {
          if (point === "before-commit" && ++turns % 5 === 2) throw new Error("died")
        }
      })
      await new Promise((resolve) => setTimeout(resolve, 500))
      await working.stop()
    }
    const last = machine.work([notebook().actor], { source: "broken", databaseUrl: broken })
    expect(await finished(broken)).toEqual(expected)
    await last.stop()

    const wanted = await effects(machine.databaseUrl)
    expect(wanted.dead.length).toBeGreaterThan(20)
    expect(wanted.notes.length).toBeGreaterThan(100)
    expect(await effects(whole)).toEqual(wanted)
    expect(await effects(broken)).toEqual(wanted)
  },
  180_000
)
