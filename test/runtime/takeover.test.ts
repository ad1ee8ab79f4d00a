import { Cause, Effect, Exit, Fiber, Latch, Layer } from "effect"
import pg from "pg"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NatsLink } from "../../src/bus/connection.ts"
import { runPartition } from "../../src/runtime/partition.ts"
import type { CrashPoint } from "../../src/runtime/turnPlace.ts"
import { connect, Database, DatabaseUnavailable, type Db } from "../../src/store/database.ts"
import { beginCursor, takeOver } from "../../src/store/takeover.ts"
import { Appender } from "../../src/bus/appender.ts"
import { openLanes } from "../../src/runtime/lanes.ts"
import { isFence } from "../../src/store/fence.ts"
import { moveCursors } from "../../src/store/turn.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"
import { becomes, type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, type Notebook, notebook, pageOf } from "../support/notebook.ts"

let machine: Machine
let link: NatsLink
let db: Db
beforeAll(async () => {
  machine = await startMachine()
  await makeNotebookTables(machine.databaseUrl)
  db = connect(machine.databaseUrl, 3)
  link = machine.worker
})
afterAll(async () => {
  await db.destroy()
  await machine.stop()
})

interface Owner {
  readonly owner: string
  readonly revision: number
  readonly bucketMillis?: number
  readonly crash?: (point: CrashPoint) => void
  readonly database?: Layer.Layer<Database>
}

const actorsOf = ({ actor }: Notebook) => new Map([["fraud", actor]])

/** Owns one partition under a chosen epoch, without any lease: as a former owner believes it does. */
const own = (book: Notebook, partition: number, settings: Owner) => {
  const stopAsked = Latch.makeUnsafe(false)
  const fiber = Effect.runFork(
    Effect.flatMap(openLanes(actorsOf(book)), (lanes) =>
      runPartition({
        link,
        appender: new Appender(link),
        lanes,
        bundleMaxOf: () => 100,
        mailbox: "fraud",
        actors: actorsOf(book),
        stream: "FRAUD",
        partition,
        epoch: { bucketMillis: settings.bucketMillis ?? 1, revision: settings.revision },
        owner: settings.owner,
        addressing: {
          mailbox: "fraud",
          partition,
          source: sourceOf("fraud", partition),
          streamOf: (family) => family.toUpperCase(),
          partitions: 8,
          routesOf: () => [],
          messageBytesMax: 500_000
        },
        crash: settings.crash ?? (() => {}),
        paused: () => false,
        stopAsked
      })).pipe(Effect.provide(
        Layer.mergeAll(
          Layer.provideMerge(
            TurnStore.layer,
            settings.database ?? Database.layerOf(machine.databaseUrl)
          ),
          jsonLogs(() => {})
        )
      ))
  )
  const ended = () => Effect.runPromise(Fiber.await(fiber))
  return {
    ended,
    /** How it failed. */
    failure: async () => {
      const exit = await ended()
      if (Exit.isSuccess(exit)) throw new Error("it did not fail")
      return Cause.squash(exit.cause) as { readonly _tag?: string; readonly message: string }
    },
    stop: async () => {
      stopAsked.openUnsafe()
      expect(Exit.isSuccess(await ended())).toBe(true)
    }
  }
}

const note = (partition: number, body: Record<string, unknown>) =>
  machine.send("fraud", "note", merchantIn(partition), body)

const texts = (partition: number, key: string, count: number) =>
  eventually(async () => {
    const page = await pageOf(machine.databaseUrl, merchantIn(partition), key)
    return page !== undefined && page.texts.length >= count ? page.texts : undefined
  })

const cursorOf = async (partition: number) =>
  (await machine.rows("select * from cursors where family = 'fraud' and partition = $1", [
    partition
  ]))[0]

const move = (epochRevision: number, previousSeq: number, seq: number) => ({
  family: "test",
  partition: 0,
  epochBucket: 1,
  epochRevision,
  previousSeq,
  seq,
  seqAtMillis: 1,
  clockMillis: 1,
  digest: "01"
})

const claim = (revision: number, owner: string, bucketMillis: number) => ({
  mailbox: "test",
  families: ["test"],
  partition: 0,
  bucketMillis,
  revision,
  owner,
  partitions: 8
})

const raise = async (revision: number, owner: string, bucketMillis = 1) => {
  const taken = await db.transaction().execute((trx) =>
    takeOver(trx, claim(revision, owner, bucketMillis))
  )
  return taken?.cursor
}

const commit = (epochRevision: number, previousSeq: number, seq: number) =>
  moveCursors("test", [move(epochRevision, previousSeq, seq)]).execute(db)

test("G4: the cursor moves under the present epoch, from where it stands, and not otherwise", async () => {
  expect(await raise(5, "one")).toBeUndefined()
  await beginCursor(db, "test", 0, "then")
  expect(await raise(5, "one")).toMatchObject({ seq: 0 })
  await commit(5, 0, 10)
  await expect(commit(5, 0, 12)).rejects.toSatisfy(isFence)
  await expect(commit(4, 10, 12)).rejects.toSatisfy(isFence)
  expect(await raise(6, "two")).toMatchObject({ seq: 10 })
  await expect(commit(5, 10, 11)).rejects.toSatisfy(isFence)
  await commit(6, 10, 11)
})

test("an epoch must be above the stored one, bucket first", async () => {
  expect(await raise(6, "again")).toBeUndefined()
  expect(await raise(5, "late")).toBeUndefined()
  // A recreated bucket starts again at revision 1, and is above all of the former.
  expect(await raise(1, "recreated", 2)).toMatchObject({ seq: 11 })
  expect(await raise(900, "restored", 1)).toBeUndefined()
})

test("a frozen former owner's open database transaction is ended by whoever takes over", async () => {
  const frozen = new pg.Client({
    connectionString: machine.databaseUrl,
    application_name: "lastro-frozen"
  })
  frozen.on("error", () => {})
  await frozen.connect()
  const turn = "update cursors set seq = seq + 1, backend_pid = pg_backend_pid() " +
    "where family = 'test' and partition = 0"
  // Its first turn on this connection: the row does not know the connection yet.
  await frozen.query("begin")
  await frozen.query(turn)
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(await raise(2, "awake", 2)).toMatchObject({ seq: 11 })
  await expect(frozen.query("commit")).rejects.toThrow()
  await frozen.end().catch(() => {})
})

test("G4: an owner that was paused while somebody took over commits and emits nothing", async () => {
  const former = notebook()
  const next = notebook()
  const one = own(former, 0, { owner: "one", revision: 1 })
  await note(0, { key: "a", text: "first", emit: 1 })
  await texts(0, "a", 1)
  let wake = () => {}
  const { begun } = former
  former.hold = new Promise((resolve) => (wake = resolve))
  await note(0, { key: "b", text: "paused", emit: 1, amount: 1 })
  // Paused in its turn: it has the message and loads.
  await becomes(() => former.begun > begun)
  const two = own(next, 0, { owner: "two", revision: 2 })
  await texts(0, "b", 1)
  wake()
  expect(["PartitionFenced", "ReaderLost"]).toContain((await one.failure())._tag)
  await note(0, { key: "a", text: "last", emit: 1 })
  expect(await texts(0, "a", 2)).toEqual(["first", "last"])
  await two.stop()
  const lines = await machine.rows("select text from lines where merchant = $1", [merchantIn(0)])
  expect(lines).toEqual([{ text: "paused" }])
  const emitted = await machine.stored("PAYMENTS", "payments.0.fraud-00")
  expect(emitted.map(({ text }) => JSON.parse(text).text)).toEqual([
    "first 0",
    "paused 0",
    "last 0"
  ])
})

test("G4: an owner whose epoch was passed, and whose reader still reads, cannot commit", async () => {
  const book = notebook()
  const one = own(book, 1, { owner: "one", revision: 1 })
  await note(1, { key: "a", text: "first" })
  await texts(1, "a", 1)
  await machine.rows(
    "update cursors set epoch_revision = 2, owner = 'two' where family = 'fraud' and partition = 1"
  )
  await note(1, { key: "a", text: "second", amount: 1 })
  expect((await one.failure())._tag).toBe("PartitionFenced")
  expect((await pageOf(machine.databaseUrl, merchantIn(1), "a"))!.texts).toEqual(["first"])
  expect(await machine.rows("select 1 from lines where merchant = $1", [merchantIn(1)])).toEqual([])
})

const points = ["before-commit", "after-commit", "before-append", "after-append"] as const

test.each(points)("G2: a death %s leaves every effect once, in order", async (point) => {
  const partition = 2
  const key = `died ${point}`
  const { epoch_revision } = await cursorOf(partition) ?? { epoch_revision: 0 }
  const already = (await machine.stored("PAYMENTS", "payments.2.fraud-02")).length
  let deaths = 0
  const one = own(notebook(), partition, {
    owner: "one",
    revision: Number(epoch_revision) + 1,
    crash: (reached) => {
      if (reached !== point || deaths++ > 0) return
      throw new Error(`died ${point}`)
    }
  })
  await note(partition, { key, text: "a", amount: 1, emit: 2, event: true })
  await note(partition, { key, text: "b", amount: 1, emit: 1, event: true })
  expect((await one.failure()).message).toContain(`died ${point}`)
  const two = own(notebook(), partition, { owner: "two", revision: Number(epoch_revision) + 2 })
  expect(await texts(partition, key, 2)).toEqual(["a", "b"])
  await two.stop()
  const rows = await machine.rows(
    "select text from lines where seq in (select seq from lines order by seq desc limit 2) order by seq"
  )
  expect(rows).toEqual([{ text: "a" }, { text: "b" }])
  const emitted = await machine.stored("PAYMENTS", "payments.2.fraud-02")
  expect(emitted.slice(already).map(({ text }) => JSON.parse(text).text)).toEqual([
    "a 0",
    "a 1",
    "b 0"
  ])
  const events = await machine.stored("EVENTS", "events.fraud-02.note.taken")
  expect(events.filter(({ text }) => JSON.parse(text).about === key)).toHaveLength(2)
})

test("a commit whose answer was lost is recognised and not made again", async () => {
  let lost = 0
  const database = Layer.effect(
    Database,
    Effect.map(Database, (real) =>
      Database.of({
        query: real.query,
        rehearsal: real.rehearsal,
        transaction: real.transaction,
        together: (name, statements) =>
          real.together(name, statements).pipe(
            Effect.flatMap(() =>
              name !== "fraud.turns" || lost++ > 0
                ? Effect.void
                : Effect.fail(new DatabaseUnavailable({ query: name, cause: "connection lost" }))
            )
          )
      }))
  ).pipe(Layer.provide(Database.layerOf(machine.databaseUrl)))
  const one = own(notebook(), 3, { owner: "one", revision: 1, database })
  await note(3, { key: "a", text: "first", amount: 1, emit: 1 })
  expect(await texts(3, "a", 1)).toEqual(["first"])
  await note(3, { key: "a", text: "second", emit: 1 })
  expect(await texts(3, "a", 2)).toEqual(["first", "second"])
  await one.stop()
  expect(lost).toBe(2)
  const emitted = await machine.stored("PAYMENTS", "payments.3.fraud-03")
  expect(emitted.map(({ text }) => JSON.parse(text).text)).toEqual(["first 0", "second 0"])
})

test("a commit that did not happen is told as an outage, and the next owner makes it", async () => {
  let failed = 0
  const database = Layer.effect(
    Database,
    Effect.map(Database, (real) =>
      Database.of({
        query: real.query,
        rehearsal: real.rehearsal,
        transaction: real.transaction,
        together: (name, statements) =>
          name !== "fraud.turns" || failed++ > 0
            ? real.together(name, statements)
            : Effect.fail(new DatabaseUnavailable({ query: name, cause: "no connection" }))
      }))
  ).pipe(Layer.provide(Database.layerOf(machine.databaseUrl)))
  const one = own(notebook(), 4, { owner: "one", revision: 1, database })
  await note(4, { key: "a", text: "first", emit: 1 })
  expect((await one.failure())._tag).toBe("DatabaseUnavailable")
  expect(await pageOf(machine.databaseUrl, merchantIn(4), "a")).toBeUndefined()
  const two = own(notebook(), 4, { owner: "one", revision: 2 })
  expect(await texts(4, "a", 1)).toEqual(["first"])
  await two.stop()
})

test("a turn commits only after the one before has reached every target", async () => {
  const { config, state } = await machine.api("STREAM.INFO.PAYMENTS")
  const one = own(notebook(), 5, { owner: "one", revision: 1 })
  await note(5, { key: "a", text: "first" })
  await texts(5, "a", 1)
  await machine.api("STREAM.UPDATE.PAYMENTS", { ...config, max_msgs: state.messages })
  await note(5, { key: "a", text: "second", emit: 1 })
  await texts(5, "a", 2)
  // The mailbox is full: this turn's message waits, and so does the next turn's commit.
  await note(5, { key: "a", text: "third" })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(await texts(5, "a", 2)).toEqual(["first", "second"])
  await machine.api("STREAM.UPDATE.PAYMENTS", config)
  expect(await texts(5, "a", 3)).toEqual(["first", "second", "third"])
  await one.stop()
  const emitted = await machine.stored("PAYMENTS", "payments.5.fraud-05")
  expect(emitted).toHaveLength(1)
})

test("a cursor beyond the end of its stream stops the partition for a person", async () => {
  const one = own(notebook(), 6, { owner: "one", revision: 1 })
  await note(6, { key: "a", text: "first" })
  await texts(6, "a", 1)
  await one.stop()
  const { seq } = await cursorOf(6)
  await machine.rows("update cursors set seq = 1000000 where family = 'fraud' and partition = 6")
  const failure = await own(notebook(), 6, { owner: "one", revision: 2 }).failure()
  expect(failure._tag).toBe("PartitionInconsistent")
  expect(failure.message).toMatch(/recreated or restored/)
  await machine.rows("update cursors set seq = $1 where family = 'fraud' and partition = 6", [seq])
  const next = own(notebook(), 6, { owner: "one", revision: 3 })
  await note(6, { key: "a", text: "second" })
  expect(await texts(6, "a", 2)).toEqual(["first", "second"])
  await next.stop()
})

test("a recorded relay tail beyond its target's end stops the partition for a person", async () => {
  const one = own(notebook(), 7, { owner: "one", revision: 1 })
  await note(7, { key: "a", text: "first", emit: 1 })
  await texts(7, "a", 1)
  await note(7, { key: "a", text: "second" })
  await texts(7, "a", 2)
  await one.stop()
  await machine.rows(
    `update turns set tails = '{"PAYMENTS": [999999, 1, 0]}' where family = 'fraud' and partition = 7`
  )
  const next = own(notebook(), 7, { owner: "one", revision: 2 })
  await note(7, { key: "a", text: "third", emit: 1 })
  expect((await next.failure())._tag).toBe("RelayFenced")
})

test("a recreated stream stops the partition for a person", async () => {
  const spec = (await machine.api("STREAM.INFO.FRAUD")).config
  await machine.api("STREAM.DELETE.FRAUD")
  await machine.api("STREAM.CREATE.FRAUD", spec)
  // As long as before, so that only its age tells.
  for (let index = 0; index < 60; index++) await note(0, { key: "again", text: "x" })
  const failure = await own(notebook(), 0, { owner: "one", revision: 9 }).failure()
  expect(failure._tag).toBe("PartitionInconsistent")
  expect(await pageOf(machine.databaseUrl, merchantIn(0), "again")).toBeUndefined()
})
