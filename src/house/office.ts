import { Effect, Fiber } from "effect"
import { type NatsLink, open } from "../bus/connection.ts"
import { elected } from "../runtime/election.ts"
import { restarted } from "../runtime/restarted.ts"
import type { NatsRole, Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"

const OFFICE_TTL_MILLIS = 4_000

/** Work that one process of the whole system does; every worker may stand for it. */
interface OfficeWork {
  readonly name: string
  /** Who it is to NATS. */
  readonly role: NatsRole
  /** To PostgreSQL. */
  readonly connectionsMax: number
  readonly work: (link: NatsLink) => Effect.Effect<void, unknown, Database>
}

/** Where this process stands for an office. */
interface Standing {
  readonly stack: Stack
  readonly holder: string
  readonly log: LogSink
}

/** Stands for an office until it is stopped, and begins again whatever becomes of the work. */
export const startOffice = (
  { holder, log, stack }: Standing,
  { connectionsMax, name, role, work }: OfficeWork
): { readonly stop: () => Promise<void> } => {
  const standing = Effect.scoped(Effect.gen(function* () {
    const link = yield* open({
      urls: stack.natsUrls,
      ...stack.nats[role],
      name: `${holder}-${name}`
    })
    yield* elected({ link, name, holder, ttlMillis: OFFICE_TTL_MILLIS }, work(link))
  })).pipe(Effect.provide(Database.layerOf(stack.databaseUrl, connectionsMax)))
  const fiber = Effect.runFork(
    restarted(`the office ${name}`, standing).pipe(Effect.provide(jsonLogs(log)))
  )
  return { stop: () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(fiber))) }
}
