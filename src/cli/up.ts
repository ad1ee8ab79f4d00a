import { toStderr } from "../telemetry/logs.ts"
import type { CliCommand } from "../house/command.ts"
import { runAll } from "./start.ts"
import { takesNothing } from "../house/usage.ts"
import { neededStack, serversUsage } from "../house/needed.ts"

const usage = `Usage: lastro up

Everything in one process against servers that run already: migrations and streams first, then every
actor, the gateway simulator and the edge. Further workers and edges may run beside it. It needs the
rights of all roles. Logs are JSON lines on the standard error.

${serversUsage}
  LASTRO_DATA_DIR                   where keys and the simulator's book lie (default .lastro)
  LASTRO_PORT, LASTRO_HOST          where the API listens (default 8787 on 127.0.0.1)
  LASTRO_SIMULATOR_URL              a simulator that runs elsewhere, shared with other workers, or
  LASTRO_GATEWAYS_FILE              gateways and routing (docs/gateways.md)
  LASTRO_ALLOW_PRIVATE_WEBHOOKS=1   development only: webhooks to private addresses
  OTEL_EXPORTER_OTLP_ENDPOINT       where traces go`

export const up: CliCommand = {
  summary: "Everything in one process, on servers that run already",
  usage,
  serves: true,
  run: async (args, environment) => {
    takesNothing(args)
    return await runAll(environment, { stack: neededStack("up", environment), log: toStderr })
  }
}
