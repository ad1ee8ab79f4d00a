import { Context, Effect, Layer } from "effect"
import { tellAccessChanged, watchAccess } from "../../bus/accessChanges.ts"
import { Nats } from "../../bus/connection.ts"
import { restarted } from "../../runtime/restarted.ts"
import { forgetChanges, untoldChanges } from "../../store/accessChanges.ts"
import { Database } from "../../store/database.ts"

/** How late an edge tells of what was changed in PostgreSQL: by a command, or by another edge. */
const TELL_EVERY_MILLIS = 300

/** Whose right has changed; undefined where it may be anybody's. */
type Listener = (ids: ReadonlySet<string> | undefined) => void

/**
 * Changes of who may come in, as every edge hears of them. They are made in PostgreSQL with their entry in
 * the audit; an edge passes them on to the bucket `control`, and all of them watch that.
 */
export class AccessChanges extends Context.Service<AccessChanges, {
  readonly onChange: (listener: Listener) => void
}>()("lastro/edge/AccessChanges") {
  static readonly layer = Layer.effect(
    AccessChanges,
    Effect.gen(function* () {
      const { nc } = yield* Nats
      const database = yield* Database
      const listeners: Array<Listener> = []
      const told = (ids: ReadonlyArray<string> | undefined) => {
        for (const listener of listeners) listener(ids && new Set(ids))
      }
      const tell = Effect.gen(function* () {
        const changes = yield* database.query("edge.access.changes", untoldChanges)
        if (changes.length === 0) return
        yield* tellAccessChanged(nc, [...new Set(changes.map(({ id }) => id))])
        yield* database.query("edge.access.told", (db) => forgetChanges(db, changes))
      })
      yield* Effect.forkScoped(
        restarted("the watch on access", Effect.scoped(watchAccess(nc, told)))
      )
      yield* Effect.forkScoped(restarted(
        "telling of access",
        Effect.forever(Effect.andThen(Effect.ignore(tell), Effect.sleep(TELL_EVERY_MILLIS)))
      ))
      return { onChange: (listener) => listeners.push(listener) }
    })
  )
}
