import { Effect, Layer } from "effect"
import { afterEach, expect, test } from "vitest"
import { placesOf } from "../../streams/places.ts"
import { Nats } from "../../src/bus/connection.ts"
import { Database } from "../../src/store/database.ts"
import { type MeterAlarm, meterPositions, meterReading } from "../../src/store/meter.ts"
import { connect } from "../../src/store/database.ts"
import { samplePartition } from "../../src/proof/meter/meter.ts"
import { Header } from "../../src/runtime/letter.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, merchantIn, sendAll, separate, startMachine } from "../support/machine.ts"
import { makeNotebookTables, notebook } from "../support/notebook.ts"

let machine: Machine
afterEach(() => machine.stop())

const PARTITION = 3
const merchant = merchantIn(PARTITION)

/** Turns with outputs on two targets, all committed and relayed. */
const work = async (rounds: number) => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  const worker = machine.work([notebook().actor])
  for (let round = 0; round < rounds; round++) await write(round)
  return worker
}

const write = async (round: number) => {
  await sendAll(
    machine,
    "fraud",
    Array.from({ length: 5 }, (_, index) => ({
      type: "note",
      merchant,
      body: { key: `k${index}`, text: `${round}`, event: true, emit: 2, to: "payments" }
    }))
  )
  const sent = 5 * (round + 1)
  await eventually(async () => {
    const [row] = await machine.rows(
      `select coalesce(sum(messages), 0)::int as done from turns where family = 'fraud'`
    )
    const events = await machine.stored("EVENTS", "events.fraud-03.>")
    return row.done === sent && events.length === sent ? true : undefined
  })
}

/** Samples one partition until nothing is left, as often as it takes. Answers every alarm. */
const compare = (): Promise<ReadonlyArray<MeterAlarm>> => {
  const { password, user } = machine.stack.nats.worker
  return Effect.runPromise(
    Effect.scoped(Effect.gen(function* () {
      const link = yield* Nats
      const database = yield* Database
      const alarms: Array<MeterAlarm> = []
      for (;;) {
        const positions = yield* database.query("positions", meterPositions)
        const place = positions.find((one) =>
          one.family === "fraud" && one.partition === PARTITION
        )!
        alarms.push(...(yield* samplePartition(link, placesOf(separate), place)).alarms)
        if (place.cursorSeq === place.seq) return alarms
      }
    })).pipe(Effect.provide(Layer.mergeAll(
      Nats.layerOf({ urls: machine.stack.natsUrls, user, password, name: "meter" }),
      Database.layerOf(machine.databaseUrl, 1),
      jsonLogs(() => {})
    )))
  )
}

const reading = async () => {
  const db = connect(machine.databaseUrl, 1)
  try {
    return await meterReading(db)
  } finally {
    await db.destroy()
  }
}

test(
  "a healthy partition shows zero, however often it is compared, and it goes on where it was",
  async () => {
    await work(4)
    expect(await compare()).toEqual([])
    const first = await reading()
    expect(first).toMatchObject({ gaps: 0, repeats: 0, messages: 20 })
    expect(first.outputs).toBeGreaterThan(10)
    expect(await compare()).toEqual([])
    await write(4)
    expect(await compare()).toEqual([])
    expect(await reading()).toMatchObject({ gaps: 0, repeats: 0, messages: 25, alarms: [] })
  },
  60_000
)

test("a deleted turn row is a gap", async () => {
  await work(4)
  const [row] = await machine.rows(
    `delete from turns where (family, partition, last_seq) = (select family, partition, last_seq
       from turns where family = 'fraud' order by last_seq offset 1 limit 1) returning first_seq`
  )
  const alarms = await compare()
  expect(alarms).toContainEqual(expect.objectContaining({
    kind: "gap",
    place: `FRAUD ${row.first_seq}`
  }))
  expect(alarms.map(({ detail }) => detail).join()).toMatch(/belong to no turn/)
  expect((await reading()).gaps).toBeGreaterThan(0)
  expect((await reading()).alarms[0]).toMatchObject({ family: "fraud", partition: PARTITION })
  // Found once: the meter goes on behind it.
  expect(await compare()).toEqual([])
}, 60_000)

test("a deleted last turn row is a gap, and so is a changed digest", async () => {
  await work(2)
  await machine.rows("update cursors set digest = 'x' where family = 'fraud' and partition = 3")
  expect(await compare()).toEqual([
    expect.objectContaining({ kind: "gap", detail: expect.stringMatching(/digest/) })
  ])
  await machine.rows("delete from meter_positions")
  await machine.rows(
    `delete from turns where last_seq = (select max(last_seq) from turns where family = 'fraud')
       and family = 'fraud'`
  )
  expect(await compare()).toContainEqual(
    expect.objectContaining({ kind: "gap", detail: expect.stringMatching(/behind the last turn/) })
  )
}, 60_000)

test(
  "a doubled message on a target is a repeat, whether the meter was there before or after",
  async () => {
    await work(3)
    const events = await machine.stored("EVENTS", "events.fraud-03.>")
    const double = async (which: number) => {
      const { header, subject, text } = events.at(which)!
      const headers = Object.fromEntries(
        [Header.type, Header.merchant, Header.emission].map((name) => [name, header(name)!])
      )
      return await machine.append(subject, headers, text)
    }
    const repeat = (seq: number) =>
      expect.objectContaining({ kind: "repeat", place: `EVENTS ${seq}` })
    const newest = await double(-1)
    expect(await compare()).toEqual(expect.arrayContaining([repeat(newest)]))
    const oldest = await double(0)
    expect(await compare()).toEqual(expect.arrayContaining([repeat(oldest)]))
    expect((await reading()).repeats).toBeGreaterThan(1)
  },
  60_000
)

test("an output that is not there is a gap", async () => {
  await work(3)
  await machine.rows(
    `update turns set emitted = jsonb_set(emitted::jsonb, '{PAYMENTS}', '7') where (family, last_seq) =
       (select family, min(last_seq) from turns where family = 'fraud' group by family)`
  )
  expect(await compare()).toContainEqual(expect.objectContaining({
    kind: "gap",
    place: expect.stringMatching(/^PAYMENTS /),
    detail: expect.stringMatching(/emitted messages are there/)
  }))
}, 60_000)

test("a turn that covers a message again is a repeat", async () => {
  await work(3)
  await machine.rows(
    `update turns set first_seq = first_seq - 3 where (family, last_seq) =
       (select family, max(last_seq) from turns where family = 'fraud' group by family)`
  )
  expect(await compare()).toContainEqual(expect.objectContaining({
    kind: "repeat",
    detail: expect.stringMatching(/begins before/)
  }))
}, 60_000)
