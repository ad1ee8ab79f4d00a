import { resolve } from "node:path"
import ts from "typescript"
import { afterAll, beforeAll, expect, test } from "vitest"
import { migrations } from "../../migrations/index.ts"
import { measureRawLimit } from "../../src/trials/bench/rawLimit.ts"
import { connect, type Db } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import * as shadow from "../../src/store/shadow.ts"
import { freshDatabaseUrl } from "../support/lastro.ts"
import { query } from "../support/query.ts"
import { nodesOf, readSources } from "../support/sources.ts"
import { Describer } from "../support/sql/described.ts"
import { faultsOf } from "../support/sql/faults.ts"
import { type ProductStatement, statementsIn } from "../support/sql/statements.ts"

/** Statements that are wrong, each with what must be found; a line each. */
const planted: ReadonlyArray<readonly [fault: string, statement: string]> = [
  ['column "idd" does not exist', "sql<{ id: string }>`select idd as id from payments`"],
  ['relation "payment" does not exist', "sql`delete from payment where id = ${text}`"],
  ["no column merchant", "sql<{ id: string; merchant: string }>`select id from payments`"],
  ["column merchant is not in the row", "sql<{ id: string }>`select id, merchant from payments`"],
  [
    "column created_millis is bigint, not number",
    "sql<{ created_millis: number }>`select created_millis from payments`"
  ],
  [
    "column created_millis is bigint, not never",
    "sql<{ created_millis: number } & { created_millis: string }>`select created_millis from payments`"
  ],
  ["column n is bigint, not number", "sql<{ n: number }>`select count(*) as n from payments`"],
  [
    "column at is timestamp with time zone, not string",
    "sql<{ at: string }>`select committed_at as at from turns`"
  ],
  ["column digest is bytea, not string", "sql<{ digest: string }>`select digest from turns`"],
  ["column scopes is text[], not string", "sql<{ scopes: string }>`select scopes from api_keys`"],
  ["column outbox may be null", "sql<{ outbox: string }>`select outbox from turns`"],
  ["count is number, the parameter text", "sql`delete from payments where id = ${count}`"],
  ["text is string, the parameter integer", "sql`delete from cursors where partition = ${text}`"],
  [
    "maybe is string or undefined, the parameter text",
    "sql`delete from payments where id = ${maybe}`"
  ],
  [
    "[text] is array of string, the parameter text",
    "sql`delete from payments where id = ${[text]}`"
  ],
  [
    "[count] is array of number, the parameter text[]",
    "sql`delete from payments where id = any(${[count]})`"
  ],
  [
    'column "doc" is of type jsonb but expression is of type text',
    "sql`insert into disputes (doc) select * from ${rowsOf([1], { doc: ['text', () => ''] })} as r`"
  ],
  [
    "column p.merchannt does not exist",
    "sql`select from payments p where ${maybe ? sql`true` : sql`p.merchannt = ${maybe}`}`"
  ],
  [
    "column p.merchannt does not exist",
    "sql`select from payments p where ${sql.join([sql`true`, maybe && sql`p.merchannt = ${maybe}`].filter((one) => one !== undefined), sql` and `)}`"
  ],
  [
    'column "debit" does not exist',
    "{ const half = (column: string) => sql`(select ${sql.ref(column)} from postings)`; sql`select from ${half('debit')} p`.execute(db) }"
  ],
  [
    'column "created_millis" of relation "balances" does not exist',
    "{ const save = (table: string) => sql`insert into ${sql.raw(table)} (created_millis) values (1)`; [save('payments'), save('balances')] }"
  ],
  [
    'column "docc" does not exist',
    "{ const kept = ({ name, column }: { name: string; column: string }) => sql`select ${sql.ref(column)} from ${sql.table(name)}`; const column = 'docc'; [kept({ name: 'payments', column: 'doc' }), kept({ name: 'balances', column })] }"
  ],
  ['column "nonsense" does not exist', "client.query('select nonsense from cursors')"]
]

/** As near to a mistake, and none. */
const right = [
  "sql<{ created_millis: string }>`select created_millis from payments`",
  "sql<{ n: number }>`select count(*)::int as n from payments`",
  "sql<{ outbox: string | null }>`select outbox from turns`",
  "sql<{ outbox: string }>`select outbox from turns where outbox is not null`",
  "sql<{ scopes: ReadonlyArray<string>; hash: Buffer }>`select scopes, hash from api_keys`",
  "sql<{ doc: { status: string } }>`select doc from payments where created_millis < ${count}`",
  "sql`delete from payments where id = any(${[text]})`"
]

const PLANTED = resolve("src/planted.ts")
const lines = [
  'import { sql } from "kysely"; import pg from "pg"; import { rowsOf } from "./store/rowsOf.ts";' +
  "declare const text: string; declare const maybe: string | undefined; declare const count: number;" +
  "declare const client: pg.Client; declare const db: never",
  ...planted.map(([, statement]) => statement),
  ...right
]
const sources = readSources({ file: PLANTED, text: lines.join("\n") })

const url = freshDatabaseUrl()
let database: Describer
let db: Db
beforeAll(async () => {
  await ensureDatabase(url)
  await migrate(url, migrations)
  database = await Describer.open(url)
  db = connect(url, 2)
})
afterAll(async () => {
  await db.destroy()
  await database.close()
  await dropDatabase(url)
})

/** Statements that only a run knows: the names in them are read off the catalogue. They are run below. */
const unknowable = [
  // Tables of the schemas that a replay and a checkpoint make.
  "src/store/shadow.ts: sql<{ family: string; seq: string }>` se",
  "src/store/shadow.ts: sql`insert into ${within(schema, name)} ",
  "src/store/shadow.ts: sql<{ partition: number; seq: string }>`",
  "src/store/shadow.ts: sql<{ key: string; what: string }>` sele",
  // The bench's copies of tables, with whatever columns they have.
  'src/trials/bench/rawLimit.ts: `select ${columns.map((column) => `"${co',
  "src/trials/bench/rawLimit.ts: `select count(*)::int as n from ${schema",
  "src/trials/bench/rawLimit.ts: `insert into ${SCHEMA}.${table.name} (${",
  // What sends all the others.
  "src/store/pipelined.ts: compiled.sql"
]

const faultsIn = async (
  statements: ReadonlyArray<ProductStatement>
): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const statement of statements) {
    for (const fault of await faultsOf(sources.checker, database, statement)) {
      found.push(`${statement.place}: ${fault}`)
    }
  }
  return found
}

test("a statement that does not fit the schema is found, and one that does is not", async () => {
  const expected = planted.map(([fault], index) => `src/planted.ts:${index + 2}: ${fault}`)
  const { statements } = statementsIn(sources, [PLANTED])
  expect((await faultsIn(statements)).toSorted()).toEqual(expected.toSorted())
})

test("every statement of the product fits the schema, in every form that it has", async () => {
  const { loose, statements, tables, ...found } = statementsIn(sources, sources.files)
  expect(found.unknowable.toSorted()).toEqual(unknowable.toSorted())
  const apart = /^src\/store\/(shadow|rowsOf)\.ts/
  expect(loose.filter((place) => !apart.test(place))).toEqual([])
  expect(statements.length).toBeGreaterThan(170)
  for (const table of tables) await query(url, table)
  expect(await faultsIn(statements)).toEqual([])
})

test("a statement is written as SQL: what a query builder makes, nobody would have checked", () => {
  const builders = new Set(["selectFrom", "insertInto", "updateTable", "deleteFrom", "mergeInto"])
  const built = sources.files.flatMap((file) =>
    nodesOf(sources.treeOf(file)).filter(ts.isPropertyAccessExpression)
      .filter(({ name }) => builders.has(name.text)).map((node) => `${file}: ${node.getText()}`)
  )
  expect(built).toEqual([])
})

test("the statements that only a run knows are run", async () => {
  await query(
    url,
    "insert into accounts values ('assets:x', 'm', 'BRL', 1, 0, 0, 0, 1), ('assets:y', 'm', 'BRL', 0, 1, 0, 0, 1)"
  )
  await query(
    url,
    `insert into cursors (family, partition, epoch_bucket, epoch_revision, owner, seq, seq_at_millis,
       clock_millis, stream_created, digest) values ('payments', 0, 0, 0, '', 7, 0, 0, '', '')`
  )
  const copied = ["accounts", "cursors"]
  const checkpoint = await shadow.takeCheckpoint(db, copied, new Date(0))
  expect(await shadow.reachOf(db, checkpoint)).toEqual(new Map([["payments", 7]]))
  expect(await shadow.keptCursors(db, checkpoint, "payments")).toEqual(new Map([[0, 7]]))
  await shadow.createShadow(db, "again")
  await shadow.fillShadow(db, "again", checkpoint)
  await query(url, "update again.accounts set version = 2 where path = 'assets:y'")
  await shadow.copyLive(db, "again", "payments", copied)
  const different = (table: string) =>
    shadow.tableDifferences(db, "again", {
      table,
      families: ["payments"],
      partitions: [0],
      sinceOnly: false
    })
  expect(await different("accounts")).toEqual(['accounts ["assets:y"]: differs in version'])
  expect(await different("cursors")).toEqual([])
  const { all } = await measureRawLimit(url, 1, () => {})
  expect(all.map(({ rows }) => rows)).toEqual(all.map(() => 2))
})
