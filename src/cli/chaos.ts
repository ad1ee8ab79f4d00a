import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { reportText } from "../trials/chaos/report.ts"
import { type ChaosSettings, runChaos } from "../trials/chaos/run.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { Progress } from "../trials/progress.ts"
import { dataDirOf } from "../house/lastro.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { numberGiven, wholeNumberGiven } from "../house/usage.ts"

const MINUTES_DEFAULT = 2
const MINUTES_MAX = 24 * 60
const WORKERS_DEFAULT = 3
const WORKERS_MAX = 16
const RATE_DEFAULT = 40
const RATE_MAX = 2_000
const EVERY_DEFAULT = 3
const EVERY_MAX = 600
const SEED_MAX = 2 ** 32 - 1

const EXIT_BROKEN_PROMISE = 1

const usage = `Usage: deno task lastro chaos [options]

Starts three nats-servers, PostgreSQL, a gateway, an edge and workers of its own, sends payments over
HTTP and NATS and breaks things as the seed says: workers and servers are killed, frozen and restarted,
leaders step down, connections are cut and stalled. At the end it reads every stream and table and says
which promises held. What runs already is not touched. Ctrl-C breaks nothing more and goes on to judge.

  --minutes <n>    how long things are broken, up to ${MINUTES_MAX} (default ${MINUTES_DEFAULT}; 0.5 is half a minute)
  --seed <n>       the same seed draws the same faults (default: a random one, which is told)
  --workers <n>    worker processes at a time, 1 to ${WORKERS_MAX} (default ${WORKERS_DEFAULT})
  --rate <n>       new payments a second, 1 to ${RATE_MAX} (default ${RATE_DEFAULT}); twice as many commands
  --every <n>      seconds from one fault to the next on average, up to ${EVERY_MAX} (default ${EVERY_DEFAULT})
  --json           the report as JSON on standard output

Exit code 1 where a promise does not hold; the data of the servers is then kept.`

interface Options {
  readonly settings: Omit<ChaosSettings, "dataDir">
  readonly json: boolean
}

const optionsOf = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: String(MINUTES_DEFAULT) },
      seed: { type: "string", default: String(randomBytes(4).readUInt32BE()) },
      workers: { type: "string", default: String(WORKERS_DEFAULT) },
      rate: { type: "string", default: String(RATE_DEFAULT) },
      every: { type: "string", default: String(EVERY_DEFAULT) },
      json: { type: "boolean", default: false }
    }
  })
  return {
    settings: {
      millis: numberGiven("minutes", values.minutes, 0.1, MINUTES_MAX) * 60_000,
      seed: wholeNumberGiven("seed", values.seed, 0, SEED_MAX),
      workers: wholeNumberGiven("workers", values.workers, 1, WORKERS_MAX),
      rate: wholeNumberGiven("rate", values.rate, 1, RATE_MAX),
      faultEveryMillis: numberGiven("every", values.every, 0.1, EVERY_MAX) * 1_000
    },
    json: values.json
  }
}

const run = async ({ json, settings }: Options, environment: Environment): Promise<number> => {
  const progress = new Progress(json ? process.stderr : process.stdout)
  const dataDir = join(dataDirOf(environment), `chaos-${randomBytes(4).toString("hex")}`)
  let interrupted = false
  void untilStopped().then(() => (interrupted = true))
  progress.phase(`Seed ${settings.seed}.`)
  let broken = false
  try {
    const report = await runChaos({ ...settings, dataDir }, progress, () => interrupted)
    progress.end()
    broken = !report.ok
    console.log(json ? JSON.stringify(report) : reportText(report))
    // Streams, tables and logs as they stand: whoever looks for the reason needs them.
    if (broken) console.error(`What the servers held is kept in ${dataDir}.`)
    return broken ? EXIT_BROKEN_PROMISE : 0
  } finally {
    if (!broken) removeFolder(dataDir)
  }
}

export const chaos: CliCommand = {
  summary: "Break a cluster of its own under load and check what is promised",
  usage,
  run: async (args, environment) => await run(optionsOf(args), environment)
}
