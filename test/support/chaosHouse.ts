import * as fs from "node:fs"
import { join } from "node:path"
import { Effect, Exit, Scope } from "effect"
import { mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { type NatsLink, open } from "../../src/bus/connection.ts"
import { lastOn } from "../../src/bus/tail.ts"
import { consumerLag } from "../../src/bus/lag.ts"
import { startAdmission } from "../../src/cli/admission.ts"
import { startEdge } from "../../src/cli/edge.ts"
import { prepare } from "../../src/cli/prepare.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { type Simulator, startSimulator } from "../../src/stack/simulator/server.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect } from "../../src/store/database.ts"
import { ChaosLoad } from "./chaosLoad.ts"
import { eventually, testFolder } from "./lastro.ts"
import { query } from "./query.ts"
import { type Crash, startWorkerProcess, type WorkerProcess } from "./workers.ts"

/**
 * Lastro with its parts in processes of their own: servers that may be killed, a gateway and an
 * edge in this process, and as many workers as a test starts.
 */
export interface ChaosHouse {
  readonly stack: EmbeddedStack
  readonly simulator: Simulator
  readonly load: ChaosLoad
  readonly admin: NatsLink
  readonly edgeLog: ReadonlyArray<string>
  readonly work: (crash?: Crash) => WorkerProcess
  /**
   * Waits until nothing is under way any more: mailboxes decided, calls answered, payments at rest.
   * Resolves with what still is, or with nothing.
   */
  readonly quiet: (millis: number) => Promise<string>
  readonly stop: () => Promise<void>
}

/** Short, so that a test of many kills stays short; take-overs happen after it. */
export const LEASE_MILLIS = 2_000
const MERCHANTS = 14
const EDGE_MERCHANTS = 4

export const startChaosHouse = async (): Promise<ChaosHouse> => {
  const dataDir = testFolder("chaos")
  const stack = await startEmbedded({ dataDir, fsync: true })
  await prepare(stack, () => {})
  const simulator = await startSimulator({ file: join(dataDir, "simulator.db") })
  const edgeLog: Array<string> = []
  const log = (line: string) => edgeLog.push(line)
  const edge = await startEdge(stack, { port: 0, log, allowPrivateWebhooks: true })
  const admission = startAdmission(stack, "chaos", log)
  const db = connect(stack.databaseUrl, 2)
  const merchants = Array.from({ length: MERCHANTS }, (_, index) => `shop-${index}`)
  const keys = new Map<string, string>()
  for (const merchant of merchants.slice(0, EDGE_MERCHANTS)) {
    keys.set(merchant, await createApiKey(db, { name: merchant, merchant, scopes: ["merchant"] }))
  }
  const scope = Scope.makeUnsafe()
  const linked = (role: "producer" | "admin") =>
    Effect.runPromise(
      open({ urls: stack.natsUrls, ...stack.nats[role], name: `chaos-${role}` }).pipe(
        Scope.provide(scope)
      )
    )
  const producer = await linked("producer")
  const admin = await linked("admin")
  const load = new ChaosLoad({ link: producer, edgeUrl: edge.url, keys, merchants, db })
  const workers: Array<WorkerProcess> = []
  return {
    stack,
    simulator,
    load,
    admin,
    edgeLog,
    work: (crash) => {
      const worker = startWorkerProcess(stack, {
        name: `worker-${workers.length}`,
        gatewayUrl: simulator.url,
        leaseMillis: LEASE_MILLIS,
        ...(crash && { crash })
      })
      workers.push(worker)
      return worker
    },
    quiet: (millis) => quiet(stack, admin, workers, millis),
    stop: async () => {
      for (const worker of workers) worker.signal("SIGKILL")
      await Promise.all(workers.map(({ ended }) => ended))
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await db.destroy()
      await admission.stop()
      await edge.stop()
      await simulator.stop()
      await stack.stop()
      fs.rmSync(dataDir, { recursive: true, force: true })
    }
  }
}

const quiet = async (
  stack: EmbeddedStack,
  { nc }: NatsLink,
  workers: ReadonlyArray<WorkerProcess>,
  millis: number
): Promise<string> => {
  let seen: unknown
  const behind = async () => {
    const cursors = await query(stack.databaseUrl, "select family, partition, seq from cursors")
    const late: Array<string> = []
    for (const { family, kind, stream } of mailboxes) {
      if (kind === "outbound") {
        const lag = await Effect.runPromise(consumerLag(nc, stream, family))
        if (lag !== 0) late.push(`${family}: ${lag}`)
        continue
      }
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const last = await Effect.runPromise(lastOn(nc, stream, `${family}.${partition}.>`))
        const cursor = cursors.find((row) => row.family === family && row.partition === partition)
        if (Number(cursor?.seq ?? 0) < (last?.seq ?? 0)) late.push(`${family}.${partition}`)
      }
    }
    return late
  }
  const look = async () => {
    const late = await behind()
    const open = await query(
      stack.databaseUrl,
      `select status, count(*)::int from payments
       where status in ('screening', 'processing', 'unknown', 'requires_action')
         or doc->'attempts' @? '$[*] ? (@.status == "sent" || @.status == "deferred"
           || @.status == "unknown")'
       group by status`
    )
    seen = { late, open }
    return late.length === 0 && open.length === 0 ? true : undefined
  }
  return await eventually(look, millis).then(() => "", (error) => {
    const logs = workers.map(({ log, name }) =>
      `${name}: ${log.slice(-12).map((line) => line.slice(0, 300)).join("\n  ")}`
    )
    return `${error.message}\n${JSON.stringify(seen)}\n${logs.join("\n")}`
  })
}
