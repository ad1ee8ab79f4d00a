import { join } from "node:path"
import { parseArgs } from "node:util"
import pg from "pg"
import { migrations } from "../../../migrations/index.ts"
import { PostgresServer } from "../../stack/postgresServer.ts"
import { migrate } from "../../store/migrate.ts"
import { ensureDatabase } from "../../store/provision.ts"
import { trialBalance } from "../../ledger/trialBalance.ts"
import { connect } from "../../store/database.ts"
import type { CliCommand } from "../../house/command.ts"
import { dataDirOf } from "../../house/lastro.ts"
import { everyAccount, type LedgerLoad, ledgerLoads } from "./ledgerLoads.ts"
import { type LoadMeasured, printLedgerReport } from "./ledgerReport.ts"
import { naive, ours, raw, type Way, type WayMeasured } from "./ledgerWays.ts"
import { discardWhenInterrupted } from "../discardWhenInterrupted.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { numberGiven, wholeNumberGiven } from "../../house/usage.ts"

const usage = `Usage: deno task bench ledger [options]

Measures postings/s through the ledger's own write path, set-based and in one database transaction
for each batch, as turns write them; beside it what PostgreSQL alone can do with the same rows in
the same run, and one database transaction with "for update" for each transfer.

  --seconds 5    for each way and load; each way is measured with several batch sizes or connections
  --seed 1       which transfers
  --json         one line of JSON at the end`

const options = {
  seconds: { type: "string", default: "5" },
  seed: { type: "string", default: "1" },
  json: { type: "boolean", default: false }
} as const

const OURS = [500, 1_000, 2_000].map(ours)
const RAW = [500, 1_000, 2_000, 5_000].map(raw)
const NAIVE = [1, 4, 8, 16, 32].map(naive)
/** Numbers of entries are never used twice: each way has so many of its own. */
const ENTRIES_PER_WAY = 10_000_000
const WARM_SECONDS_MAX = 2

export const benchLedger: CliCommand = {
  summary: "Measure the ledger's postings per second",
  usage,
  run: async (args, environment) => {
    const { values } = parseArgs({ args: [...args], options })
    const seconds = numberGiven("seconds", values.seconds, 0.1, 3_600)
    const seed = wholeNumberGiven("seed", values.seed, 0, 0xffff_ffff)
    const dataDir = join(dataDirOf(environment), `bench-ledger-${process.pid}`)
    discardWhenInterrupted(dataDir)
    const server = await PostgresServer.start(dataDir, { progress: (line) => console.log(line) })
    try {
      await ensureDatabase(server.url)
      await migrate(server.url, migrations)
      await openAccounts(server.url)
      const measured: Array<LoadMeasured> = []
      const counter = { ways: 0 }
      const loads = ledgerLoads(seed)
      // What comes first would pay for the compiler and for cold pages.
      await measure(server.url, loads[0]!, Math.min(WARM_SECONDS_MAX, seconds), counter)
      for (const load of loads) {
        console.log(`${load.name} …`)
        measured.push(await measure(server.url, load, seconds, counter))
      }
      await assertWhole(server.url)
      return printLedgerReport(measured, values.json)
    } finally {
      await server.stop()
      removeFolder(dataDir)
    }
  }
}

const openAccounts = async (databaseUrl: string): Promise<void> => {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  const accounts = everyAccount()
  await client.query(
    `insert into accounts select path, merchant, currency, 0, 0, 0, 0, 0
     from unnest($1::text[], $2::text[], $3::text[]) as a (path, merchant, currency)`,
    [
      accounts.map(({ path }) => path),
      accounts.map(({ merchant }) => merchant),
      accounts.map(({ currency }) => currency)
    ]
  )
  await client.query("vacuum analyze")
  await client.end()
}

/** The three ways take turns, so that a slow moment of the machine meets all of them. */
const measure = async (
  databaseUrl: string,
  load: LedgerLoad,
  seconds: number,
  counter: { ways: number }
): Promise<LoadMeasured> => {
  const best = async (ways: ReadonlyArray<Way>): Promise<WayMeasured> => {
    const all: Array<WayMeasured> = []
    for (const way of ways) {
      const from = counter.ways++ * ENTRIES_PER_WAY
      all.push(await way(databaseUrl, load, { seconds: seconds / ways.length, from }))
    }
    return all.reduce((left, right) => (right.perSecond > left.perSecond ? right : left))
  }
  const first = await best(OURS)
  const bare = await best(RAW)
  const again = await best(OURS)
  return {
    load: load.name,
    ours: again.perSecond > first.perSecond ? again : first,
    raw: bare,
    naive: await best(NAIVE)
  }
}

/** A figure of a ledger that does not add up would mean nothing. */
const assertWhole = async (databaseUrl: string): Promise<void> => {
  const db = connect(databaseUrl, 1)
  const lines = await trialBalance(db)
  await db.destroy()
  if (lines.some((line) => line.difference !== "0" || line.journal_difference !== "0")) {
    throw new Error(`the trial balance is not 0: ${JSON.stringify(lines)}`)
  }
}
