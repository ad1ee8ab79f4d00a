import pg from "pg"
import { from as copyFrom } from "pg-copy-streams"

/** Tables whose rows are the work of a payment. Bookkeeping of the machine is in it: turns, events. */
const TABLES = [
  "payments",
  "journal_entries",
  "postings",
  "accounts",
  "events",
  "turns",
  "fraud_profiles",
  "notifications",
  "recon_states",
  "recon_findings"
] as const

interface Column {
  readonly name: string
  readonly type: string
}

interface Table {
  readonly name: string
  readonly columns: ReadonlyArray<Column>
  /** One array per column, as text. */
  readonly values: ReadonlyArray<ReadonlyArray<string | null>>
  readonly rows: number
}

interface RawLimit {
  readonly way: "unnest" | "copy"
  readonly batchPayments: number
  readonly connections: number
  readonly paymentsPerSecond: number
  readonly rows: number
}

/** Text of all rows is held in memory: of the largest table so many, and of the others the same share. */
const ROWS_READ_MAX = 400_000

const BATCHES = [500, 2_000, 5_000]
const CONNECTIONS = [1, 2, 4]
const SCHEMA = "raw_limit"

/**
 * What PostgreSQL alone can do: the rows of the run just measured, written again by a bare loop
 * into tables with the same columns, indexes and constraints. Each row is written once, in its last
 * form, with nothing decided and nothing sent. The best of all ways counts.
 */
export const measureRawLimit = async (
  databaseUrl: string,
  stored: number,
  tell: (line: string) => void
): Promise<{ readonly best: RawLimit; readonly all: ReadonlyArray<RawLimit> }> => {
  const admin = new pg.Client({ connectionString: databaseUrl })
  await admin.connect()
  try {
    const { share, tables } = await readTables(admin)
    const payments = Math.ceil(stored * share)
    const expected = tables.reduce((sum, { rows }) => sum + rows, 0)
    const all: Array<RawLimit> = []
    for (const way of ["unnest", "copy"] as const) {
      for (const connections of CONNECTIONS) {
        for (const batchPayments of BATCHES) {
          await recreate(admin, tables)
          const seconds = await write(databaseUrl, tables, way, {
            batches: Math.ceil(payments / batchPayments),
            connections
          })
          const counts = await Promise.all(
            tables.map(({ name }) => countRows(admin, SCHEMA, name))
          )
          const rows = counts.reduce((sum, count) => sum + count, 0)
          if (rows !== expected) throw new Error(`${rows} rows were written, ${expected} expected`)
          const one = {
            way,
            batchPayments,
            connections,
            paymentsPerSecond: payments / seconds,
            rows
          }
          all.push(one)
          tell(
            `raw ${way}, ${connections} connections, ${batchPayments} payments a batch: ` +
              `${Math.round(one.paymentsPerSecond)} payments/s, ${rows} rows`
          )
        }
      }
    }
    const best = all.reduce((left, right) =>
      right.paymentsPerSecond > left.paymentsPerSecond ? right : left
    )
    return { best, all }
  } finally {
    await admin.query(`drop schema if exists ${SCHEMA} cascade`)
    await admin.end()
  }
}

const readTables = async (
  client: pg.Client
): Promise<{ readonly tables: ReadonlyArray<Table>; readonly share: number }> => {
  const counts = new Map<string, number>()
  for (const name of TABLES) counts.set(name, await countRows(client, "public", name))
  const share = Math.min(1, ROWS_READ_MAX / Math.max(...counts.values()))
  const tables: Array<Table> = []
  for (const name of TABLES) {
    const { rows: columns } = await client.query<Column>(
      `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
       where attrelid = $1::regclass and attnum > 0 and not attisdropped
         and attidentity = '' and attgenerated = '' and attname <> 'transaction_id' order by attnum`,
      [name]
    )
    const { rows } = await client.query<Array<string | null>>({
      text: `select ${columns.map((column) => `"${column.name}"::text`).join(", ")}
        from ${name} limit ${Math.ceil(counts.get(name)! * share)}`,
      rowMode: "array"
    })
    tables.push({
      name,
      columns,
      values: columns.map((_, index) => rows.map((row) => row[index]!)),
      rows: rows.length
    })
  }
  return { tables, share }
}

const recreate = async (client: pg.Client, tables: ReadonlyArray<Table>) => {
  await client.query(`drop schema if exists ${SCHEMA} cascade; create schema ${SCHEMA}`)
  for (const { name } of tables) {
    await client.query(`create table ${SCHEMA}.${name} (like public.${name} including all)`)
  }
  await client.query("checkpoint")
}

const countRows = async (client: pg.Client, schema: string, name: string): Promise<number> => {
  const { rows: [row] } = await client.query(`select count(*)::int as n from ${schema}.${name}`)
  return row.n
}

const write = async (
  databaseUrl: string,
  tables: ReadonlyArray<Table>,
  way: "unnest" | "copy",
  options: { readonly batches: number; readonly connections: number }
): Promise<number> => {
  const clients = await Promise.all(
    Array.from({ length: options.connections }, async () => {
      const client = new pg.Client({ connectionString: databaseUrl })
      await client.connect()
      return client
    })
  )
  const started = performance.now()
  let next = 0
  await Promise.all(clients.map(async (client) => {
    for (let batch = next++; batch < options.batches; batch = next++) {
      await client.query("begin")
      for (const table of tables) {
        const from = Math.floor((table.rows * batch) / options.batches)
        const to = Math.floor((table.rows * (batch + 1)) / options.batches)
        if (to > from) await writers[way](client, table, from, to)
      }
      await client.query("commit")
    }
  }))
  const seconds = (performance.now() - started) / 1_000
  await Promise.all(clients.map((client) => client.end()))
  return seconds
}

type Writer = (client: pg.Client, table: Table, from: number, to: number) => Promise<void>

const names = (table: Table) => table.columns.map(({ name }) => `"${name}"`).join(", ")

const unnest: Writer = async (client, table, from, to) => {
  const arrays = table.columns.map((column, index) => `$${index + 1}::text[]::${column.type}[]`)
  const casts = table.columns.map(({ type }, index) =>
    // An array of arrays would be flattened by unnest, so such columns travel as text.
    type.endsWith("[]") ? `$${index + 1}::text[]` : arrays[index]
  )
  const selected = table.columns.map(({ type }, index) =>
    type.endsWith("[]") ? `c${index}::${type}` : `c${index}`
  )
  await client.query({
    name: `raw_${table.name}`,
    text: `insert into ${SCHEMA}.${table.name} (${names(table)})
      select ${selected.join(", ")} from unnest(${casts.join(", ")})
      as r (${table.columns.map((_, index) => `c${index}`).join(", ")})`,
    values: table.values.map((column) => column.slice(from, to))
  })
}

const escape = (value: string | null): string =>
  value === null
    ? "\\N"
    : value.replace(/[\\\n\r\t]/g, (one) =>
      one === "\\" ? "\\\\" : one === "\n" ? "\\n" : one === "\r" ? "\\r" : "\\t")

const copy: Writer = (client, table, from, to) => {
  const lines: Array<string> = []
  for (let row = from; row < to; row++) {
    lines.push(table.values.map((column) => escape(column[row]!)).join("\t"))
  }
  return new Promise((resolve, reject) => {
    const stream = client.query(
      copyFrom(`copy ${SCHEMA}.${table.name} (${names(table)}) from stdin`)
    )
    stream.on("error", reject)
    stream.on("finish", () => resolve())
    stream.end(lines.join("\n") + "\n")
  })
}

const writers = { unnest, copy } as const
