import { Schema } from "effect"
import * as fs from "node:fs"
import { resolve } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { migrations } from "../../migrations/index.ts"
import { edgeRoutes } from "../../src/house/edge.ts"
import { actorsOf } from "../../actors/register.ts"
import { openApi } from "../../src/edge/openapi/document.ts"
import type { MessageSchemas } from "../../src/runtime/evolution.ts"
import { generationOf } from "../../src/runtime/evolution.ts"
import { fromProducers, natsUsers } from "../../streams/users.ts"
import { events, eventTypes } from "../../streams/events.ts"
import { readers } from "../../streams/consumers.ts"
import { topology } from "../../streams/topology.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl } from "../support/lastro.ts"
import { query } from "../support/query.ts"
import { schemaOf } from "../support/schema.ts"

/** What others rely on. A change shows up here as a difference for a person to look at. */
const golden = (name: string, text: string) => {
  const file = resolve("test/golden", name)
  if (process.env["UPDATE_GOLDEN"] === "1") fs.writeFileSync(file, text)
  const kept = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : ""
  expect(text, `${name} changed: is it meant? Then run again with UPDATE_GOLDEN=1`).toBe(kept)
}

const json = (value: unknown): string => JSON.stringify(value, null, 2) + "\n"

let databaseUrl: string
beforeAll(async () => {
  databaseUrl = freshDatabaseUrl()
  await ensureDatabase(databaseUrl)
  await migrate(databaseUrl, migrations)
})
afterAll(() => dropDatabase(databaseUrl))

test("the database schema is as recorded", async () => {
  golden("schema.txt", await schemaOf(databaseUrl))
})

test("migrations are applied once, in order", async () => {
  expect(await migrate(databaseUrl, migrations)).toEqual([])
  const applied = await query(databaseUrl, "select name from kysely_migration order by timestamp")
  expect(applied.map(({ name }) => name)).toEqual(Object.keys(migrations).sort())
})

test("the topology is as recorded, on one server and in a cluster", () => {
  golden("topology.json", json([...topology(1), ...readers]))
  const replicas = topology(3).map(({ num_replicas }) => num_replicas)
  expect(new Set(replicas)).toEqual(new Set([3]))
  const peers = Object.keys(topology(3)[0]!.metadata!).filter((name) => name.includes(".peer-"))
  expect(peers).toHaveLength(3)
  const plain = topology(3).map((spec, index) => ({
    ...spec,
    num_replicas: 1,
    metadata: topology(1)[index]!.metadata
  }))
  expect(plain).toEqual(topology(1))
})

test("what each NATS identity may do is as recorded", () => {
  golden("users.json", json({ users: natsUsers(["acme"]), from_producers: fromProducers }))
})

/** The table of currencies has a test of its own; here it would stand thirty times. */
const briefly = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (key, one) =>
      key === "enum" && one.length > 40 ? [`${one.length} values, ${one[0]} to ${one.at(-1)}`] : one)
  )

test("every message's schema is as recorded, with the generation that last changed it", () => {
  const actors = actorsOf({ gateways: [], allowPrivateWebhooks: false })
  const recorded = actors.map(({ changes, family, messages }) => [
    family,
    Object.fromEntries(
      Object.entries(messages as MessageSchemas).map(([type, schema]) => [type, {
        generation: generationOf({ [type]: changes?.[type] ?? [] }),
        schema: Schema.toJsonSchemaDocument(schema).schema
      }])
    )
  ])
  golden("messages.json", json(briefly(Object.fromEntries(recorded))))
})

test("the API description is as recorded", () => {
  golden("openapi.json", json(openApi(edgeRoutes({ allowPrivateWebhooks: false }))))
})

test("the event catalogue is as recorded", () => {
  const schemas = eventTypes.map((type) => Schema.toJsonSchemaDocument(events[type].body))
  const recorded = eventTypes.map((type, index) => {
    const { body: _, ...told } = events[type]
    return [type, { ...told, schema: schemas[index]!.schema }]
  })
  const definitions = Object.assign({}, ...schemas.map(({ definitions }) => definitions))
  golden("events.json", json(briefly({ definitions, events: Object.fromEntries(recorded) })))
})
