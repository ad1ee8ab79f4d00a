import { sql } from "kysely"
import { granted, type Role } from "../domain/role.ts"
import type { Scope } from "../domain/scope.ts"
import type { Caller } from "./caller.ts"
import type { Db } from "./database.ts"
import { hashOf, newSecret } from "./keySecret.ts"

/** What a key is made with. */
export interface NewKey {
  readonly name: string
  /** Empty for a key of the platform's own people. */
  readonly merchant: string
  readonly scopes: ReadonlyArray<Scope>
  /** Adds what the role has, whatever that is when somebody asks. */
  readonly role?: Role | undefined
  readonly expiresAt?: Date | undefined
  /** CIDR ranges it is taken from; from anywhere where there are none. */
  readonly addresses?: ReadonlyArray<string>
  /** In the place of the edge's own limit. */
  readonly requestsPerSecond?: number | undefined
  readonly madeBy?: string
  readonly test?: boolean
}

const insert = (db: Db, secret: string, key: NewKey) =>
  sql<{ id: string }>`
    insert into api_keys (hash, name, merchant, scopes, role, expires_at, addresses,
      requests_per_second, made_by, is_test)
    values (${hashOf(secret)}, ${key.name}, ${key.merchant}, ${[...key.scopes]}::text[],
      ${key.role ?? null}, ${key.expiresAt ?? null}, ${[...key.addresses ?? []]}::text[],
      ${key.requestsPerSecond ?? null}, ${key.madeBy ?? null}, ${key.test === true})
    on conflict (hash) do nothing
    returning id`.execute(db)

/** Makes a key. Its secret is stored nowhere. */
export const makeApiKey = async (
  db: Db,
  key: NewKey
): Promise<{ readonly id: string; readonly secret: string }> => {
  const secret = newSecret(key.test === true ? "test" : "live")
  const { rows: [made] } = await insert(db, secret, key)
  return { id: made!.id, secret }
}

/** The same where nobody asks for its name. */
export const createApiKey = async (db: Db, key: NewKey): Promise<string> =>
  (await makeApiKey(db, key)).secret

/** A key whose secret somebody holds already, into a database that may not know it. */
export const keepApiKey = async (db: Db, secret: string, key: NewKey): Promise<void> => {
  await insert(db, secret, key)
}

/** The keys of these secrets that are known, not revoked and not at their end. */
export const findApiKeys = async (
  db: Db,
  secrets: ReadonlyArray<string>
): Promise<ReadonlyMap<string, Caller>> => {
  const byHash = new Map(secrets.map((secret) => [hashOf(secret).toString("hex"), secret]))
  const { rows } = await sql<
    & Pick<Caller, "id" | "name" | "merchant" | "addresses">
    & {
      hash: string
      scopes: ReadonlyArray<string>
      role: string | null
      expires_at: Date | null
      requests_per_second: number | null
    }
  >`
    select encode(hash, 'hex') as hash, id, name, merchant, scopes, role, expires_at, addresses,
      requests_per_second
    from api_keys
    where hash = any(${secrets.map(hashOf)}::bytea[]) and revoked_at is null
      and (expires_at is null or expires_at > now())`.execute(db)
  return new Map(
    rows.map(({ expires_at, hash, requests_per_second, role, scopes, ...key }) => [
      byHash.get(hash)!,
      {
        ...key,
        granted: granted(scopes, role),
        expiresAt: expires_at,
        requestsPerSecond: requests_per_second
      }
    ])
  )
}

/** Whether anybody ever held a key of this merchant. */
export const hasApiKey = async (db: Db, merchant: string): Promise<boolean> => {
  const { rows } = await sql`select 1 from api_keys where merchant = ${merchant} limit 1`.execute(
    db
  )
  return rows.length > 0
}

/** Writes down that these keys were used now. */
export const noteUses = async (db: Db, ids: ReadonlyArray<string>): Promise<void> => {
  await sql`update api_keys set used_at = now() where id = any(${[...ids]}::text[])`.execute(db)
}
