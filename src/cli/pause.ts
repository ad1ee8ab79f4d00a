import { parseArgs } from "node:util"
import type { CliCommand } from "../house/command.ts"
import { type Action, EXIT_FAILED, operator, outcomeOf, settled, where } from "../house/operator.ts"
import { UsageError } from "../house/usage.ts"

const command = (action: "pause" | "resume", summary: string, about: string): CliCommand => ({
  summary,
  usage: `Usage: deno task lastro ${action} <family> [--key MERCHANT/KEY] --why TEXT [--json]

${about}

  --key    one actor key of the family, such as acme/pay_…; without it the whole family
  --why    kept with who did it and when

${where}
Exits with 0 where it is done, 1 where it is not (or not yet answered).`,
  run: async (args, environment) => {
    const { positionals: [family, ...more], values: { json, key, why } } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { key: { type: "string" }, why: { type: "string" }, json: { type: "boolean" } }
    })
    if (family === undefined || more.length > 0 || why === undefined) {
      throw new UsageError(`say what to ${action} and why: lastro ${action} <family> --why TEXT.`)
    }
    const asked = operator(environment)
    const taken = await asked.post<Action>(
      `/v1/operations/families/${encodeURIComponent(family)}/${action}`,
      { why, ...(key !== undefined && { key }) }
    )
    const done = await settled(asked, taken)
    console.log(json === true ? JSON.stringify(done) : `${key ?? family}: ${outcomeOf(done)}`)
    return done.outcome === null ? EXIT_FAILED : 0
  }
})

export const pause = command(
  "pause",
  "Hold a family, or one key of it",
  `A paused family keeps its partitions and takes nothing, on every worker and over restarts. A paused
key waits with its letters in order, and every other key goes on.`
)

export const resume = command(
  "resume",
  "Let a family or a key go on",
  `Resumes what was paused by a person or by the breaker. With --key also lets a quarantined key go,
or tries one again that waits for its next try. What waited is decided in order.`
)
