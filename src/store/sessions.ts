import { createHash, randomBytes } from "node:crypto"
import { sql } from "kysely"
import { granted, type Role } from "../domain/role.ts"
import type { Scope } from "../domain/scope.ts"
import type { Caller } from "./caller.ts"
import type { Db } from "./database.ts"
import { hashOf } from "./keySecret.ts"

const COOKIE_BYTES = 32

export interface NewSession {
  readonly name: string
  readonly merchant: string
  readonly scopes: ReadonlyArray<Scope>
  readonly role?: Role | undefined
  /** The key that was exchanged for it. */
  readonly keyId?: string | undefined
}

/** Follows from the cookie, which scripts cannot read; the pages carry it. */
const csrfOf = (cookie: string): string =>
  createHash("sha256").update(`csrf ${cookie}`).digest("base64url")

/** Begins a session and answers what its cookie holds, which is stored nowhere. */
export const beginSession = async (
  db: Db,
  session: NewSession,
  seconds: number
): Promise<string> => {
  const cookie = randomBytes(COOKIE_BYTES).toString("base64url")
  await sql`
    insert into sessions (hash, name, merchant, scopes, role, key_id, expires_at)
    values (${hashOf(cookie)}, ${session.name}, ${session.merchant},
      ${[...session.scopes]}::text[], ${session.role ?? null}, ${session.keyId ?? null},
      now() + make_interval(secs => ${seconds}))`.execute(db)
  return cookie
}

/** A session exchanged for a key is worth what the key is, and ends with it. */
export const findSession = async (
  db: Db,
  cookie: string,
  idleSeconds: number
): Promise<Caller | undefined> => {
  const { rows: [found] } = await sql<{
    id: string
    name: string
    merchant: string
    scopes: ReadonlyArray<string>
    role: string | null
    key_id: string | null
    expires_at: Date
  }>`
    select s.id, s.name, s.merchant, coalesce(k.scopes, s.scopes) as scopes,
      coalesce(k.role, s.role) as role, s.key_id,
      least(s.expires_at, k.expires_at, s.seen_at + make_interval(secs => ${idleSeconds})) as expires_at
    from sessions s
    left join lateral (
      select scopes, role, expires_at, revoked_at from api_keys k
      where k.id = s.key_id order by created_at desc limit 1
    ) k on true
    where s.hash = ${hashOf(cookie)} and s.ended_at is null and k.revoked_at is null
      and s.expires_at > now() and (k.expires_at is null or k.expires_at > now())
      and s.seen_at > now() - make_interval(secs => ${idleSeconds})`.execute(db)
  return found && {
    id: found.id,
    name: found.name,
    merchant: found.merchant,
    granted: granted(found.scopes, found.role),
    expiresAt: found.expires_at,
    addresses: [],
    requestsPerSecond: null,
    from: found.key_id ?? undefined,
    csrf: csrfOf(cookie)
  }
}

/** Its person did something now. */
export const touchSession = async (db: Db, id: string): Promise<void> => {
  await sql`update sessions set seen_at = now() where id = ${id}`.execute(db)
}

export const endSession = async (db: Db, id: string): Promise<void> => {
  await sql`update sessions set ended_at = now() where id = ${id} and ended_at is null`.execute(db)
}
