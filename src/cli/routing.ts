import type { CliCommand } from "../house/command.ts"
import { configuredGateways } from "../house/gateways.ts"
import { dataDirOf } from "../house/lastro.ts"
import { configuredTerms, publishTerms } from "../house/terms.ts"
import { agreed, planAs } from "../house/topology/declared.ts"
import { takesNothing } from "../house/usage.ts"
import { attachStack } from "../stack/attached.ts"

const usage = `Usage: lastro routing

Makes the routing table of LASTRO_GATEWAYS_FILE the one that payments are routed by, from the next
payment on, and LASTRO_TERMS_FILE the terms they are made under: what "start" and "up" do when they
begin. Nothing is sent where they hold already.

  LASTRO_GATEWAYS_FILE              gateways and routing (docs/gateways.md)
  LASTRO_TERMS_FILE                 fees, payouts, authorizations, rates (docs/payments.md, docs/fx.md)
  LASTRO_DATA_DIR                   the Lastro that runs here (default .lastro)
  LASTRO_NATS_URL, DATABASE_URL     or these servers
  LASTRO_PARTITIONS                 how many each mailbox has (docs/streams.md; default 4)
  LASTRO_NATS_ADMIN_USER/_PASSWORD  who may configure (or LASTRO_NATS_PASSWORDS_FILE)`

export const routing: CliCommand = {
  summary: "Route payments by the table of the gateways' file",
  usage,
  run: async (args, environment) => {
    takesNothing(args)
    const configured = configuredGateways(environment)
    const terms = configuredTerms(environment)
    const stack = attachStack(dataDirOf(environment), environment)
    agreed(await planAs(stack, "admin"))
    await publishTerms(stack, configured.routing, terms)
    console.log(`Routed by ${configured.routing.rules.length} rules.`)
    return 0
  }
}
