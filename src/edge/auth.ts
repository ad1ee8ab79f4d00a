import { Effect } from "effect"
import { type ApiKey, findApiKey } from "../store/apiKeys.ts"
import { Database } from "../store/database.ts"
import { problem, unavailable } from "./problem.ts"

/** A revoked key works on at most this long. */
const KEY_CACHE_MILLIS = 10_000
/** Keys remembered, wrong ones too. Beyond it the memory starts afresh. */
const KEYS_CACHED_MAX = 10_000
/** Real keys have 35 characters; longer ones need no database to be refused. */
const SECRET_CHARACTERS_MAX = 200

/**
 * The secret of a request: a bearer token, or for browsers the password of HTTP Basic (any user),
 * so that the operator page needs no login of its own.
 */
export const secretOf = (authorization: string | undefined): string | undefined => {
  const match = /^(Bearer|Basic) +(\S+)$/i.exec(authorization ?? "")
  if (match === null) return undefined
  if (match[1]!.toLowerCase() === "bearer") return match[2]
  const pair = Buffer.from(match[2]!, "base64").toString("utf8")
  return pair.slice(pair.indexOf(":") + 1)
}

export class Keys {
  private readonly known = new Map<string, { key: ApiKey | undefined; until: number }>()

  readonly authenticate = Effect.fnUntraced(
    { self: this },
    function* (this: Keys, authorization: string | undefined) {
      const secret = secretOf(authorization)
      if (secret === undefined || secret.length > SECRET_CHARACTERS_MAX) {
        return yield* problem(401, "not_authenticated", "send Authorization: Bearer sk_…")
      }
      const now = Date.now()
      const cached = this.known.get(secret)
      const key = cached !== undefined && cached.until > now
        ? cached.key
        : yield* this.find(secret, now)
      if (key === undefined) {
        return yield* problem(401, "not_authenticated", "this key is not known")
      }
      return key
    }
  )

  private readonly find = Effect.fnUntraced(
    { self: this },
    function* (this: Keys, secret: string, now: number) {
      const database = yield* Database
      const key = yield* database.query("edge.key", (db) => findApiKey(db, secret)).pipe(
        Effect.mapError(() => unavailable("keys cannot be read now"))
      )
      if (this.known.size >= KEYS_CACHED_MAX) this.known.clear()
      this.known.set(secret, { key, until: now + KEY_CACHE_MILLIS })
      return key
    }
  )
}
