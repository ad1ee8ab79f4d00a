import { Context, Effect, Exit, Layer, Scope } from "effect"
import pg from "pg"
import { type Booked, changesOf } from "../../ledger/journal.ts"
import { writeJournal } from "../../ledger/write.ts"
import { Database } from "../../store/database.ts"
import type { LedgerLoad } from "./ledgerLoads.ts"

export interface WayMeasured {
  /** "1,000 entries a batch" */
  readonly how: string
  readonly postings: number
  readonly seconds: number
  readonly perSecond: number
}

/** One way of writing a load. `from` is the number of its first entry: no two ways share one. */
export type Way = (
  databaseUrl: string,
  load: LedgerLoad,
  options: { readonly seconds: number; readonly from: number }
) => Promise<WayMeasured>

const batchOf = (load: LedgerLoad, from: number, entries: number): ReadonlyArray<Booked> =>
  Array.from({ length: entries }, (_, index) => load.next(from + index))

const postingsIn = (batch: ReadonlyArray<Booked>): number =>
  batch.reduce((sum, { entry }) => sum + entry.postings.length, 0)

/** Writes batch after batch until the time is over. The last one is finished and counted. */
const timed = async (
  how: string,
  seconds: number,
  write: (round: number) => Promise<number>
): Promise<WayMeasured> => {
  const started = performance.now()
  let postings = 0
  let elapsed = 0
  for (let round = 0; elapsed < seconds; round++) {
    postings += await write(round)
    elapsed = (performance.now() - started) / 1_000
  }
  return { how, postings, seconds: elapsed, perSecond: postings / elapsed }
}

/** The ledger's own way, as the turns of a partition use it: one database transaction after the other. */
export const ours = (entries: number): Way => async (databaseUrl, load, { from, seconds }) => {
  const scope = Scope.makeUnsafe()
  try {
    const context = await Effect.runPromise(
      Layer.buildWithScope(Database.layerOf(databaseUrl, 1), scope)
    )
    const database = Context.get(context, Database)
    return await timed(`${entries} entries a batch`, seconds, async (round) => {
      const batch = batchOf(load, from + round * entries, entries)
      await Effect.runPromise(database.together("bench", () => writeJournal(batch)))
      return postingsIn(batch)
    })
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const connected = async <A>(databaseUrl: string, run: (client: pg.Client) => Promise<A>) => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}

/** Columns as arrays, made before the clock runs: nothing is decided, checked or built within it. */
const rawRows = (batch: ReadonlyArray<Booked>) => {
  const lines = batch.flatMap(({ entry }) =>
    entry.postings.map((posting, line) => ({ id: entry.id, line, ...posting }))
  )
  const changes = [...changesOf(batch.map(({ entry }) => entry)).values()]
    .sort((left, right) => (left.account.path < right.account.path ? -1 : 1))
  return {
    journal: [
      batch.map(({ entry }) => entry.id),
      batch.map(({ merchant }) => merchant),
      batch.map(({ entry }) => entry.paymentId),
      batch.map(({ entry }) => entry.kind),
      batch.map(({ partition }) => partition),
      batch.map(({ seq }) => seq),
      batch.map(({ at }) => at)
    ],
    postings: [
      lines.map(({ id }) => id),
      lines.map(({ line }) => line),
      lines.map(({ layer }) => layer),
      lines.map(({ debit }) => debit.path),
      lines.map(({ credit }) => credit.path),
      lines.map(({ amount }) => `${amount}`),
      lines.map(({ debit }) => debit.currency)
    ],
    accounts: [
      changes.map(({ account }) => account.path),
      changes.map(({ totals }) => `${totals.postedDebits}`),
      changes.map(({ totals }) => `${totals.postedCredits}`)
    ]
  }
}

const rawStatements = {
  journal: `
    insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
    select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::bigint[],
      $7::bigint[])`,
  postings: `
    insert into postings (entry_id, line, layer, debit_account, credit_account, amount, currency)
    select * from unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::text[],
      $6::bigint[], $7::text[])`,
  accounts: `
    update accounts a set posted_debits = a.posted_debits + c.debits,
      posted_credits = a.posted_credits + c.credits, version = a.version + 1
    from unnest($1::text[], $2::numeric[], $3::numeric[]) as c (path, debits, credits)
    where a.path = c.path`
} as const

/** Entries made ahead for each second; the loop writes them and stops with the last at the latest. */
const RAW_ENTRIES_PER_SECOND = 100_000

/**
 * What PostgreSQL alone can do: the same rows into the same tables and indexes by a bare loop. What
 * is to be written is ready before the clock runs.
 */
export const raw = (entries: number): Way => (databaseUrl, load, { from, seconds }) =>
  connected(databaseUrl, async (client) => {
    const ready = Array.from({
      length: Math.ceil((RAW_ENTRIES_PER_SECOND * seconds) / entries)
    }, (_, round) => {
      const batch = batchOf(load, from + round * entries, entries)
      return { rows: rawRows(batch), postings: postingsIn(batch) }
    })
    const started = performance.now()
    let postings = 0
    let elapsed = 0
    for (const one of ready) {
      if (elapsed >= seconds) break
      await client.query("begin")
      for (const table of ["journal", "postings", "accounts"] as const) {
        await client.query({ name: table, text: rawStatements[table], values: one.rows[table] })
      }
      await client.query("commit")
      postings += one.postings
      elapsed = (performance.now() - started) / 1_000
    }
    return {
      how: `unnest, ${entries} entries a batch`,
      postings,
      seconds: elapsed,
      perSecond: postings / elapsed
    }
  })

const naiveStatements = {
  lock: `select path, posted_debits, posted_credits from accounts
    where path = any($1::text[]) order by path for update`,
  journal: `insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
    values ($1, $2, $3, $4, $5, $6, $7)`,
  posting: `
    insert into postings (entry_id, line, layer, debit_account, credit_account, amount, currency)
    values ($1, $2, 'posted', $3, $4, $5, $6)`,
  debit: `update accounts set posted_debits = posted_debits + $2, version = version + 1
    where path = $1`,
  credit: `update accounts set posted_credits = posted_credits + $2, version = version + 1
    where path = $1`
} as const

/** One database transaction for each entry, as most ledgers on PostgreSQL do it. */
export const naive = (connections: number): Way => async (databaseUrl, load, { from, seconds }) => {
  const started = performance.now()
  let next = from
  let postings = 0
  const run = (client: pg.Client) => async () => {
    const ask = (name: keyof typeof naiveStatements, values: Array<unknown>) =>
      client.query({ name, text: naiveStatements[name], values })
    while ((performance.now() - started) / 1_000 < seconds) {
      const { at, entry, merchant, partition, seq } = load.next(next++)
      const paths = entry.postings.flatMap(({ credit, debit }) => [debit.path, credit.path])
      await client.query("begin")
      await ask("lock", [[...new Set(paths)].sort()])
      await ask("journal", [entry.id, merchant, entry.paymentId, entry.kind, partition, seq, at])
      for (const [line, { amount, credit, debit }] of entry.postings.entries()) {
        await ask("posting", [entry.id, line, debit.path, credit.path, amount, debit.currency])
        await ask("debit", [debit.path, amount])
        await ask("credit", [credit.path, amount])
      }
      await client.query("commit")
      postings += entry.postings.length
    }
  }
  await Promise.all(
    Array.from({ length: connections }, () => connected(databaseUrl, (client) => run(client)()))
  )
  const elapsed = (performance.now() - started) / 1_000
  return {
    how: `${connections} connections`,
    postings,
    seconds: elapsed,
    perSecond: postings / elapsed
  }
}
