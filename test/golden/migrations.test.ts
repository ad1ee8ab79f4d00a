import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { migrations, OLDEST } from "../../migrations/index.ts"
import { migrated } from "../../src/house/migrated.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl } from "../support/lastro.ts"
import { query } from "../support/query.ts"
import { schemaOf } from "../support/schema.ts"

/**
 * Every migration in the order in which they came into use, which is not that of their numbers, with a
 * hash of its source. Lines are added at the end and never changed: what has run anywhere has run so.
 */
const FILE = "test/golden/migrations.txt"
const hashOf = (name: string) =>
  createHash("sha256").update(fs.readFileSync(`migrations/${name}.ts`)).digest("hex")
const lineOf = (name: string) => `${name} ${hashOf(name)}`

const recorded = fs.readFileSync(FILE, "utf8").trimEnd().split("\n")
const shipped = recorded.map((line) => line.split(" ")[0]!)

test("the list of migrations only grows, and none that is in it changes", () => {
  const added = Object.keys(migrations).filter((name) => !shipped.includes(name))
  if (process.env["UPDATE_GOLDEN"] === "1" && added.length > 0) {
    fs.appendFileSync(FILE, added.map((name) => lineOf(name) + "\n").join(""))
    return
  }
  expect(
    added,
    `new migrations are written down in ${FILE} by running this test with UPDATE_GOLDEN=1`
  ).toEqual([])
  expect(shipped.filter((name) => !(name in migrations)), "these were taken away").toEqual([])
  expect(
    recorded.filter((line) => line !== lineOf(line.split(" ")[0]!)),
    "these were changed: what has run anywhere is never edited, another migration mends it (only where " +
      `it has run nowhere but here: take its line out of ${FILE} and run with UPDATE_GOLDEN=1)`
  ).toEqual([])
})

let whole: string
const urls: Array<string> = []
/** A database on which these have run. */
const ranOn = async (names: ReadonlyArray<string>): Promise<string> => {
  const url = freshDatabaseUrl()
  urls.push(url)
  await ensureDatabase(url)
  await migrate(url, Object.fromEntries(names.map((name) => [name, migrations[name]!])))
  return url
}
const linesOf = (schema: string) => schema.split("\n").sort((one, other) => one < other ? -1 : 1)

beforeAll(async () => {
  whole = await schemaOf(await ranOn(Object.keys(migrations)))
})
afterAll(async () => {
  await Promise.all(urls.map(dropDatabase))
})

/** Every version that can still be upgraded from, by the migrations it had. */
const versions = shipped.slice(shipped.indexOf(OLDEST)).map((_, index) =>
  shipped.slice(0, shipped.indexOf(OLDEST) + index + 1)
)

test("data of every version from the oldest on gets the same schema", async () => {
  expect(versions.length).toBeGreaterThan(10)
  for (const names of versions) {
    const url = await ranOn(names)
    const rest = Object.keys(migrations).filter((name) => !names.includes(name))
    expect([names.at(-1), await migrated(url)]).toEqual([names.at(-1), rest])
    expect([names.at(-1), linesOf(await schemaOf(url))]).toEqual([names.at(-1), linesOf(whole)])
  }
})

test("data of a newer version, and of one before the oldest, is refused by name and left as it is", async () => {
  const newer = await ranOn(shipped)
  await query(newer, "insert into kysely_migration values ('9999_tomorrow', now()::text)")
  await expect(migrated(newer)).rejects.toMatchObject({
    _tag: "StackError",
    message: expect.stringMatching(/newer version than this one, .* not know 9999_tomorrow: nothing/)
  })
  const before = shipped.slice(0, shipped.indexOf(OLDEST))
  const older = await ranOn(before)
  await expect(migrated(older)).rejects.toMatchObject({
    _tag: "StackError",
    message: expect.stringMatching(new RegExp(`version before ${OLDEST}, .* nothing was done`))
  })
  expect(await query(older, "select name from kysely_migration order by name"))
    .toEqual(before.map((name) => ({ name })))
})
