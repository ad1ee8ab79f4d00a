import { Effect, Layer, ManagedRuntime, Result } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { migrations } from "../../migrations/index.ts"
import { EventStreams, STREAMS_PER_KEY_MAX } from "../../src/edge/eventStreams.ts"
import { AccessChanges } from "../../src/edge/access/changes.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { Database } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { eventually, freshDatabaseUrl, query } from "../support/lastro.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

const databaseUrl = freshDatabaseUrl()
/** Queries by name. */
const asked = new Map<string, number>()

const counting = Layer.effect(
  Database,
  Effect.map(Database, (database): Database["Service"] => ({
    ...database,
    query: (name, run) => {
      asked.set(name, (asked.get(name) ?? 0) + 1)
      return database.query(name, run)
    }
  }))
).pipe(Layer.provide(Database.layerOf(databaseUrl, 4)))

const runtime = ManagedRuntime.make(
  EventStreams.layer.pipe(
    Layer.provide(Layer.succeed(AccessChanges, { onChange: () => {} })),
    Layer.provideMerge(counting)
  )
)

beforeAll(async () => {
  await ensureDatabase(databaseUrl)
  await migrate(databaseUrl, migrations)
})
afterAll(async () => {
  await runtime.dispose()
  await dropDatabase(databaseUrl)
})

const keyOf = (merchant: string) =>
  runtime.runPromise(
    Effect.flatMap(Database, (database) =>
      database.query("test.key", (db) =>
        createApiKey(db, { name: merchant, merchant, scopes: merchantScopes })))
  )

let made = 0
/** Writes this many events of a merchant in one transaction. */
const happens = async (merchant: string, count: number): Promise<void> => {
  await query(
    databaseUrl,
    `insert into events (id, merchant, type, about, at_millis, body)
     select 'evt_' || nth, $1, 'payment.captured', 'pay_' || nth, nth, jsonb_build_object('nth', nth)
     from generate_series($2::int, $3::int) as nth`,
    [merchant, made + 1, made + count]
  )
  made += count
}

const open = async (merchant: string, secret: string, after = ["0", "0"] as const) => {
  const abort = new AbortController()
  const opened = await runtime.runPromise(
    Effect.flatMap(
      EventStreams,
      (streams) =>
        Effect.result(
          streams.open({
            merchant,
            after,
            caller: secret,
            endsWith: [],
            until: Infinity,
            secret,
            signal: abort.signal
          })
        )
    )
  )
  return { opened, leave: () => abort.abort() }
}

/** Reads on until the stream ends, and tells what came. */
const follow = (stream: ReadableStream<Uint8Array>, pause = 0) => {
  const ids: Array<string> = []
  let ended = false
  void (async () => {
    const utf8 = new TextDecoder()
    let rest = ""
    for await (const chunk of stream) {
      const blocks = (rest + utf8.decode(chunk, { stream: true })).split("\n\n")
      rest = blocks.pop()!
      for (const block of blocks) {
        if (block.startsWith("id: ")) ids.push(/"id":"(\w+)"/.exec(block)![1]!)
      }
      if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause))
    }
    ended = true
  })()
  return { ids, hasEnded: () => ended }
}

const opened = async (merchant: string, secret: string, pause = 0) => {
  const { opened, leave } = await open(merchant, secret)
  return { leave, ...follow(Result.getOrThrow(opened), pause) }
}

describe("event streams", () => {
  test("each reader gets every event once and in order, whenever it joins and however slow it is", async () => {
    const merchants = ["acme", "zenith"]
    const keys = await Promise.all(merchants.map(keyOf))
    const readers: Array<{ merchant: string; ids: Array<string>; leave: () => void }> = []
    for (let round = 0; round < 6; round++) {
      for (const [nth, merchant] of merchants.entries()) {
        await happens(merchant, 150 * (round + 1))
        const pause = round % 2 === 0 ? 0 : 40
        readers.push({ merchant, ...await opened(merchant, keys[nth]!, pause) })
      }
      await new Promise((resolve) => setTimeout(resolve, 250 * (round % 3)))
    }
    for (const merchant of merchants) {
      const rows = await query(
        databaseUrl,
        "select id from events where merchant = $1 order by transaction_id, position",
        [merchant]
      )
      const expected = rows.map(({ id }) => id)
      for (const { ids } of readers.filter((one) => one.merchant === merchant)) {
        await eventually(() => Promise.resolve(ids.length >= expected.length || undefined))
        expect(ids).toEqual(expected)
      }
    }
    for (const { leave } of readers) leave()
  })

  test("any number of streams asks the database as often as one", async () => {
    const secret = await keyOf("busy")
    const readers = await Promise.all(
      Array.from({ length: STREAMS_PER_KEY_MAX }, () => opened("busy", secret))
    )
    const { opened: one } = await open("busy", secret)
    expect(Result.isFailure(one) && [one.failure.status, one.failure.code]).toEqual([
      429,
      "too_many_streams"
    ])
    await happens("busy", 1)
    await eventually(() =>
      Promise.resolve(readers.every(({ ids }) => ids.length === 1) || undefined)
    )
    asked.clear()
    await happens("busy", 1)
    await eventually(() =>
      Promise.resolve(readers.every(({ ids }) => ids.length === 2) || undefined)
    )
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    expect([...asked.keys()].sort()).toEqual(["edge.stream", "edge.stream.keys"])
    expect(asked.get("edge.stream")).toBeLessThan(8)

    readers[0]!.leave()
    await eventually(() => Promise.resolve(readers[0]!.hasEnded() || undefined))
    const { leave, opened: again } = await open("busy", secret)
    expect(Result.isSuccess(again)).toBe(true)
    leave()
    for (const reader of readers) reader.leave()
  })

  test("a stream ends with its key, and those of other keys go on", async () => {
    const [ended, other] = await Promise.all([keyOf("ends"), keyOf("ends")])
    const [mine, theirs] = await Promise.all([opened("ends", ended), opened("ends", other)])
    const before = performance.now()
    await query(
      databaseUrl,
      "update api_keys set revoked_at = now() where hash = sha256($1::bytea)",
      [ended]
    )
    await eventually(() => Promise.resolve(mine.hasEnded() || undefined))
    expect(performance.now() - before).toBeLessThan(6_000)
    await happens("ends", 1)
    await eventually(() => Promise.resolve(theirs.ids.length === 1 || undefined))
    expect(mine.ids).toEqual([])
    theirs.leave()
  })
})
