import type { CliCommand } from "../commands.ts"
import { configuredGateways } from "../gateways.ts"
import { dataDirOf } from "../lastro.ts"
import { publishRouting } from "../routing.ts"
import { attachStack } from "../../stack/attached.ts"

const usage = `Usage: lastro routing

Makes the routing table of LASTRO_GATEWAYS_FILE the one that payments are routed by, from the next
payment on: what "start" and "up" do when they begin. Nothing is sent where it is the table already.

  LASTRO_GATEWAYS_FILE              gateways and routing (docs/gateways.md)
  LASTRO_DATA_DIR                   the Lastro that runs here (default .lastro)
  LASTRO_NATS_URL, DATABASE_URL     or these servers
  LASTRO_NATS_ADMIN_USER/_PASSWORD  who may configure (or LASTRO_NATS_PASSWORDS_FILE)`

export const routing: CliCommand = {
  summary: "Route payments by the table of the gateways' file",
  usage,
  run: async (_args, environment) => {
    const configured = configuredGateways(environment)
    await publishRouting(attachStack(dataDirOf(environment), environment), configured.routing)
    console.log(`Routed by ${configured.routing.rules.length} rules.`)
    return 0
  }
}
