import { parseArgs } from "node:util"
import { Layer, ManagedRuntime } from "effect"
import * as declared from "../../streams/mailboxes.ts"
import { Nats } from "../bus/connection.ts"
import { listen } from "../edge/listen.ts"
import { probeApp } from "../edge/probeApp.ts"
import { healthOf } from "../proof/health/health.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, toStderr } from "../telemetry/logs.ts"
import { startTracing, stopTracing } from "../telemetry/traces.ts"
import { startAuditor } from "../proof/audit/auditor.ts"
import { startAdmission } from "../house/admission.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { startGatewayHealth } from "../house/gatewayHealth.ts"
import { openGateways, sharedGateways } from "../house/gateways.ts"
import { dataDirOf, hostOf, portOf, workerName } from "../house/lastro.ts"
import { healthSources, workerProbes } from "../house/healthSources.ts"
import { startMeter } from "../house/meter.ts"
import { planAs } from "../house/topology/declared.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { UsageError } from "../house/usage.ts"
import { startWorker } from "../house/worker.ts"
import { readyStack, serversUsage } from "../house/needed.ts"

const families = declared.families.map(({ family }) => family)

const usage = `Usage: lastro worker [--actors payments,fraud,messaging,…]

Runs actors against servers that run already. Any number may run side by side: each takes its share of
the partitions of the families it runs, and takes over from one that ends. SIGTERM finishes the turns
under way and hands its partitions over; after a kill they stand still for the lease time (4 s). One of
the workers also watches how far the mailboxes are behind and closes their gates, and one compares what
was done with what was asked (docs/operating-doctor.md). Logs are JSON lines on the standard error.

  --actors    which of ${families.join(", ")} (default all)

${serversUsage}
  LASTRO_SIMULATOR_URL              the payment gateway (lastro simulator), for the actor gateway, or
  LASTRO_GATEWAYS_FILE              gateways with their addresses (docs/gateways.md)
  LASTRO_AUDIT_KEY_FILE             this worker signs the journal's tree with the key in this file
                                    (made where there is none; docs/audit.md)
  LASTRO_PORT, LASTRO_HOST          where /healthz, /readyz and, for an operator's key, /metrics are
                                    (default a free port on 127.0.0.1)
  LASTRO_ALLOW_PRIVATE_WEBHOOKS=1   development only: webhooks to private addresses
  OTEL_EXPORTER_OTLP_ENDPOINT       where traces go`

export const worker: CliCommand = {
  summary: "Actors alone: all of them, or some families",
  usage,
  serves: true,
  run: async (args, environment) => {
    const stopAsked = untilStopped()
    const actors = actorsOf(args)
    const configured = actors.includes("gateway") ? sharedGateways(environment) : undefined
    const stack = await readyStack("worker", environment, "worker")
    // Its rights are another user's: what is wrong with them is better heard now than in the log.
    await planAs(stack, "gate")
    startTracing(environment)
    const opened = configured &&
      await openGateways(configured, { dataDir: dataDirOf(environment), environment })
    const name = workerName()
    const probes = await startProbes(stack, environment, name)
    const running = startWorker(stack, {
      name,
      log: toStderr,
      gateways: opened?.gateways ?? [],
      actors,
      allowPrivateWebhooks: environment["LASTRO_ALLOW_PRIVATE_WEBHOOKS"] === "1"
    })
    const admission = startAdmission(stack, name, toStderr)
    const meter = startMeter(stack, name, toStderr)
    const health = startGatewayHealth(stack, name, toStderr)
    const auditKeyFile = environment["LASTRO_AUDIT_KEY_FILE"]
    const auditor = auditKeyFile === undefined ? undefined : await startAuditor(
      stack.databaseUrl,
      auditKeyFile,
      toStderr
    )
    console.log(`${name} runs ${actors.join(", ")} (ready: ${probes.url}/readyz).`)
    await stopAsked
    await Promise.all([running.stop(), admission.stop(), meter.stop(), health.stop()])
    await auditor?.stop()
    await opened?.stop()
    await probes.stop()
    await stopTracing()
    return 0
  }
}

const actorsOf = (args: ReadonlyArray<string>): ReadonlyArray<declared.Family> => {
  const { values } = parseArgs({ args: [...args], options: { actors: { type: "string" } } })
  if (values.actors === undefined) return families
  const named = values.actors.split(",").map((word) => word.trim()).filter((word) => word !== "")
  const unknown = named.filter((word) => !families.some((family) => family === word))
  if (named.length === 0 || unknown.length > 0) {
    throw new UsageError(
      `--actors ${values.actors}: there is no ${unknown[0] ?? "actor in it"}; ` +
        `there are ${families.join(", ")}.`
    )
  }
  for (const { families: members } of declared.mailboxes) {
    const left = members.filter((family) => !named.includes(family))
    if (left.length === 0 || left.length === members.length) continue
    throw new UsageError(
      `--actors ${values.actors}: ${
        members.join(", ")
      } are decided together, and whoever runs one of ` +
        `them runs them all; ${left.join(", ")} is missing.`
    )
  }
  return families.filter((family) => named.includes(family))
}

const startProbes = async (stack: Stack, environment: Environment, name: string) => {
  const nats = Nats.layerOf({
    urls: stack.natsUrls,
    ...stack.nats.worker,
    name: `${name}-probes`
  })
  const runtime = ManagedRuntime.make(
    Layer.mergeAll(nats, Database.layerOf(stack.databaseUrl, 2)).pipe(
      Layer.provideMerge(jsonLogs(toStderr))
    )
  )
  const port = portOf(environment, 0)
  const app = probeApp(
    await runtime.context(),
    healthOf(healthSources(stack, workerProbes))
  )
  const { close, url } = await listen(app.fetch, port, hostOf(environment)).catch(
    async (error) => {
      await runtime.dispose()
      throw error
    }
  )
  return {
    url,
    stop: async () => {
      await close()
      await runtime.dispose()
    }
  }
}
