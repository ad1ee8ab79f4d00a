import { Effect } from "effect"
import type { Caller } from "../../store/caller.ts"
import type { Database } from "../../store/database.ts"
import { beginSession, findSession, type NewSession, touchSession } from "../../store/sessions.ts"
import { type Problem, problem, unavailable } from "../problem.ts"
import { Memory } from "./memory.ts"

/** Only this host gets it back, over TLS (browsers take this machine itself for as safe), on every path. */
const SESSION_COOKIE = "__Host-lastro"
const SESSION_SECONDS = 8 * 3_600
/** Without anything done by its person. What pages ask for by themselves is not theirs. */
const IDLE_SECONDS = 30 * 60
const TOUCHED_EVERY_MILLIS = 60_000
/** How long one is remembered where nobody tells this edge of its end. */
const KEPT_MILLIS = 10_000
const SESSIONS_MAX = 2_000
const COOKIE = /^[A-Za-z0-9_-]{43}$/

const ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"

/** What ends the browser's memory of a session. */
export const forgottenCookie = `${SESSION_COOKIE}=; ${ATTRIBUTES}; Max-Age=0`

/** One cookie of a Cookie header. */
export const cookieOf = (cookies: string | undefined, wanted: string): string | undefined => {
  for (const pair of cookies?.split(";") ?? []) {
    const [name, value] = pair.trim().split("=", 2)
    if (name === wanted) return value
  }
  return undefined
}

/** The session's. */
export const sessionOf = (cookies: string | undefined): string | undefined => {
  const value = cookieOf(cookies, SESSION_COOKIE)
  return value !== undefined && COOKIE.test(value) ? value : undefined
}

/** People who signed in with a browser. */
export class Sessions {
  private readonly database: Database["Service"]
  private readonly known = new Memory<Caller>(KEPT_MILLIS, SESSIONS_MAX)
  private readonly touched = new Memory<true>(TOUCHED_EVERY_MILLIS, SESSIONS_MAX)

  constructor(database: Database["Service"]) {
    this.database = database
  }

  /** Answers the cookie that a browser shall keep. */
  begin(session: NewSession): Effect.Effect<string, Problem> {
    return this.database.query(
      "edge.session.begin",
      (db) => beginSession(db, session, SESSION_SECONDS)
    ).pipe(
      Effect.map((value) =>
        `${SESSION_COOKIE}=${value}; ${ATTRIBUTES}; Max-Age=${SESSION_SECONDS}`
      ),
      Effect.mapError(() => unavailable("nobody can sign in now"))
    )
  }

  forget(ids: ReadonlySet<string> | undefined): void {
    this.known.drop(({ from, id }) => ids === undefined || ids.has(id) || ids.has(from ?? ""))
  }

  /** Whose session it is. `active` where its person does something, and no script by itself. */
  readonly authenticate = Effect.fnUntraced(
    { self: this },
    function* (this: Sessions, cookie: string, active: boolean) {
      const now = performance.now()
      const remembered = this.known.get(cookie, now)
      const found = remembered ?? (yield* this.database.query(
        "edge.session",
        (db) => findSession(db, cookie, IDLE_SECONDS)
      ).pipe(Effect.mapError(() => unavailable("sessions cannot be read now"))))
      if (found === undefined || found.expiresAt!.getTime() <= Date.now()) {
        return yield* problem("not_authenticated", "this session is over: sign in again")
      }
      if (remembered === undefined) this.known.keep(cookie, found, now)
      if (active && !this.touched.get(found.id, now)) {
        this.touched.keep(found.id, true, now)
        this.known.drop(({ id }) => id === found.id)
        yield* Effect.ignore(
          this.database.query("edge.session.seen", (db) => touchSession(db, found.id))
        )
      }
      return found
    }
  )
}
