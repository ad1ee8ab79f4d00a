import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { ownServers } from "../trials/ownServers.ts"
import { Progress } from "../trials/progress.ts"
import { reportText } from "../trials/demo/report.ts"
import { runDemo } from "../trials/demo/run.ts"
import { demoGateways } from "../trials/demo/showcase.ts"
import { demoRates } from "../trials/demo/wallets.ts"
import { PAYMENTS_MIN, type TrafficSettings } from "../trials/demo/traffic.ts"
import { dataDirOf, type Lastro, startLastro } from "../house/lastro.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { wholeNumberGiven } from "../house/usage.ts"

const PAYMENTS_DEFAULT = 600
const PAYMENTS_MAX = 100_000
const SEED_DEFAULT = 1
const SEED_MAX = 2 ** 32 - 1
/** Well below what two cores and one disk take, so that latencies are not queues. */
const RATE_DEFAULT = 30
const RATE_MAX = 2_000
/** Half a minute, as the simulator's contract says, would be half a minute of watching nothing. */
const FINALITY_MILLIS = 5_000
/** What the log says of trouble; more is cut from the front. */
const TROUBLE_LINES_MAX = 20

const EXIT_BROKEN_PROMISE = 1
const EXIT_INTERRUPTED = 130

const usage = `Usage: deno task demo [options]

Starts a Lastro of its own, sends it realistic payments over HTTP and NATS, reconciles them with the
gateway's settlement file, and checks what is promised. What runs already is not touched.

  --payments <n>   how many payments, ${PAYMENTS_MIN} to ${PAYMENTS_MAX} (default ${PAYMENTS_DEFAULT})
  --seed <n>       the same seed sends the same payments (default ${SEED_DEFAULT})
  --rate <n>       payments a second on average, 1 to ${RATE_MAX} (default ${RATE_DEFAULT})
  --json           the report as JSON on standard output

Exit code 1 where a promise is broken, or a planted break is not found.`

interface Options {
  readonly traffic: TrafficSettings
  readonly json: boolean
}

const optionsOf = (args: ReadonlyArray<string>): Options => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      payments: { type: "string", default: String(PAYMENTS_DEFAULT) },
      seed: { type: "string", default: String(SEED_DEFAULT) },
      rate: { type: "string", default: String(RATE_DEFAULT) },
      json: { type: "boolean", default: false }
    }
  })
  return {
    traffic: {
      payments: wholeNumberGiven("payments", values.payments, PAYMENTS_MIN, PAYMENTS_MAX),
      seed: wholeNumberGiven("seed", values.seed, 0, SEED_MAX),
      rate: wholeNumberGiven("rate", values.rate, 1, RATE_MAX)
    },
    json: values.json
  }
}

class Interrupted extends Error {}

/** Ctrl-C or SIGTERM ends the demo, not its tidying up. */
const whenInterrupted = (): Promise<never> => {
  const interrupted = untilStopped().then(() => {
    throw new Interrupted()
  })
  interrupted.catch(() => {})
  return interrupted
}

const run = async ({ json, traffic }: Options, environment: Environment): Promise<number> => {
  const interrupted = whenInterrupted()
  const progress = new Progress(json ? process.stderr : process.stdout)
  const dataDir = join(dataDirOf(environment), `demo-${randomBytes(4).toString("hex")}`)
  const trouble: Array<string> = []
  let lastro: Lastro | undefined
  try {
    progress.phase("Starting Lastro …")
    lastro = await startLastro({
      dataDir,
      port: 0,
      environment: ownServers(environment),
      progress: (line) => progress.phase(`  ${line}`),
      allowPrivateWebhooks: true,
      gateways: demoGateways,
      terms: { fx: demoRates },
      finalityMillis: FINALITY_MILLIS,
      log: (line) => {
        if (/"level":"(warn|error|fatal)/.test(line)) trouble.push(line)
        if (trouble.length > TROUBLE_LINES_MAX) trouble.shift()
      }
    })
    const demo = runDemo(lastro, traffic, progress)
    // After an interruption nobody listens to it any more.
    demo.catch(() => {})
    const report = await Promise.race([demo, interrupted])
    if (json) console.log(JSON.stringify(report, undefined, 2))
    else {
      const colours = process.stdout.isTTY === true && !environment["NO_COLOR"]
      console.log(reportText(report, colours))
    }
    return report.ok ? 0 : EXIT_BROKEN_PROMISE
  } catch (error) {
    progress.end()
    for (const line of trouble) console.error(line)
    if (error instanceof Interrupted) return EXIT_INTERRUPTED
    throw error
  } finally {
    await lastro?.stop()
    removeFolder(dataDir)
  }
}

export const demo: CliCommand = {
  summary: "Send realistic payments to a Lastro of its own and check what is promised",
  usage,
  run: async (args, environment) => await run(optionsOf(args), environment)
}
