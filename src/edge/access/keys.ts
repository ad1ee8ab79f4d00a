import { Effect, Result } from "effect"
import { type Ask, gather } from "../../bus/gather.ts"
import { findApiKeys } from "../../store/apiKeys.ts"
import type { Caller } from "../../store/caller.ts"
import { canBeSecret } from "../../store/keySecret.ts"
import type { Database } from "../../store/database.ts"
import { Memory } from "./memory.ts"
import { LastUse } from "./lastUse.ts"
import { type Problem, problem, unavailable } from "../problem.ts"

/** A revoked key works on at most this long where nobody tells this edge of it. */
const KEY_CACHE_MILLIS = 10_000
/** A key that is made after somebody tried it works at most this late. */
const UNKNOWN_CACHE_MILLIS = 1_000
/** Keys remembered, those that are right and those that are not. Beyond it the oldest is asked for again. */
const KEYS_CACHED_MAX = 10_000
/** Keys of one query, and how often there is one: keys that nobody knows are free to invent. */
const KEYS_ASKED_MAX = 500
const ASK_EVERY_MILLIS = 20
/** The secret of a request: a bearer token. */
export const secretOf = (authorization: string | undefined): string | undefined =>
  /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1]

/** Who may come in. All keys that are not remembered share one query, however many there are. */
export class Keys {
  private readonly known = new Memory<Caller>(KEY_CACHE_MILLIS, KEYS_CACHED_MAX)
  private readonly unknown = new Memory<true>(UNKNOWN_CACHE_MILLIS, KEYS_CACHED_MAX)
  private readonly ask: Ask<string, Caller | undefined, Problem>
  private readonly uses: LastUse
  private askedAt = -Infinity
  private forgotten = 0

  constructor(database: Database["Service"]) {
    this.uses = new LastUse(database)
    this.ask = Effect.runSync(gather({
      max: KEYS_ASKED_MAX,
      run: (secrets) => this.find(database, secrets)
    }))
  }

  /** Those that these may be are looked for again; all of them where it may be anybody. */
  forget(ids: ReadonlySet<string> | undefined): void {
    this.forgotten += 1
    this.known.drop(({ id }) => ids === undefined || ids.has(id))
  }

  readonly authenticate = Effect.fnUntraced(
    { self: this },
    function* (this: Keys, authorization: string | undefined) {
      const secret = secretOf(authorization)
      if (secret === undefined) {
        return yield* problem("not_authenticated", "send Authorization: Bearer sk_…")
      }
      if (!canBeSecret(secret)) {
        return yield* problem("not_authenticated", "this is no key: it is mistyped or cut off")
      }
      const now = performance.now()
      const key = this.known.get(secret, now) ??
        (this.unknown.get(secret, now) ? undefined : yield* this.ask(secret))
      if (key === undefined || (key.expiresAt !== null && key.expiresAt.getTime() <= Date.now())) {
        return yield* problem("not_authenticated", "this key is not known")
      }
      this.uses.note(key.id, now)
      return key
    }
  )

  private readonly find = Effect.fnUntraced(
    { self: this },
    function* (this: Keys, database: Database["Service"], secrets: ReadonlyArray<string>) {
      yield* Effect.sleep(Math.max(0, this.askedAt + ASK_EVERY_MILLIS - performance.now()))
      const { forgotten } = this
      const found = yield* Effect.result(
        database.query("edge.key", (db) => findApiKeys(db, [...new Set(secrets)]))
      )
      const now = this.askedAt = performance.now()
      return secrets.map((secret): Effect.Effect<Caller | undefined, Problem> => {
        if (Result.isFailure(found)) return Effect.fail(unavailable("keys cannot be read now"))
        const key = found.success.get(secret)
        if (key === undefined) this.unknown.keep(secret, true, now)
        // What was read before somebody's right changed is good for this request, and no longer.
        else if (forgotten === this.forgotten) this.known.keep(secret, key, now)
        return Effect.succeed(key)
      })
    }
  )
}
