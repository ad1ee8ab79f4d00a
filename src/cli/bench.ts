import { join } from "node:path"
import { parseArgs } from "node:util"
import { startEmbedded } from "../stack/embedded.ts"
import type { Stack } from "../stack/stack.ts"
import { createApiKey } from "../store/apiKeys.ts"
import { connect } from "../store/database.ts"
import { type Counts, counts } from "../trials/bench/counts.ts"
import { benchKeys } from "../trials/bench/keys.ts"
import { benchLedger } from "../trials/bench/ledger.ts"
import { benchMoves } from "../trials/bench/moves.ts"
import { benchScale } from "../trials/bench/scale.ts"
import { type Latency, merchantName, type Throughput } from "../trials/bench/load.ts"
import { type Loader, startLoader } from "../trials/bench/loader.ts"
import { measureNaive } from "../trials/bench/naiveLimit.ts"
import { measureRawLimit } from "../trials/bench/rawLimit.ts"
import { printReport, type Report } from "../trials/bench/report.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf, type Lastro, startLastro } from "../house/lastro.ts"
import { discardWhenInterrupted } from "../trials/discardWhenInterrupted.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { numberGiven, wholeNumberGiven } from "../house/usage.ts"
import { merchantScopes } from "../domain/scope.ts"

const WARM_SECONDS = 5
const SOAK_PAYMENTS = 1_000_000
const SOAK_FIRST = 100_000
const EDGE_PER_SECOND = 20
/** For each number of connections. */
const NAIVE_SECONDS = 10

const usage = `Usage: deno task bench [options]

Measures commands through NATS until every payment is captured and its event is out, with everything
running as "start" runs it, and beside it what PostgreSQL alone can do with the same rows, and what
the plain way can do: the same decisions with one database transaction for each message.

  --seconds 60       how long the throughput is measured
  --merchants 64     over how many merchants
  --in-flight 3000   payments under way at once
  --rate 120         latency at so many payments a second instead of half the throughput
  --json             one line of JSON at the end
  --soak             a million commands instead; memory at 100,000 and at the end

Parts by themselves:
  bench ledger [--seconds 5] [--seed 1] [--json]
                     postings per second of the ledger alone
  bench keys [--rounds 5] [--seconds 4] [--rate 150] [--json]
                     what other keys feel while one is retried or poisoned
  bench moves [--rounds 5] [--workers 3] [--busy 0] [--json]
                     how long a partition stands still when it goes to another worker
  bench scale [--seconds 10] [--in-flight 2000] [--json]
                     1, 2 and 4 workers; what syncing and three copies cost`

const options = {
  seconds: { type: "string", default: "60" },
  merchants: { type: "string", default: "64" },
  "in-flight": { type: "string", default: "3000" },
  rate: { type: "string" },
  json: { type: "boolean", default: false },
  soak: { type: "boolean", default: false }
} as const

const parts: Readonly<Record<string, CliCommand>> = {
  ledger: benchLedger,
  keys: benchKeys,
  moves: benchMoves,
  scale: benchScale
}

export const bench: CliCommand = {
  summary: "Measure throughput and latency against PostgreSQL's own limit",
  usage,
  run: async (args, environment) => {
    const part = parts[args[0] ?? ""]
    if (part !== undefined) return await part.run(args.slice(1), environment)
    const { values } = parseArgs({ args: [...args], options })
    const asked = {
      seconds: numberGiven("seconds", values.seconds, 0.1, 3_600),
      inFlight: wholeNumberGiven("in-flight", values["in-flight"], 100, 1_000_000),
      ...(values.rate !== undefined && { rate: numberGiven("rate", values.rate, 1, 100_000) })
    }
    const { inFlight } = asked
    const merchants = wholeNumberGiven("merchants", values.merchants, 1, 1_000)
    const dataDir = join(dataDirOf(environment), `bench-${process.pid}`)
    discardWhenInterrupted(dataDir)
    const say = (line: string) => console.log(line)
    const stack = await startEmbedded({ dataDir, progress: say })
    try {
      const lastro = await startLastro({
        dataDir,
        port: 0,
        environment,
        progress: say,
        stack,
        requestsPerSecond: 100_000
      })
      const loader = await startLoader({
        natsUrls: stack.natsUrls,
        producer: stack.nats.producer,
        admin: stack.nats.admin,
        merchants
      })
      await pause(2_000)
      await loader.run({ _tag: "Throughput", options: { seconds: WARM_SECONDS, inFlight } })
      if (values.soak) return await soak(loader, lastro, inFlight, values.json)
      const measured = await measure(loader, lastro, stack, asked)
      await loader.stop()
      await lastro.stop()
      say("Nothing else runs now: what PostgreSQL alone can do with the same rows …")
      const { all, best } = await measureRawLimit(stack.databaseUrl, measured.stored, say)
      say("The plain way, with servers of its own …")
      const naive = await measureNaive({
        dataDir: join(dataDir, "naive"),
        merchants,
        seconds: NAIVE_SECONDS,
        tell: say
      })
      const raw = { raw: best, rawAll: all }
      printReport({ ...measured, merchants, ...raw, naive: naive.best }, values.json)
      return 0
    } finally {
      await stack.stop()
      removeFolder(dataDir)
    }
  }
}

type Measured = Omit<Report, "merchants" | "raw" | "rawAll" | "naive"> & { readonly stored: number }

const measure = async (
  loader: Loader,
  lastro: Lastro,
  stack: Stack,
  options: { readonly seconds: number; readonly inFlight: number; readonly rate?: number }
): Promise<Measured> => {
  const before = await counts(stack)
  const throughput = await loader.run<Throughput>({ _tag: "Throughput", options })
  const after = await counts(stack)
  const paced = options.rate ?? throughput.perSecond / 2
  console.log(
    `${Math.round(throughput.perSecond)} payments/s; now at ${Math.round(paced)} a second …`
  )
  const seconds = Math.max(10, Math.round(options.seconds / 2))
  const db = connect(stack.databaseUrl, 1)
  const key = await createApiKey(db, {
    name: "bench",
    merchant: merchantName(0),
    scopes: merchantScopes
  })
  await db.destroy()
  const [latency, edge] = await Promise.all([
    loader.run<Latency>({ _tag: "Latency", options: { perSecond: paced, seconds } }),
    loader.run<Latency>({
      _tag: "Edge",
      options: { url: lastro.edge.url, key, perSecond: EDGE_PER_SECOND, seconds }
    })
  ])
  return {
    throughput,
    latency,
    edge,
    pacedPerSecond: paced,
    ...perPayment(before, after, throughput.payments),
    stored: (await counts(stack)).payments
  }
}

const perPayment = (before: Counts, after: Counts, payments: number) => ({
  rowsPerPayment: (after.rowsWritten - before.rowsWritten) / payments,
  messagesPerPayment: (after.messages - before.messages) / payments
})

const soak = async (
  loader: Loader,
  lastro: Lastro,
  inFlight: number,
  json: boolean
): Promise<number> => {
  const run = (payments: number) =>
    loader.run<Throughput>({ _tag: "Throughput", options: { payments, inFlight } })
  const first = await run(SOAK_FIRST)
  const early = process.memoryUsage().rss
  console.log(
    `after ${SOAK_FIRST}: ${mebibytes(early)} MiB, ${Math.round(first.perSecond)} payments/s`
  )
  let rest = first
  for (let done = SOAK_FIRST; done < SOAK_PAYMENTS; done += SOAK_FIRST) {
    rest = await run(SOAK_FIRST)
    console.log(
      `after ${done + SOAK_FIRST}: ${mebibytes(process.memoryUsage().rss)} MiB, ` +
        `${Math.round(rest.perSecond)} payments/s`
    )
  }
  const late = process.memoryUsage().rss
  const growth = (late - early) / early
  console.log(`Memory grew by ${(growth * 100).toFixed(1)} % (expected: under 10 %).`)
  await loader.stop()
  await lastro.stop()
  if (json) {
    console.log(JSON.stringify({
      soak_payments: SOAK_PAYMENTS,
      memory_100k_mib: mebibytes(early),
      memory_end_mib: mebibytes(late),
      memory_growth: growth,
      payments_per_second: rest.perSecond
    }))
  }
  return growth < 0.1 ? 0 : 1
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 ** 2)
const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
