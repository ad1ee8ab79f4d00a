import { sql } from "kysely"
import type { Db } from "./database.ts"

export interface ClaimKey {
  readonly merchant: string
  /** Method and path. */
  readonly operation: string
  readonly key: string
}

export interface NewClaim extends ClaimKey {
  readonly fingerprint: string
  /** The payment the command makes or concerns. */
  readonly about: string
}

export interface KnownClaim extends ClaimKey {
  readonly fingerprint: string
  readonly about: string
  readonly state: "claimed" | "published" | "refused"
  readonly refusal: unknown
}

const named = (claims: ReadonlyArray<ClaimKey>) =>
  sql`unnest(${claims.map(({ merchant }) => merchant)}::text[],
    ${claims.map(({ operation }) => operation)}::text[], ${claims.map(({ key }) => key)}::text[])
    as wanted (merchant, operation, key)`

/** Claims what is free, in one statement for all concurrent requests, and returns what was. */
export const claimFree = async (
  db: Db,
  claims: ReadonlyArray<NewClaim>
): Promise<ReadonlyArray<ClaimKey>> => {
  const { rows } = await sql<ClaimKey>`
    insert into idempotency_keys (merchant, operation, key, fingerprint, about, state)
    select merchant, operation, key, fingerprint, about, 'claimed'
    from unnest(${claims.map(({ merchant }) => merchant)}::text[],
      ${claims.map(({ operation }) => operation)}::text[], ${claims.map(({ key }) => key)}::text[],
      ${claims.map(({ fingerprint }) => fingerprint)}::text[],
      ${claims.map(({ about }) => about)}::text[])
      as wanted (merchant, operation, key, fingerprint, about)
    order by merchant, operation, key
    on conflict do nothing
    returning merchant, operation, key`.execute(db)
  return rows
}

export const knownClaims = async (
  db: Db,
  claims: ReadonlyArray<ClaimKey>
): Promise<ReadonlyArray<KnownClaim>> => {
  const { rows } = await sql<KnownClaim>`
    select merchant, operation, key, fingerprint, about, state, refusal
    from ${named(claims)} join idempotency_keys using (merchant, operation, key)`.execute(db)
  return rows
}

/** What was published once need not be published for a repeat. Losing this write costs a repeat only. */
export const markPublished = (db: Db, claims: ReadonlyArray<ClaimKey>) =>
  sql`
    update idempotency_keys i set state = 'published'
    from ${named(claims)}
    where i.merchant = wanted.merchant and i.operation = wanted.operation and i.key = wanted.key
      and i.state = 'claimed'`.execute(db)

export const markRefused = (db: Db, claim: ClaimKey, refusal: unknown) =>
  sql`
    update idempotency_keys set state = 'refused', refusal = ${JSON.stringify(refusal)}::jsonb
    where merchant = ${claim.merchant} and operation = ${claim.operation}
      and key = ${claim.key}`.execute(db)

/** Whether a request of this merchant asked for this payment, processed or not. */
export const wasAskedFor = async (db: Db, merchant: string, about: string): Promise<boolean> => {
  const { rows } = await sql`
    select 1 from idempotency_keys where about = ${about} and merchant = ${merchant} limit 1`
    .execute(db)
  return rows.length > 0
}
