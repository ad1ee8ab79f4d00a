import { Effect, Schema } from "effect"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { migrations } from "../../migrations/index.ts"
import { type MessageOf, outbound } from "../../src/runtime/actor.ts"
import { changed, type MessageChanges } from "../../src/runtime/evolution.ts"
import { ownerOf } from "../../src/runtime/rendezvous.ts"
import type { AnyKeyed, AnyOutbound } from "../../src/runtime/registry.ts"
import { Defer } from "../../src/runtime/supervision.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually, freshDatabaseUrl } from "../support/lastro.ts"
import { becomes, type Machine, merchantIn, startMachine } from "../support/machine.ts"
import { makeNotebookTables, Note, notebook, pageOf } from "../support/notebook.ts"
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
const stops: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

const work = (...args: Parameters<Machine["work"]>) => {
  const worker = machine.work(...args)
  stops.push(worker.stop)
}

/** The release after: what was a note's text is its words, and says how loud it is written. */
const { text: _, ...rest } = Note.fields
const LaterNote = Schema.Struct({ ...rest, words: Schema.String, loud: Schema.Boolean })
type LaterNote = typeof LaterNote.Type

const changes: MessageChanges = {
  note: [changed(2, Note, ({ text, ...more }) => ({ ...more, words: text, loud: false }))]
}

const older = (): AnyKeyed => notebook().actor
const newer = (): AnyKeyed => {
  const before = notebook().actor
  return {
    ...before,
    messages: { ...before.messages, note: LaterNote },
    changes,
    decide: (states, message, received) => {
      if (message.type !== "note") return before.decide(states, message, received)
      const { loud, words, ...more } = message.body as LaterNote
      const body = { ...more, text: loud ? words.toUpperCase() : words }
      return before.decide(states, { type: "note", body }, received)
    }
  }
}

const send = (merchant: string, key: string, text: string) =>
  machine.send("fraud", "note", merchant, { key, text })

/** A message as a worker of the later release writes it to a partition. */
const sendLater = (partition: number, merchant: string, key: string, words: string) =>
  machine.append(
    `fraud.${partition}.payments-0${partition}`,
    { "Lastro-Type": "note@2", "Lastro-Merchant": merchant },
    { key, words, loud: true }
  )

const textsOf = async (merchant: string, key: string, url = machine.databaseUrl) =>
  (await pageOf(url, merchant, key))?.texts ?? []

const become = (merchant: string, key: string, texts: ReadonlyArray<string>) =>
  eventually(async () => {
    const found = await textsOf(merchant, key)
    if (found.join() !== texts.join()) throw new Error(found.join())
    return true
  }, 30_000)

const deadLetters = async () => (await machine.rows("select id, cause from dead_letters")).length

const cursorsIn = (url: string) =>
  query(
    url,
    `select partition, seq::int, encode(digest, 'hex') as digest from cursors
      where family = 'fraud' order by partition`
  )

test("a later release reads the mailbox of the former one and comes to the same digests", async () => {
  work([older()], { name: "former" })
  for (let index = 0; index < 120; index++) {
    const body = index % 7 === 3
      ? { key: "k", text: `${index}`, refuse: true }
      : index % 11 === 5
      ? { key: "k", wrong: index }
      : { key: `k${index % 5}`, text: `${index}`, and: ["k"] }
    await machine.send("fraud", "note", merchantIn(index % PARTITIONS), body)
  }
  const ends = await Promise.all(
    Array.from(
      { length: PARTITIONS },
      async (_, partition): Promise<number> =>
        (await machine.api("STREAM.MSG.GET.FRAUD", { last_by_subj: `fraud.${partition}.>` }))
          .message.seq
    )
  )
  const caughtUp = (url: string) =>
    eventually(async () => {
      const rows = await cursorsIn(url)
      return rows.length === PARTITIONS && rows.every(({ seq }, index) => seq === ends[index])
        ? rows
        : undefined
    }, 30_000)
  const former = await caughtUp(machine.databaseUrl)
  await stops.pop()!()

  const url = freshDatabaseUrl()
  others.push(url)
  await ensureDatabase(url)
  await migrate(url, migrations)
  await makeNotebookTables(url)
  work([newer()], { name: "later", databaseUrl: url, source: "replayed" })
  const replayed = await caughtUp(url)
  expect(replayed).toEqual(former)
  const merchant = merchantIn(0)
  expect((await textsOf(merchant, "k", url)).length).toBeGreaterThan(5)
  expect(await textsOf(merchant, "k", url)).toEqual(await textsOf(merchant, "k"))
})

test("a message that an older worker cannot know waits for a newer one, in its place", async () => {
  const before = await deadLetters()
  // A partition that would stay with an older worker if it were a matter of hashing alone.
  const names = ["older", "as-old", "newer"]
  const ofOlder = (partition: number) => ownerOf(names, `fraud.${partition}`) !== "newer"
  const [first, second] = [...Array(PARTITIONS).keys()].filter(ofOlder) as [number, number]
  const [met, other] = [merchantIn(first, 4), merchantIn(second, 4)]
  work([older()], { name: "older" })
  work([older()], { name: "as-old" })
  await send(met, "page", "one")
  await become(met, "page", ["one"])
  await sendLater(first, met, "page", "two")
  await send(met, "page", "three")
  await becomes(() =>
    machine.logs.some((line) => line.includes("note@2") && line.includes("newer than generation 1"))
  )
  // It is nobody's fault: the rest goes on, and nothing of this partition is set aside.
  await send(other, "page", "elsewhere")
  await become(other, "page", ["elsewhere"])
  expect(await textsOf(met, "page")).toEqual(["one"])

  work([newer()], { name: "newer" })
  await become(met, "page", ["one", "TWO", "three"])
  expect(await deadLetters()).toBe(before)
  const owner = async (partition: number) =>
    (await machine.rows("select owner from cursors where family = 'fraud' and partition = $1", [
      partition
    ]))[0].owner
  expect(await owner(first)).toBe("newer")
  // The older ones keep what they can read.
  expect(await owner(second)).not.toBe("newer")
})

test("producers name the generation they write, and one nobody knows is refused, not waited for", async () => {
  work([newer()], { name: "present" })
  const merchant = merchantIn(6, 5)
  const command = (schema: string | undefined, body: unknown) =>
    machine.send("fraud", "note", merchant, body, {
      headers: schema === undefined ? {} : { "Lastro-Schema": schema }
    })
  await command(undefined, { key: "page", text: "old" })
  await command("1", { key: "page", text: "old, too" })
  await command("2", { key: "page", words: "new", loud: true })
  const refused = await command("9", { key: "page", words: "from nowhere", loud: true })
  const mixed = await command(undefined, { key: "page", words: "new in old clothes", loud: true })
  await command(undefined, { key: "page", text: "last" })
  await become(merchant, "page", ["old", "old, too", "NEW", "last"])
  const dead = await machine.rows(
    "select seq::int, reason from dead_letters where merchant = $1 order by seq",
    [merchant]
  )
  expect(dead).toEqual([
    { seq: refused, reason: "malformed" },
    { seq: mixed, reason: "malformed" }
  ])
})

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}
const Ring = Schema.Struct({ id: Schema.String })
const LaterRing = Schema.Struct({ id: Schema.String, for: Schema.String })

/** Calls of two releases: the later one knows whom to ask for. */
const phone = (rung: Array<string>, name: string, later: boolean): AnyOutbound => {
  const call = Effect.fnUntraced(function* ({ body }: MessageOf<{ ring: typeof Ring }>) {
    const { for: whom = "nobody", id } = body as { id: string; for?: string }
    rung.push(`${name} ${id} ${whom}`)
    return id === "" ? yield* new Busy() : []
  })
  const actor = outbound({
    family: "gateway",
    messages: { ring: Ring },
    destinationOf: () => "exchange",
    concurrencyPerDestination: 4,
    inFlightMax: 4,
    deadline: 5_000,
    call,
    deferred: () => [],
    unsent: () => [],
    unknown: () => [],
    supervision: { Busy: Defer }
  }) as unknown as AnyOutbound
  const before = changed(2, Ring, ({ id }) => ({ id, for: "anybody" }))
  return later ? { ...actor, messages: { ring: LaterRing }, changes: { ring: [before] } } : actor
}

test("a call that an older worker cannot read is made by a newer one, and an old call by either", async () => {
  const rung: Array<string> = []
  const ring = (type: string, body: unknown) =>
    machine.append("gateway.2.payments-02", { "Lastro-Type": type, "Lastro-Merchant": "m" }, body)
  work([phone(rung, "older", false)], { name: "older" })
  await ring("ring@2", { id: "a", for: "ana" })
  await ring("ring", { id: "b" })
  await becomes(() => rung.length === 1)
  expect(rung).toEqual(["older b nobody"])
  await stops.pop()!()

  work([phone(rung, "newer", true)], { name: "newer" })
  await ring("ring", { id: "c" })
  await becomes(() => rung.length === 3)
  expect(rung.slice(1).sort()).toEqual(["newer a ana", "newer c anybody"])
})
