import { sql } from "kysely"
import pg from "pg"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { PreparedClient } from "../../src/store/preparedClient.ts"
import { rehearse, type Statement, together } from "../../src/store/statements.ts"
import { freshDatabaseUrl } from "../support/lastro.ts"

const url = freshDatabaseUrl()
let pool: pg.Pool

beforeAll(async () => {
  await ensureDatabase(url)
  pool = new pg.Pool({
    connectionString: url,
    // One connection: what a failure leaves behind on it is met by whatever comes next.
    max: 1,
    pipeline: true,
    Client: PreparedClient
  } as pg.PoolConfig)
  await pool.query("create table words (id int primary key, word text check (word <> ''))")
})
afterAll(async () => {
  await pool.end()
  await dropDatabase(url)
})
beforeEach(() => pool.query("truncate words"))

const add = (id: number, word: string): Statement =>
  sql`insert into words (id, word) values (${id}, ${word})`
const change = (id: number, word: string): Statement =>
  sql`update words set word = ${word} where id = ${id} returning word`

const words = async (): Promise<ReadonlyArray<string>> =>
  (await pool.query("select word from words order by id")).rows.map(({ word }) => word)
const backend = async (): Promise<number> =>
  (await pool.query("select pg_backend_pid() as pid")).rows[0].pid

test("statements are done in their order, each with its own values, one text as often as asked", async () => {
  await together(pool, [add(1, "um"), add(2, "dois"), change(1, "one"), add(3, "três")])
  expect(await words()).toEqual(["one", "dois", "três"])
})

test("where one is refused nothing is done, and the connection serves on with what it knows", async () => {
  const before = await backend()
  // The refused one is known to the server by then; the one behind it was never read.
  const unread = sql`delete from words where id = ${9}`
  await expect(together(pool, [add(1, "um"), add(2, ""), unread])).rejects.toMatchObject({
    code: "23514"
  })
  expect(await words()).toEqual([])
  await together(pool, [add(1, "um"), unread, change(1, "one")])
  expect(await words()).toEqual(["one"])
  expect(await backend()).toBe(before)
})

test("a statement that the server cannot read fails by itself, as often as it is sent", async () => {
  const wrong = sql`insert into nowhere values (${1})`
  for (let tries = 0; tries < 2; tries++) {
    await expect(together(pool, [add(1, "um"), wrong])).rejects.toMatchObject({ code: "42P01" })
  }
  expect(await words()).toEqual([])
})

test("a rehearsal tells what would be refused, and leaves nothing", async () => {
  await rehearse(pool, [add(1, "um"), change(1, "one")])
  await expect(rehearse(pool, [add(1, "um"), add(1, "dois")])).rejects.toMatchObject({
    code: "23505"
  })
  expect(await words()).toEqual([])
  await together(pool, [add(1, "um")])
  expect(await words()).toEqual(["um"])
})

test("a value that cannot be written down fails before anything is sent", async () => {
  const before = await backend()
  const circular: Record<string, unknown> = {}
  circular["itself"] = circular
  await expect(together(pool, [add(1, "um"), sql`select ${circular}::jsonb`])).rejects.toThrow()
  expect(await words()).toEqual([])
  expect(await backend()).toBe(before)
})

test("a connection that is cut under it is told as no answer of the server, and replaced", async () => {
  const cut = together(pool, [add(1, "um"), sql`select pg_terminate_backend(pg_backend_pid())`])
  await expect(cut).rejects.toThrow()
  expect(await words()).toEqual([])
  await together(pool, [add(1, "um")])
  expect(await words()).toEqual(["um"])
})
