import { join, resolve } from "node:path"
import { parseArgs } from "node:util"
import { THIS_CHECKOUT } from "../trials/bench/checkout.ts"
import { type Figures, mediansOf } from "../trials/bench/figures.ts"
import { benchKeys } from "../trials/bench/keys.ts"
import { benchLedger } from "../trials/bench/ledger.ts"
import { benchMoves } from "../trials/bench/moves.ts"
import type { Rate } from "../trials/bench/parts.ts"
import { benchScale } from "../trials/bench/scale.ts"
import { isAsExpected, reportJson, reportText } from "../trials/bench/report.ts"
import { type Asked, measureOnce, type Part, parts, withLastro } from "../trials/bench/run.ts"
import { soak } from "../trials/bench/soak.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf } from "../house/lastro.ts"
import { discardWhenInterrupted } from "../trials/discardWhenInterrupted.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { numberGiven, UsageError, wholeNumberGiven } from "../house/usage.ts"

const PARTS_BESIDE_BEFORE = "rates,single"
const RUNS_BESIDE_BEFORE = "5"

const usage = `Usage: deno task bench [options]

Starts a Lastro as "start" does and measures it from outside: commands through NATS and the edge until
every payment is captured and its event is out, and what they cost in processors, log and messages. How
the figures read is told in docs/bench.md.

  --seconds 60       how long the full load is measured
  --parts LIST       what follows it, of ${parts.join(",")} (default: all), or none
  --rates 120,300,600,half   latency at so many payments a second, and at half of full load
  --rate-seconds 15  each
  --lines 40000      of the file that a tenth of full load has beside it
  --merchants 64     over how many merchants
  --in-flight 3000   payments under way at once under full load
  --new-customers    a customer never seen before for each payment, instead of those who come back
  --runs 1           medians of so many runs
  --before DIR       another checkout, run after run in turn with this one: medians of both, and ratios
                     (then --runs ${RUNS_BESIDE_BEFORE} and --parts ${PARTS_BESIDE_BEFORE}, if nothing else is said)
  --soak             a long run instead: memory and payments/s early and at the end; exit code 1 where it
                     grows or slows
  --payments 1000000   of the long run
  --json             everything as JSON in the last line

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
  parts: { type: "string" },
  rates: { type: "string", default: "120,300,600,half" },
  "rate-seconds": { type: "string", default: "15" },
  lines: { type: "string", default: "40000" },
  merchants: { type: "string", default: "64" },
  "in-flight": { type: "string", default: "3000" },
  "new-customers": { type: "boolean", default: false },
  runs: { type: "string" },
  before: { type: "string" },
  soak: { type: "boolean", default: false },
  payments: { type: "string", default: "1000000" },
  json: { type: "boolean", default: false }
} as const

const alone: Readonly<Record<string, CliCommand>> = {
  ledger: benchLedger,
  keys: benchKeys,
  moves: benchMoves,
  scale: benchScale
}

export const bench: CliCommand = {
  summary: "Measure throughput, latency and what a payment costs",
  usage,
  run: async (args, environment) => {
    const part = alone[args[0] ?? ""]
    if (part !== undefined) return await part.run(args.slice(1), environment)
    const { values } = parseArgs({ args: [...args], options })
    const asked = askedBy(values)
    const { before } = values
    const runs = wholeNumberGiven(
      "runs",
      values.runs ?? (before === undefined ? "1" : RUNS_BESIDE_BEFORE),
      1,
      100
    )
    const payments = wholeNumberGiven("payments", values.payments, 1_000, 1_000_000_000)
    const dataDir = join(dataDirOf(environment), `bench-${process.pid}`)
    const place = {
      dataDir,
      naiveDir: `${dataDir}-naive`,
      environment,
      say: (line: string) => console.log(line)
    }
    discardWhenInterrupted(place.dataDir, place.naiveDir)
    const measured = { before: [] as Array<Figures>, now: [] as Array<Figures> }
    const measure = (checkout: string): Promise<Figures> =>
      values.soak
        ? withLastro(
          asked,
          { ...place, checkout },
          (bench) => soak(bench, { inFlight: asked.inFlight, payments })
        )
          .finally(() => removeFolder(dataDir))
        : measureOnce(asked, { ...place, checkout })
    for (let run = 1; run <= runs; run++) {
      if (before !== undefined) {
        console.log(`run ${run} of ${runs}, ${before}:`)
        measured.before.push(await measure(resolve(before)))
      }
      console.log(`run ${run} of ${runs}:`)
      measured.now.push(await measure(THIS_CHECKOUT))
    }
    const now = mediansOf(measured.now)
    const other = before === undefined ? undefined : mediansOf(measured.before)
    console.log(`\n${reportText(now, other)}`)
    if (values.json) console.log(reportJson(now, other))
    return values.soak && !isAsExpected(now) ? 1 : 0
  }
}

const askedBy = (
  values: ReturnType<typeof parseArgs<{ options: typeof options }>>["values"]
): Asked => ({
  seconds: numberGiven("seconds", values.seconds, 0.1, 3_600),
  inFlight: wholeNumberGiven("in-flight", values["in-flight"], 100, 1_000_000),
  merchants: wholeNumberGiven("merchants", values.merchants, 1, 1_000),
  newCustomers: values["new-customers"],
  rates: values.rates.split(",").map(rateGiven),
  rateSeconds: numberGiven("rate-seconds", values["rate-seconds"], 0.1, 3_600),
  lines: wholeNumberGiven("lines", values.lines, 1, 1_000_000),
  parts: partsGiven(
    values.parts ?? (values.before === undefined ? parts.join(",") : PARTS_BESIDE_BEFORE)
  )
})

const rateGiven = (text: string): Rate =>
  text === "half" ? "half" : numberGiven("rates", text, 1, 100_000)

const partsGiven = (text: string): ReadonlySet<Part> =>
  new Set(
    (text === "none" ? [] : text.split(",")).map((name) => {
      const part = parts.find((one) => one === name)
      if (part === undefined) {
        throw new UsageError(`--parts names ${name}: it is a list of ${parts.join(", ")}, or none.`)
      }
      return part
    })
  )
