import { randomBytes } from "node:crypto"
import { join } from "node:path"
import { parseArgs } from "node:util"
import type { CliCommand } from "../house/command.ts"
import { ownServers } from "../trials/ownServers.ts"
import { besiege } from "../trials/hostile/siege.ts"
import { dataDirOf, type Lastro, startLastro } from "../house/lastro.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { discardWhenInterrupted } from "../trials/discardWhenInterrupted.ts"
import { wholeNumberGiven } from "../house/usage.ts"

/** Well inside what a hostile gateway's late charges overrun. */
const FINALITY_MILLIS = 5_000
const PAYMENTS_MAX = 1_000_000
const SEED_MAX = 2 ** 32 - 1
const RATE_MAX = 2_000

const usage = `Usage: lastro hostile [options]

Starts a Lastro of its own against a gateway that delays, repeats, breaks off, forgets to answer, charges
late and tells lies by webhook, and compares the gateway's own book with the ledger at the end.

  --payments <n>   how many (default 3000)
  --seed <n>       the same seed treats the same payments the same way (default 1)
  --rate <n>       payments a second (default 200)

Exit code 1 where a payment is stuck, charged twice, or the books differ.`

export const hostile: CliCommand = {
  summary: "Payments against a hostile gateway, and both books compared",
  usage,
  run: async (args, environment) => {
    const { values } = parseArgs({
      args: [...args],
      options: {
        payments: { type: "string", default: "3000" },
        seed: { type: "string", default: "1" },
        rate: { type: "string", default: "200" }
      }
    })
    const settings = {
      payments: wholeNumberGiven("payments", values.payments, 1, PAYMENTS_MAX),
      seed: wholeNumberGiven("seed", values.seed, 0, SEED_MAX),
      rate: wholeNumberGiven("rate", values.rate, 1, RATE_MAX)
    }
    const dataDir = join(dataDirOf(environment), `hostile-${randomBytes(4).toString("hex")}`)
    discardWhenInterrupted(dataDir)
    let lastro: Lastro | undefined
    try {
      lastro = await startLastro({
        dataDir,
        port: 0,
        environment: ownServers(environment),
        progress: (line) => console.error(`  ${line}`),
        finalityMillis: FINALITY_MILLIS
      })
      const report = await besiege(lastro, settings, (line) => console.error(`  ${line}`))
      console.log(JSON.stringify(report, undefined, 2))
      return report.ok ? 0 : 1
    } finally {
      await lastro?.stop()
      removeFolder(dataDir)
    }
  }
}
