import type { Gateway } from "../../actors/gateway/port.ts"
import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { refuseTakenPort } from "../edge/listen.ts"
import { givenStack } from "../stack/given.ts"
import { startEmbedded } from "../stack/embedded.ts"
import { refuseRunning } from "../stack/lock.ts"
import { type Progress, type Stack, StackError } from "../stack/stack.ts"
import { stopEach } from "../stack/stopEach.ts"
import { createApiKey, keepApiKey, type NewKey } from "../store/apiKeys.ts"
import { connect } from "../store/database.ts"
import { lineOf, type LogSink, toFile } from "../telemetry/logs.ts"
import { startTracing, stopTracing } from "../telemetry/traces.ts"
import { startAuditor } from "../proof/audit/auditor.ts"
import { companySettings } from "./company.ts"
import { startAdmission } from "./admission.ts"
import type { Environment } from "./environment.ts"
import { type EdgeSettings, type RunningEdge, startEdge } from "./edge.ts"
import { startGatewayHealth } from "./gatewayHealth.ts"
import {
  configuredGateways,
  type GatewaysFile,
  hookUp,
  openGateways,
  type OwnSimulator
} from "./gateways.ts"
import { guardsOf } from "./guards.ts"
import { startMeter } from "./meter.ts"
import type { OwnBank } from "./pixGateway.ts"
import { LOG, openFolder } from "./ownFolder.ts"
import { prepare } from "./prepare.ts"
import { configuredTerms, publishTerms, type TermsFile } from "./terms.ts"
import { startWorker, type WorkerSettings } from "./worker.ts"

export interface LastroSettings {
  readonly dataDir: string
  readonly port: number
  readonly environment: Environment
  readonly progress: Progress
  readonly allowPrivateWebhooks?: boolean
  readonly stack?: Stack
  readonly log?: LogSink
  readonly worker?: Partial<WorkerSettings>
  readonly requestsPerSecond?: number
  /** Times of the simulator's gateway contract; only tests shorten them. */
  readonly finalityMillis?: number
  /** In the place of `LASTRO_TERMS_FILE`. */
  readonly terms?: TermsFile
  /** In the place of `LASTRO_GATEWAYS_FILE`. */
  readonly gateways?: GatewaysFile
}

export interface Lastro {
  readonly stack: Stack
  readonly edge: RunningEdge
  /** The gateways simulated here, by name; the one called `simulator` is there by default. */
  readonly simulators: ReadonlyMap<string, OwnSimulator>
  readonly simulator: OwnSimulator
  /** The banks with the Pix API that are simulated here. */
  readonly banks: ReadonlyMap<string, OwnBank>
  readonly dataDir: string
  /** Workers drain first, then the servers stop. */
  readonly stop: () => Promise<void>
}

export const dataDirOf = (environment: Environment): string =>
  resolve(environment["LASTRO_DATA_DIR"] ?? ".lastro")

export const portOf = (environment: Environment, otherwise = 8787): number =>
  Number(environment["LASTRO_PORT"] ?? otherwise)

/** Only this machine reaches it, unless somebody says otherwise. */
export const hostOf = (environment: Environment): string =>
  environment["LASTRO_HOST"] ?? "127.0.0.1"

/** Where the API listens, how callers know it where that is another address, and where people sign in. */
export const frontDoorOf = (environment: Environment) => ({
  host: hostOf(environment),
  publicUrl: environment["LASTRO_PUBLIC_URL"]?.replace(/\/+$/, "") || undefined,
  company: companySettings(environment)
})

/** New at every start: a worker that comes back is another one, and its former leases are not its own. */
export const workerName = (): string => `worker-${process.pid}-${randomBytes(3).toString("hex")}`

/** Servers of our own: children of this process, or containers. */
const ownStack = async (
  { dataDir, environment, progress }: LastroSettings,
  log: LogSink
): Promise<Stack> => {
  const kind = environment["LASTRO_STACK"] ?? "embedded"
  switch (kind) {
    case "embedded":
      return await startEmbedded({
        dataDir,
        progress,
        tell: (line) => {
          progress(line)
          log(lineOf("warn", line))
        }
      })
    case "containers": {
      // Loaded only here: the library is large.
      const { startContainers } = await import("../stack/containers/stack.ts")
      return await startContainers({ dataDir, environment, progress })
    }
    default:
      throw new StackError(`LASTRO_STACK is embedded or containers, not ${kind}.`)
  }
}

/** What makes no sense is refused before there is anything. */
const wantedOf = ({ environment, gateways, terms }: LastroSettings) => ({
  configured: gateways ?? configuredGateways(environment),
  terms: terms ?? configuredTerms(environment)
})

const edgeOf = (
  { allowPrivateWebhooks = false, environment, port, requestsPerSecond }: LastroSettings,
  gateways: ReadonlyArray<Gateway>,
  log: LogSink
): EdgeSettings => ({
  port,
  ...frontDoorOf(environment),
  guards: guardsOf(environment),
  gateways,
  log,
  allowPrivateWebhooks,
  ...(requestsPerSecond !== undefined && { requestsPerSecond })
})

/** What can be known to be in the way is told before anything is made. */
const enter = async ({ dataDir, environment, port, stack }: LastroSettings): Promise<void> => {
  if (stack === undefined) refuseRunning(dataDir)
  await refuseTakenPort(port, hostOf(environment))
  openFolder(dataDir)
}

/** Everything in one process: servers, streams, actors, gateway simulator and edge. */
export const startLastro = async (settings: LastroSettings): Promise<Lastro> => {
  const { dataDir, environment, progress } = settings
  const { configured, terms } = wantedOf(settings)
  await enter(settings)
  const log = settings.log ?? toFile(join(dataDir, LOG))
  log(lineOf("info", `Lastro starts on ${dataDir}, process ${process.pid}`))
  startTracing(environment)
  const stops: Array<() => Promise<void>> = []
  const stop = async () => {
    await stopEach([stopTracing, ...stops.splice(0)])
    log(lineOf("info", "Lastro has stopped"))
  }
  try {
    const stack = settings.stack ?? givenStack(environment) ?? await ownStack(settings, log)
    if (settings.stack === undefined) stops.push(stack.stop)
    await prepare(stack, progress)
    await publishTerms(stack, configured.routing, terms)
    const { banks, gateways, simulators, stop: stopGateways } = await openGateways(configured, {
      dataDir,
      environment,
      ...(settings.finalityMillis !== undefined && { finalityMillis: settings.finalityMillis })
    })
    stops.push(stopGateways)
    const auditor = await startAuditor(stack.databaseUrl, join(dataDir, "audit.key"), log)
    stops.push(auditor.stop)
    const name = workerName()
    const worker = startWorker(stack, {
      name,
      log,
      gateways,
      allowPrivateWebhooks: settings.allowPrivateWebhooks ?? false,
      ...settings.worker
    })
    const admission = startAdmission(stack, name, log)
    const meter = startMeter(stack, name, log)
    const health = startGatewayHealth(stack, name, log)
    const edge = await startEdge(stack, edgeOf(settings, gateways, log)).catch(async (error) => {
      await Promise.all([worker, admission, meter, health].map((one) => one.stop()))
      throw error
    })
    stops.push(health.stop, meter.stop, admission.stop, worker.stop, edge.stop)
    await hookUp({ banks, simulators }, edge.url)
    log(lineOf("info", `Lastro runs, the API at ${edge.url}`))
    return {
      stack,
      edge,
      simulators,
      banks,
      get simulator() {
        const known = simulators.get("simulator")
        if (known === undefined) throw new StackError("no gateway called simulator runs here.")
        return known
      },
      dataDir,
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** A key kept in the data folder, readable by its owner only, so that the next start prints it again. */
export const keptKey = async (
  databaseUrl: string,
  file: string,
  key: NewKey
): Promise<string> => {
  const db = connect(databaseUrl, 1)
  try {
    if (fs.existsSync(file)) {
      const kept = fs.readFileSync(file, "utf8").trim()
      // The folder may meet another database than the one the key was made in.
      await keepApiKey(db, kept, key)
      return kept
    }
    const secret = await createApiKey(db, key)
    fs.writeFileSync(file, secret + "\n", { mode: 0o600 })
    return secret
  } finally {
    await db.destroy()
  }
}
