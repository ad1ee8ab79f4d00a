import { createHash, randomBytes } from "node:crypto"
import { sql } from "kysely"
import type { Db } from "./database.ts"

export type Scope = "merchant" | "operator"

export interface ApiKey {
  readonly name: string
  /** Empty for an operator's key. */
  readonly merchant: string
  readonly scopes: ReadonlyArray<Scope>
}

const KEY_BYTES = 24

/** A key carries 192 random bits, so a plain hash is enough: there is nothing to guess. */
const hashOf = (secret: string): Buffer => createHash("sha256").update(secret).digest()

/** Makes a key and returns its secret, which is stored nowhere. */
export const createApiKey = async (db: Db, key: ApiKey): Promise<string> => {
  const secret = `sk_${randomBytes(KEY_BYTES).toString("base64url")}`
  await sql`
    insert into api_keys (hash, name, merchant, scopes)
    values (${hashOf(secret)}, ${key.name}, ${key.merchant}, ${[...key.scopes]}::text[])`
    .execute(db)
  return secret
}

/** A key whose secret somebody holds already, into a database that may not know it. */
export const keepApiKey = async (db: Db, secret: string, key: ApiKey): Promise<void> => {
  await sql`
    insert into api_keys (hash, name, merchant, scopes)
    values (${hashOf(secret)}, ${key.name}, ${key.merchant}, ${[...key.scopes]}::text[])
    on conflict (hash) do nothing`.execute(db)
}

/** The keys of these secrets that are known and not revoked. */
export const findApiKeys = async (
  db: Db,
  secrets: ReadonlyArray<string>
): Promise<ReadonlyMap<string, ApiKey>> => {
  const byHash = new Map(secrets.map((secret) => [hashOf(secret).toString("hex"), secret]))
  const { rows } = await sql<ApiKey & { hash: string }>`
    select encode(hash, 'hex') as hash, name, merchant, scopes from api_keys
    where hash = any(${secrets.map(hashOf)}::bytea[]) and revoked_at is null`.execute(db)
  return new Map(rows.map(({ hash, ...key }) => [byHash.get(hash)!, key]))
}

/** Whether anybody ever held a key of this merchant. */
export const hasApiKey = async (db: Db, merchant: string): Promise<boolean> => {
  const { rows } = await sql`select 1 from api_keys where merchant = ${merchant} limit 1`.execute(
    db
  )
  return rows.length > 0
}
