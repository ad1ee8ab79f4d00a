import { randomBytes } from "node:crypto"
import { Effect, ManagedRuntime, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { migrations } from "../../migrations/index.ts"
import { Keys } from "../../src/edge/access/keys.ts"
import { createApiKey, keepApiKey } from "../../src/store/apiKeys.ts"
import { Database } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { eventually, freshDatabaseUrl } from "../support/lastro.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

const databaseUrl = freshDatabaseUrl()
const runtime = ManagedRuntime.make(Database.layerOf(databaseUrl, 2))
let asked = 0
let keys: Keys

beforeAll(async () => {
  await ensureDatabase(databaseUrl)
  await migrate(databaseUrl, migrations)
  const database = await runtime.runPromise(Effect.flatMap(Database, Effect.succeed))
  keys = new Keys({
    ...database,
    query: (name, run) => {
      asked += 1
      return database.query(name, run)
    }
  })
})
afterAll(async () => {
  await runtime.dispose()
  await dropDatabase(databaseUrl)
})

const invented = () => `sk_${randomBytes(24).toString("base64url")}`
const made = () =>
  runtime.runPromise(
    Effect.flatMap(Database, (database) =>
      database.query("test", (db) =>
        createApiKey(db, { name: "acme", merchant: "acme", scopes: merchantScopes })))
  )

const tried = async (secret: string) =>
  Result.match(await Effect.runPromise(Effect.result(keys.authenticate(`Bearer ${secret}`))), {
    onSuccess: ({ merchant }) => merchant,
    onFailure: ({ status }) => status
  })

test(
  "any number of unknown keys costs a few queries, and none of them keeps a right one out",
  async () => {
    const right = await made()
    expect(await tried(right)).toBe("acme")
    asked = 0
    const began = performance.now()
    for (let round = 0; round < 40; round++) {
      const answers = await Promise.all(
        [right, ...Array.from({ length: 300 }, invented)].map(tried)
      )
      expect(answers[0]).toBe("acme")
      expect(new Set(answers.slice(1))).toEqual(new Set([401]))
    }
    // One for each of so many milliseconds, whoever asks.
    expect(asked).toBeLessThanOrEqual(Math.ceil((performance.now() - began) / 20) + 1)
    // More than are remembered were tried since: the right one is asked for by nobody all the same.
    asked = 0
    expect([await tried(right), asked]).toEqual(["acme", 0])
  },
  60_000
)

test("the same wrong key is not asked for again, and one that is made later works within a second", async () => {
  const wrong = invented()
  expect(await tried(wrong)).toBe(401)
  asked = 0
  expect(await Promise.all(Array.from({ length: 50 }, () => tried(wrong)))).toEqual(
    Array.from({ length: 50 }, () => 401)
  )
  expect(asked).toBe(0)

  const database = await runtime.runPromise(Effect.flatMap(Database, Effect.succeed))
  await Effect.runPromise(
    database.query(
      "test",
      (db) => keepApiKey(db, wrong, { name: "late", merchant: "late", scopes: merchantScopes })
    )
  )
  const began = performance.now()
  await eventually(async () => await tried(wrong) === "late" || undefined)
  expect(performance.now() - began).toBeLessThan(2_000)
  // Nobody tried this one before: it works at once.
  expect(await tried(await made())).toBe("acme")
})
