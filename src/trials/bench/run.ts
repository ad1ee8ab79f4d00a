import { PostgresServer } from "../../stack/postgresServer.ts"
import type { Environment } from "../../house/environment.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { query } from "../query.ts"
import { startCheckout } from "./checkout.ts"
import type { Figures } from "./figures.ts"
import type { Throughput } from "./load.ts"
import { startLoader } from "./loader.ts"
import { measureNaive } from "./naiveLimit.ts"
import { atRate, type Bench, besideFile, fullLoad, type Rate, single } from "./parts.ts"
import { measurePgbench } from "./pgbench.ts"
import { measureRawLimit } from "./rawLimit.ts"

/** What is measured after the full load, in this order. */
export const parts = ["rates", "single", "file", "pgbench", "raw", "naive"] as const
export type Part = (typeof parts)[number]

interface Load {
  readonly merchants: number
  /** Of the full load, and of what warms up before it at most. */
  readonly seconds: number
  readonly inFlight: number
  readonly newCustomers: boolean
}

export interface Asked extends Load {
  readonly rates: ReadonlyArray<Rate>
  readonly rateSeconds: number
  readonly lines: number
  readonly parts: ReadonlySet<Part>
}

interface Place {
  readonly checkout: string
  /** Removed at the end. */
  readonly dataDir: string
  readonly naiveDir: string
  readonly environment: Environment
  readonly say: (line: string) => void
}

const WARM_SECONDS_MAX = 5
/** Partitions are shared out by then. */
const SETTLED_MILLIS = 2_000
const PGBENCH_SECONDS = 10
/** For each number of connections. */
const NAIVE_SECONDS = 10

/** One checkout's Lastro from its first start to its end, with every part that is asked for. */
export const measureOnce = async (asked: Asked, place: Place): Promise<Figures> => {
  try {
    const running = await withLastro(asked, place, async (bench) => {
      const full = await fullLoad(bench, asked)
      const fullPerSecond = full["payments_per_second"]!
      let figures = full
      for (const rate of asked.parts.has("rates") ? asked.rates : []) {
        const seconds = asked.rateSeconds
        figures = { ...figures, ...await atRate(bench, { rate, fullPerSecond, seconds }) }
      }
      if (asked.parts.has("single")) figures = { ...figures, ...await single(bench) }
      if (asked.parts.has("file")) {
        const { inFlight, lines, rateSeconds: seconds } = asked
        const options = { lines, inFlight, seconds, fullPerSecond }
        figures = { ...figures, ...await besideFile(bench, options) }
      }
      return figures
    })
    return { ...running, ...await limits(asked, place, running["payments_per_second"]!) }
  } finally {
    removeFolder(place.dataDir)
  }
}

/** Starts a Lastro and its load, and has both warm before anything is measured. */
export const withLastro = async <A>(
  { inFlight, merchants, newCustomers, seconds }: Load,
  { checkout, dataDir, environment, say }: Omit<Place, "naiveDir">,
  measure: (bench: Bench) => Promise<A>
): Promise<A> => {
  const lastro = await startCheckout({ checkout, dataDir, environment })
  try {
    const { edge: url, merchant, merchantKey: key, stack } = lastro
    const loader = await startLoader({
      natsUrls: stack.natsUrls,
      producer: stack.nats.producer,
      admin: stack.nats.admin,
      merchants,
      newCustomers,
      shop: { url, merchant, key, newCustomers }
    })
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MILLIS))
    await loader.run<Throughput>({
      _tag: "Throughput",
      options: { seconds: Math.min(WARM_SECONDS_MAX, seconds), inFlight }
    })
    const measured = await measure({ lastro, loader, say })
    await loader.stop()
    return measured
  } finally {
    await lastro.stop()
  }
}

/** What is compared with, while no Lastro runs: its own PostgreSQL, and the plain way. */
const limits = async (
  { merchants, newCustomers, parts }: Asked,
  { dataDir, naiveDir, say }: Place,
  perSecond: number
): Promise<Figures> => {
  const figures: Record<string, number> = {}
  if (parts.has("pgbench") || parts.has("raw")) {
    const server = await PostgresServer.start(`${dataDir}/postgres`, { progress: say })
    try {
      if (parts.has("pgbench")) {
        Object.assign(figures, await pgbench(server.localUrl, perSecond, say))
      }
      if (parts.has("raw")) Object.assign(figures, await raw(server.localUrl, perSecond, say))
    } finally {
      await server.stop()
    }
  }
  if (parts.has("naive")) {
    say("the plain way, with servers of its own …")
    const { best } = await measureNaive({
      dataDir: naiveDir,
      merchants,
      newCustomers,
      seconds: NAIVE_SECONDS,
      tell: (line) => say(`  ${line}`)
    })
    figures["naive_payments_per_second"] = best.paymentsPerSecond
    figures["naive_connections"] = best.connections
    figures["naive_ratio"] = perSecond / best.paymentsPerSecond
  }
  return figures
}

const pgbench = async (url: string, perSecond: number, say: Place["say"]): Promise<Figures> => {
  say("pgbench on the same PostgreSQL …")
  const transactions = await measurePgbench(url, PGBENCH_SECONDS)
  if (transactions === undefined) {
    say("  there is no pgbench on the PATH")
    return {}
  }
  say(`  ${Math.round(transactions)} transactions/s`)
  return {
    pgbench_transactions_per_second: transactions,
    pgbench_ratio: perSecond / transactions
  }
}

const raw = async (url: string, perSecond: number, say: Place["say"]): Promise<Figures> => {
  say("the same rows by a bare loop …")
  const [{ payments }] = await query(url, "select count(*)::int as payments from payments")
  const { best } = await measureRawLimit(url, payments, (line) => say(`  ${line}`))
  return {
    raw_payments_per_second: best.paymentsPerSecond,
    raw_rows: best.rows,
    raw_ratio: perSecond / best.paymentsPerSecond
  }
}
