import { type RawBuilder, sql, type Transaction } from "kysely"
import type { Db } from "./database.ts"

const CHECKPOINT = "checkpoint_"
/** Older ones are dropped when another is taken: each is a copy of every state. */
const CHECKPOINTS_KEPT = 3

const within = (schema: string, table: string): RawBuilder<unknown> => sql.id(schema, table)

/** The same database, where every table is looked for in one schema, and commits wait for no disk. */
export const urlWithin = (databaseUrl: string, schema: string): string => {
  const url = new URL(databaseUrl)
  url.searchParams.set("options", `-c search_path=${schema} -c synchronous_commit=off`)
  return url.href
}

/** Every table once more, empty, in a schema of its own. */
export const createShadow = async (db: Db, schema: string): Promise<void> => {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace
      and relkind = 'r' and relname not like 'kysely%'`.execute(db)
  await sql`create schema ${sql.id(schema)}`.execute(db)
  for (const { name } of rows) {
    await sql`create unlogged table ${within(schema, name)} (like ${within("public", name)}
      including all)`.execute(db)
  }
}

export const dropSchema = async (db: Db, schema: string): Promise<void> => {
  await sql`drop schema if exists ${sql.id(schema)} cascade`.execute(db)
}

/** Newest first. */
export const checkpoints = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ name: string }>`
    select nspname as name from pg_namespace where starts_with(nspname, ${CHECKPOINT})
    order by nspname desc`.execute(db)
  return rows.map(({ name }) => name)
}

/** Up to which sequence every partition of each family stands in a checkpoint. */
export const reachOf = async (
  db: Db,
  checkpoint: string
): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await sql<{ family: string; seq: string }>`
    select family, min(seq) as seq from ${within(checkpoint, "cursors")} group by family`.execute(
    db
  )
  return new Map(rows.map(({ family, seq }) => [family, Number(seq)]))
}

/**
 * Whether other code decided the last turn of some partition, and no checkpoint holds what it came to: a
 * replay by this code may differ up to there.
 */
export const isLeftByOtherCode = async (db: Db, codeVersion: string): Promise<boolean> => {
  const { rows: left } = await sql<{ family: string; partition: number; seq: string }>`
    select c.family, c.partition, c.seq from cursors c cross join lateral (
      select code_version from turns t where t.family = c.family and t.partition = c.partition
      order by last_seq desc limit 1) last
    where last.code_version <> ${codeVersion}`.execute(db)
  const [newest] = left.length === 0 ? [] : await checkpoints(db)
  if (newest === undefined) return left.length > 0
  for (const [mailbox, partitions] of Map.groupBy(left, ({ family }) => family)) {
    const kept = await keptCursors(db, newest, mailbox)
    const isKept = partitions.every(({ partition, seq }) => kept.get(partition) === Number(seq))
    if (!isKept) return true
  }
  return false
}

/** Copies of these tables as they stand at one moment, cursors included. */
export const takeCheckpoint = async (
  db: Db,
  tables: ReadonlyArray<string>,
  at: Date
): Promise<string> => {
  const schema = CHECKPOINT + at.toISOString().replace(/\D/g, "")
  await db.transaction().setIsolationLevel("repeatable read").execute(async (trx) => {
    await sql`create schema ${sql.id(schema)}`.execute(trx)
    await copyTables(trx, tables, (table) => within(schema, table))
  })
  for (const old of (await checkpoints(db)).slice(CHECKPOINTS_KEPT)) await dropSchema(db, old)
  return schema
}

const copyTables = async (
  trx: Transaction<unknown>,
  tables: ReadonlyArray<string>,
  to: (table: string) => RawBuilder<unknown>
) => {
  for (const table of tables) {
    await sql`create table ${to(table)} as select * from ${within("public", table)}`.execute(trx)
  }
}

/**
 * Puts a checkpoint's rows into a shadow. Columns that came later keep their defaults, and those that
 * follow from others are made anew.
 */
export const fillShadow = async (db: Db, schema: string, checkpoint: string): Promise<void> => {
  const { rows } = await sql<{ name: string; columns: Array<string> }>`
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
      and not a.attisdropped
    join pg_attribute now on now.attrelid = to_regclass(format('public.%I', c.relname))
      and now.attname = a.attname and now.attgenerated = ''
    where c.relnamespace = ${checkpoint}::regnamespace and c.relkind = 'r'
    group by c.relname`.execute(db)
  for (const { columns, name } of rows) {
    const list = sql.join(columns.map((column) => sql.id(column)))
    await sql`insert into ${within(schema, name)} (${list}) overriding system value
      select ${list} from ${within(checkpoint, name)}`.execute(db)
  }
}

/** The live tables as they stand at one moment, beside the shadow's, and the cursors of that moment. */
export const copyLive = (db: Db, schema: string, mailbox: string, tables: ReadonlyArray<string>) =>
  db.transaction().setIsolationLevel("repeatable read").execute(async (trx) => {
    await copyTables(trx, tables, (table) => within(schema, `live_${table}`))
    return await liveCursors(trx, mailbox)
  })

export const liveCursors = async (
  db: Db,
  mailbox: string
): Promise<ReadonlyMap<number, { readonly seq: number; readonly streamCreated: string }>> => {
  const { rows } = await sql<{ partition: number; seq: string; stream_created: string }>`
    select partition, seq, stream_created from public.cursors where family = ${mailbox}
    order by partition`.execute(db)
  return new Map(
    rows.map((row) => [row.partition, { seq: Number(row.seq), streamCreated: row.stream_created }])
  )
}

/** Where the partitions of a mailbox stand in a checkpoint. */
export const keptCursors = async (
  db: Db,
  checkpoint: string,
  mailbox: string
): Promise<ReadonlyMap<number, number>> => {
  const { rows } = await sql<{ partition: number; seq: string }>`
    select partition, seq from ${within(checkpoint, "cursors")}
    where family = ${mailbox}`.execute(db)
  return new Map(rows.map(({ partition, seq }) => [partition, Number(seq)]))
}

/** Columns that a replay cannot repeat: identities, times of writing, database transactions, causes. */
const ownColumns = sql`a.attidentity <> '' or t.typname = 'xid8'
  or coalesce(pg_get_expr(d.adbin, d.adrelid), '') like '%now()%'
  or (c.relname = 'parked_keys' and a.attname = 'reason')`

interface Comparison {
  readonly table: string
  readonly families: ReadonlyArray<string>
  /** Undefined where all partitions were replayed. */
  readonly partitions: ReadonlyArray<number> | undefined
  /** Rows from before the replay's start are not in it. */
  readonly sinceOnly: boolean
}

const DIFFERENCES_TOLD = 5

interface Compared {
  readonly name: string
  readonly key: boolean
  readonly own: boolean
  /** PostgreSQL tells no two texts of JSON apart, only what they mean. */
  readonly json: boolean
}

/** Rows in which a shadow table differs from the copied live one. */
export const tableDifferences = async (
  db: Db,
  schema: string,
  { families, partitions, sinceOnly, table }: Comparison
): Promise<ReadonlyArray<string>> => {
  const { rows: columns } = await sql<Compared>`
    select a.attname as name, coalesce(a.attnum = any(i.indkey), false) as key,
      ${ownColumns} as own, a.atttypid = 'json'::regtype as json
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.oid = ${`public.${table}`}::regclass
    order by a.attnum`.execute(db)
  const has = (name: string) => columns.some((one) => one.name === name)
  const keys = columns.filter(({ key }) => key).map(({ name }) => name)
  const compared = columns.filter(({ own }) => !own)
  const of = (side: string) =>
    sql.join(compared.map(({ json, name }) => {
      const column = sql.ref(`${side}.${name}`)
      return json ? sql`${column}::jsonb` : column
    }))
  const conditions = [
    ...(has("family") ? [sql`family = any(${families})`] : []),
    ...(partitions !== undefined && has("partition") ? [sql`partition = any(${partitions})`] : [])
  ]
  const where = conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`
  // Without a partition of their own, live rows of other partitions cannot be told from missing ones.
  const shadowOnly = sinceOnly || (partitions !== undefined && !has("partition"))
  const first = keys[0]!
  const key = sql.join(
    keys.map((key) => sql`coalesce(${sql.ref(`s.${key}`)}, ${sql.ref(`l.${key}`)})`)
  )
  const { rows } = await sql<{ key: string; what: string }>`
    select jsonb_build_array(${key})::text as key,
      case when ${sql.ref(`l.${first}`)} is null then 'only the replay has it'
        when ${sql.ref(`s.${first}`)} is null then 'only the live table has it'
        else (select 'differs in ' || string_agg(x.key, ', ') from jsonb_each(to_jsonb(s)) x
          where x.key = any(${
    compared.map(({ name }) => name)
  }) and x.value is distinct from to_jsonb(l) -> x.key)
        end as what
    from (select * from ${within(schema, table)} ${where}) s
    ${shadowOnly ? sql`left` : sql`full`} join
      (select * from ${within(schema, `live_${table}`)} ${where}) l
      on ${
    sql.join(keys.map((key) => sql`${sql.ref(`s.${key}`)} = ${sql.ref(`l.${key}`)}`), sql` and `)
  }
    where ${sql.ref(`s.${first}`)} is null or ${sql.ref(`l.${first}`)} is null
      or row(${of("s")}) is distinct from row(${of("l")})
    order by ${key} limit ${DIFFERENCES_TOLD}`.execute(db)
  return rows.map(({ key, what }) => `${table} ${key}: ${what}`)
}

export interface ReplayableTurn {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly messages: number
  readonly codeVersion: string
  readonly digest: string
  readonly notes: unknown
}

export const turnsBetween = async (
  db: Db,
  place: { readonly family: string; readonly partition: number },
  afterSeq: number,
  untilSeq: number,
  limit: number
): Promise<ReadonlyArray<ReplayableTurn>> => {
  const { rows } = await sql<{
    first_seq: string
    last_seq: string
    messages: number
    code_version: string
    digest: string
    notes: unknown
  }>`
    select first_seq, last_seq, messages, code_version, encode(digest, 'hex') as digest, notes
    from public.turns where family = ${place.family} and partition = ${place.partition}
      and last_seq > ${afterSeq} and last_seq <= ${untilSeq}
    order by last_seq limit ${limit}`.execute(db)
  return rows.map((row) => ({
    firstSeq: Number(row.first_seq),
    lastSeq: Number(row.last_seq),
    messages: row.messages,
    codeVersion: row.code_version,
    digest: row.digest,
    notes: row.notes
  }))
}
