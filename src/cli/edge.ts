import { toStderr } from "../telemetry/logs.ts"
import { startTracing, stopTracing } from "../telemetry/traces.ts"
import type { CliCommand } from "../house/command.ts"
import { refuseTakenPort } from "../edge/listen.ts"
import { startEdge } from "../house/edge.ts"
import { guardsOf } from "../house/guards.ts"
import { openGateways, sharedGateways } from "../house/gateways.ts"
import { dataDirOf, frontDoorOf, hostOf, portOf } from "../house/lastro.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { takesNothing } from "../house/usage.ts"
import { readyStack, serversUsage } from "../house/needed.ts"

const usage = `Usage: lastro edge

The HTTP API and the operator page, against servers that run already. Any number may run side by side,
behind any load balancer; /readyz says when one can take requests. SIGTERM lets requests under way
finish. Logs are JSON lines on the standard error.

${serversUsage}
  LASTRO_PORT, LASTRO_HOST          where it listens (default 8787 on 127.0.0.1)
  LASTRO_PUBLIC_URL                 its address as callers know it, the same for all edges (docs/access.md)
  LASTRO_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET_FILE, _ROLES_CLAIM   where people sign in (docs/access.md)
  LASTRO_TRUSTED_PROXIES            who may say where a request comes from (docs/operating.md)
  LASTRO_ALLOWED_ADDRESSES, LASTRO_DENIED_ADDRESSES   who is let in
  LASTRO_GUARDS_WATCHED             rules at the door that only watch
  LASTRO_GATEWAYS_FILE              gateways whose webhooks it takes (docs/gateways.md)
  LASTRO_ALLOW_PRIVATE_WEBHOOKS=1   development only: webhooks to private addresses
  OTEL_EXPORTER_OTLP_ENDPOINT       where traces go`

export const edge: CliCommand = {
  summary: "The HTTP API and the operator page alone",
  usage,
  serves: true,
  run: async (args, environment) => {
    takesNothing(args)
    const stopAsked = untilStopped()
    await refuseTakenPort(portOf(environment), hostOf(environment))
    const stack = await readyStack("edge", environment, "edge")
    startTracing(environment)
    const named = (environment["LASTRO_GATEWAYS_FILE"] ?? "") !== ""
    const opened = named
      ? await openGateways(sharedGateways(environment), {
        dataDir: dataDirOf(environment),
        environment
      })
      : undefined
    const running = await startEdge(stack, {
      gateways: opened?.gateways ?? [],
      port: portOf(environment),
      ...frontDoorOf(environment),
      guards: guardsOf(environment),
      log: toStderr,
      allowPrivateWebhooks: environment["LASTRO_ALLOW_PRIVATE_WEBHOOKS"] === "1"
    })
    console.log(`The edge answers at ${running.url} (ready: ${running.url}/readyz).`)
    await stopAsked
    await running.stop()
    await opened?.stop()
    await stopTracing()
    return 0
  }
}
