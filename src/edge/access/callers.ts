import { Context, Effect, Layer } from "effect"
import type { Caller } from "../../store/caller.ts"
import { Database } from "../../store/database.ts"
import type { Problem } from "../problem.ts"
import { AccessChanges } from "./changes.ts"
import { Keys } from "./keys.ts"
import { Tokens } from "./tokens.ts"
import { sessionOf, Sessions } from "./sessions.ts"

type Header = (name: string) => string | undefined

/** A page that is opened, or a form that is sent; what scripts read by themselves is nobody's doing. */
const isActive = (method: string, header: Header): boolean =>
  method !== "GET" || header("sec-fetch-dest") !== "empty"

/** A signed token has three parts; a key has none. */
const TOKEN = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i

/** Who asks: by a key, an access token, or the session of a browser. */
export class Callers extends Context.Service<Callers, {
  readonly authenticate: (method: string, header: Header) => Effect.Effect<Caller, Problem>
  readonly keys: Keys
  readonly sessions: Sessions
}>()("lastro/edge/Callers") {
  static readonly layer = Layer.effect(
    Callers,
    Effect.gen(function* () {
      const database = yield* Database
      const changes = yield* AccessChanges
      const tokens = yield* Tokens
      const keys = new Keys(database)
      const sessions = new Sessions(database)
      changes.onChange((ids) => {
        keys.forget(ids)
        sessions.forget(ids)
      })
      return {
        keys,
        sessions,
        authenticate: (method, header) => {
          const authorization = header("authorization")
          const session = authorization === undefined ? sessionOf(header("cookie")) : undefined
          const token = TOKEN.exec(authorization ?? "")?.[1]
          if (token !== undefined) return tokens.verify(token)
          return session === undefined
            ? keys.authenticate(authorization)
            : sessions.authenticate(session, isActive(method, header))
        }
      }
    })
  )
}
