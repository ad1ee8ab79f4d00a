import { join } from "node:path"
import { defaultTerms } from "../../../actors/payments/terms.ts"
import { Effect, Exit, Scope } from "effect"
import { type NatsLink, open } from "../../bus/connection.ts"
import { type Simulator, startSimulator } from "../../simulators/card/server.ts"
import type { Stack } from "../../stack/stack.ts"
import { createApiKey } from "../../store/apiKeys.ts"
import { connect, type Db } from "../../store/database.ts"
import { startAdmission } from "../../house/admission.ts"
import { startEdge } from "../../house/edge.ts"
import { prepare } from "../../house/prepare.ts"
import { publishTerms } from "../../house/terms.ts"
import { ChaosLoad } from "./load.ts"
import { rates } from "./moves.ts"
import { untilQuiet } from "./quiet.ts"
import { type Crash, startWorkerProcess, type WorkerProcess } from "./workers.ts"
import { merchantScopes, operatorScopes } from "../../domain/scope.ts"

/**
 * Lastro with its parts in processes of their own: servers that may be killed, a gateway and an
 * edge in this process, and as many workers as are asked for.
 */
export interface ChaosHouse {
  readonly simulator: Simulator
  readonly load: ChaosLoad
  readonly admin: NatsLink
  readonly edgeUrl: string
  readonly edgeLog: ReadonlyArray<string>
  /** The API key of a merchant that goes through the edge. */
  readonly keyOf: (merchant: string) => string
  /** Every worker that was ever started here. */
  readonly workers: ReadonlyArray<WorkerProcess>
  readonly work: (settings?: WorkSettings) => WorkerProcess
  /** Resolves with what is still under way after so long, or with nothing. */
  readonly quiet: (millis: number) => Promise<string>
  readonly stop: () => Promise<void>
}

interface WorkSettings {
  readonly crash?: Crash
  /** How this worker reaches the servers, where it is not the straight way. */
  readonly stack?: Stack
}

interface HouseOptions {
  readonly dataDir: string
  readonly leaseMillis: number
}

const MERCHANTS = 40
const EDGE_MERCHANTS = 8
/** What is read through a connection that breaks is not read again. */
const READING_MILLIS = 60_000
const EDGE_LOG_LINES_MAX = 1_000

export const startChaosHouse = async (
  stack: Stack,
  { dataDir, leaseMillis }: HouseOptions
): Promise<ChaosHouse> => {
  await prepare(stack, () => {})
  await publishTerms(stack, defaultTerms.routing!, { fx: rates })
  const simulator = await startSimulator({ file: join(dataDir, "simulator.db") })
  const edgeLog: Array<string> = []
  const log = (line: string) => {
    if (edgeLog.push(line) > EDGE_LOG_LINES_MAX) edgeLog.shift()
  }
  const edge = await startEdge(stack, { port: 0, log, allowPrivateWebhooks: true })
  const admission = startAdmission(stack, "chaos", log)
  const db = connect(stack.databaseUrl, 2)
  const merchants = Array.from({ length: MERCHANTS }, (_, index) => `shop-${index}`)
  const { keys, operatorKey } = await keysFor(db, merchants.slice(0, EDGE_MERCHANTS))
  const scope = Scope.makeUnsafe()
  const linked = (role: "producer" | "admin", ping = {}) =>
    Effect.runPromise(
      open({ urls: stack.natsUrls, ...stack.nats[role], name: `chaos-${role}`, ...ping }).pipe(
        Scope.provide(scope)
      )
    )
  const producer = await linked("producer")
  const admin = await linked("admin", { pingMillis: READING_MILLIS })
  const load = new ChaosLoad({
    link: producer,
    edgeUrl: edge.url,
    keys,
    merchants,
    db,
    gatewayUrl: simulator.url,
    operatorKey
  })
  const workers: Array<WorkerProcess> = []
  return {
    simulator,
    load,
    admin,
    edgeUrl: edge.url,
    edgeLog,
    keyOf: (merchant) => keys.get(merchant)!,
    workers,
    work: (settings = {}) => {
      const worker = startWorkerProcess(settings.stack ?? stack, {
        name: `worker-${workers.length}`,
        gatewayUrl: simulator.url,
        leaseMillis,
        ...(settings.crash && { crash: settings.crash })
      })
      workers.push(worker)
      return worker
    },
    quiet: (millis) => untilQuiet(stack.databaseUrl, admin, workers, millis),
    stop: async () => {
      for (const worker of workers) worker.signal("SIGKILL")
      await Promise.all(workers.map(({ ended }) => ended))
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await db.destroy()
      await admission.stop()
      await edge.stop()
      await simulator.stop()
    }
  }
}

const keysFor = async (db: Db, merchants: ReadonlyArray<string>) => {
  const keys = new Map<string, string>()
  for (const merchant of merchants) {
    keys.set(merchant, await createApiKey(db, { name: merchant, merchant, scopes: merchantScopes }))
  }
  const operator = { name: "chaos", merchant: "", scopes: operatorScopes }
  return { keys, operatorKey: await createApiKey(db, operator) }
}
