import { sql } from "kysely"
import { Cause, Effect, Exit, Fiber } from "effect"
import { join } from "node:path"
import { simulator } from "../../../actors/gateway/simulator.ts"
import { startEmbedded } from "../../stack/embedded.ts"
import { startSimulatorThread } from "../../simulators/start.ts"
import type { Stack } from "../../stack/stack.ts"
import { connect } from "../../store/database.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { prepare } from "../../house/prepare.ts"
import { actorsOf } from "../../../actors/register.ts"
import { addressingOf, places } from "../../../streams/places.ts"
import type { Throughput } from "./load.ts"
import { type Loader, startLoader } from "./loader.ts"
import { INBOX, runNaive } from "./naive.ts"

interface NaiveLimit {
  readonly connections: number
  readonly paymentsPerSecond: number
}

const CONNECTIONS = [1, 8, 32]
const FINALITY_MILLIS = 30_000
/** Payments under way for each connection: it never waits for work, and the end is short. */
const PAYMENTS_PER_CONNECTION = 20
const PAYMENTS_MIN = 200

/** How fast the plain way is, with servers of its own and the same load: the best of several sizes. */
export const measureNaive = async (options: {
  readonly dataDir: string
  readonly merchants: number
  readonly newCustomers: boolean
  readonly seconds: number
  readonly tell: (line: string) => void
}): Promise<{ readonly best: NaiveLimit; readonly all: ReadonlyArray<NaiveLimit> }> => {
  const quiet = () => {}
  const stack = await startEmbedded({ dataDir: options.dataDir, progress: quiet })
  try {
    await prepare(stack, quiet)
    const db = connect(stack.databaseUrl, 1)
    await sql.raw(INBOX).execute(db)
    await db.destroy()
    const gateway = await startSimulatorThread(join(options.dataDir, "simulator.db"))
    const loader = await startLoader({
      natsUrls: stack.natsUrls,
      producer: stack.nats.producer,
      admin: stack.nats.admin,
      merchants: options.merchants,
      newCustomers: options.newCustomers
    })
    const all: Array<NaiveLimit> = []
    for (const connections of CONNECTIONS) {
      const paymentsPerSecond = await measureOne(stack, gateway.url, loader, {
        connections,
        seconds: options.seconds
      })
      options.tell(`naive, ${connections} connections: ${Math.round(paymentsPerSecond)} payments/s`)
      all.push({ connections, paymentsPerSecond })
    }
    await loader.stop()
    await gateway.stop()
    return {
      all,
      best: all.reduce((left, right) =>
        right.paymentsPerSecond > left.paymentsPerSecond ? right : left
      )
    }
  } finally {
    await stack.stop()
    removeFolder(options.dataDir)
  }
}

const measureOne = async (
  stack: Stack,
  gatewayUrl: string,
  loader: Loader,
  { connections, seconds }: { readonly connections: number; readonly seconds: number }
): Promise<number> => {
  const flight = { count: 0 }
  const processor = Effect.runFork(runNaive({
    stack,
    actors: actorsOf({
      gateways: [simulator(gatewayUrl, FINALITY_MILLIS)],
      allowPrivateWebhooks: false
    }),
    connections,
    streamOf: places.streamOf,
    addressingOf,
    messageBytesMax: places.messageBytesMax,
    flight
  }))
  const inFlight = Math.max(PAYMENTS_MIN, connections * PAYMENTS_PER_CONNECTION)
  const { perSecond } = await Promise.race([
    loader.run<Throughput>({ _tag: "Throughput", options: { seconds, inFlight } }),
    endOf(processor)
  ])
  // What follows a capture (receipts, webhooks) must not weigh on the next size.
  await quietFor(flight)
  await Effect.runPromise(Fiber.interrupt(processor))
  return perSecond
}

const QUIET_MILLIS = 1_000

const quietFor = async (flight: { readonly count: number }): Promise<void> => {
  for (let since = performance.now(); performance.now() - since < QUIET_MILLIS;) {
    if (flight.count > 0) since = performance.now()
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The processor never ends by itself: if it does, it failed. */
const endOf = async (processor: Fiber.Fiber<unknown, unknown>): Promise<never> => {
  const exit = await Effect.runPromise(Fiber.await(processor))
  throw Exit.isFailure(exit) ? Cause.squash(exit.cause) : new Error("the naive way ended")
}
