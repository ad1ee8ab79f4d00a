import { isDeepStrictEqual } from "node:util"
import { Effect, Schedule } from "effect"
import { healthOf } from "../../actors/payments/health.ts"
import { recentCharges } from "../../actors/payments/read.ts"
import type { Health } from "../../streams/messages/routing.ts"
import type { NatsLink } from "../bus/connection.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import type { LogSink } from "../telemetry/logs.ts"
import { startOffice } from "./office.ts"
import { changeConfiguration, takenConfigs } from "./configuration.ts"

const LOOK_EVERY = "2 seconds"
/** What is older says nothing about now. */
const WINDOW_MILLIS = 20_000

/** The terms as they are stored, as far as they matter here. */
interface Doc {
  readonly health?: unknown
  readonly routing?: {
    readonly rules: ReadonlyArray<{
      readonly to: ReadonlyArray<unknown>
      readonly fallback?: ReadonlyArray<unknown>
    }>
  }
}

/** Where no rule has a choice, nobody needs to know. */
const hasChoice = ({ routing }: Doc): boolean =>
  routing?.rules.some(({ fallback = [], to }) => to.length + fallback.length > 1) === true

/** One look: when a gateway does otherwise than the partitions were told, they are told. */
const look = Effect.fnUntraced(function* (link: NatsLink) {
  const database = yield* Database
  const docs = [...(yield* takenConfigs("payments")).values()].map(({ doc }) => doc as Doc)
  if (!docs.some(hasChoice)) return
  const since = Date.now() - WINDOW_MILLIS
  const counts = yield* database.query("health.charges", (db) => recentCharges(db, since))
  const health = healthOf(counts)
  if (docs.every((doc) => isDeepStrictEqual(doc.health ?? {}, health))) return
  yield* publishHealth(link, health)
})

/** Changes nothing else, whoever changes the terms meanwhile. */
export const publishHealth = (link: NatsLink, health: Readonly<Record<string, Health>>) =>
  changeConfiguration(link, "payments", (doc) => (doc === undefined ? undefined : {
    ...doc as Doc,
    health
  }))

/** Stands for the office of the gateways' health. */
export const startGatewayHealth = (stack: Stack, holder: string, log: LogSink) =>
  startOffice({ stack, holder, log }, {
    name: "gateway-health",
    role: "worker",
    connectionsMax: 1,
    work: (link) => Effect.repeat(look(link), Schedule.spaced(LOOK_EVERY))
  })
