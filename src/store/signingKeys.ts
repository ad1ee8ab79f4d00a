import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface SigningKey {
  readonly kid: string
  /** Private. */
  readonly jwk: object
  readonly createdAt: Date
}

/** Those that may have signed what is still good, the newest first. */
export const signingKeys = async (
  db: Db,
  keptSeconds: number
): Promise<ReadonlyArray<SigningKey>> => {
  const { rows } = await sql<SigningKey>`
    select kid, jwk, created_at as "createdAt" from oauth_signing_keys
    where created_at > now() - make_interval(secs => ${keptSeconds})
    order by created_at desc`.execute(db)
  return rows
}

/** Keeps a new key, unless there is one that is younger than it may be; edges ask all at once. */
export const keepSigningKey = (
  db: Db,
  key: { readonly kid: string; readonly jwk: object },
  rotatedAfterSeconds: number
): Promise<void> =>
  db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('oauth_signing_keys'))`.execute(trx)
    await sql`
      insert into oauth_signing_keys (kid, jwk)
      select ${key.kid}, ${JSON.stringify(key.jwk)}::jsonb
      where not exists (
        select 1 from oauth_signing_keys
        where created_at > now() - make_interval(secs => ${rotatedAfterSeconds})
      )`.execute(trx)
  })

/** What ended of late, by which tokens may have been given out. */
export const endedSince = async (db: Db, seconds: number): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ id: string }>`
    select id from access_ended where at > now() - make_interval(secs => ${seconds})`.execute(db)
  return rows.map(({ id }) => id)
}
