import { randomBytes } from "node:crypto"
import { sql } from "kysely"
import { isScope, type Scope } from "../domain/scope.ts"
import type { Db } from "./database.ts"
import { hashOf } from "./keySecret.ts"

const ID_BYTES = 9
const SECRET_BYTES = 32

/** What a merchant's person consented to: a partner's program acts for the merchant. */
export interface OauthGrant {
  readonly id: string
  readonly client_id: string
  readonly merchant: string
  /** What the audit calls what is done with it. */
  readonly name: string
  readonly scopes: ReadonlyArray<Scope>
}

interface Consent extends Omit<OauthGrant, "id"> {
  readonly redirectUri: string
  /** Of PKCE, by S256. */
  readonly challenge: string
}

type Row = Omit<OauthGrant, "scopes"> & { readonly scopes: ReadonlyArray<string> }

const grantOf = ({ client_id, id, merchant, name, scopes }: Row): OauthGrant => ({
  id,
  client_id,
  merchant,
  name,
  scopes: scopes.filter(isScope)
})

/** Keeps a consent and answers the code that a partner exchanges, once. */
export const keepConsent = async (
  db: Db,
  consent: Consent,
  codeSeconds: number
): Promise<string> => {
  const code = randomBytes(SECRET_BYTES).toString("base64url")
  const id = `grant_${randomBytes(ID_BYTES).toString("hex")}`
  await sql`
    insert into oauth_grants (id, client_id, merchant, name, scopes, redirect_uri, challenge, code_hash,
      code_expires_at)
    values (${id}, ${consent.client_id}, ${consent.merchant}, ${consent.name},
      ${[...consent.scopes]}::text[], ${consent.redirectUri}, ${consent.challenge}, ${hashOf(code)},
      now() + make_interval(secs => ${codeSeconds}))`.execute(db)
  return code
}

/** Ends a grant with every token that came of it. */
export const endGrant = async (db: Db, id: string): Promise<void> => {
  await sql`
    with ended as (
      update oauth_grants set revoked_at = now() where id = ${id} and revoked_at is null returning id
    )
    insert into access_ended (id) select id from ended on conflict (id) do nothing`.execute(db)
}

/** Ends one token, and nothing else. */
export const endToken = async (db: Db, jti: string): Promise<void> => {
  await sql`insert into access_ended (id) values (${jti}) on conflict (id) do nothing`.execute(db)
}

interface TakenCode extends OauthGrant {
  readonly redirectUri: string
  readonly challenge: string
}

/** `reused`: somebody came with it before; what the first one got is ended. */
type Taken<A> = A | "reused" | undefined

/** Takes a code once. */
export const takeCode = async (
  db: Db,
  clientId: string,
  code: string
): Promise<Taken<TakenCode>> => {
  const { rows: [taken] } = await sql<Row & { redirect_uri: string; challenge: string }>`
    update oauth_grants set code_used_at = now()
    where code_hash = ${hashOf(code)} and client_id = ${clientId} and code_used_at is null
      and revoked_at is null and code_expires_at > now()
    returning id, client_id, merchant, name, scopes, redirect_uri, challenge`.execute(db)
  if (taken !== undefined) {
    return { ...grantOf(taken), redirectUri: taken.redirect_uri, challenge: taken.challenge }
  }
  const { rows: [used] } = await sql<{ id: string }>`
    select id from oauth_grants
    where code_hash = ${hashOf(code)} and client_id = ${clientId} and code_used_at is not null`
    .execute(db)
  if (used === undefined) return undefined
  await endGrant(db, used.id)
  return "reused"
}

export const newRefreshToken = async (
  db: Db,
  grantId: string,
  seconds: number
): Promise<string> => {
  const token = `rt_${randomBytes(SECRET_BYTES).toString("base64url")}`
  await sql`
    insert into oauth_refresh_tokens (hash, grant_id, expires_at)
    values (${hashOf(token)}, ${grantId}, now() + make_interval(secs => ${seconds}))`.execute(db)
  return token
}

/** Takes a refresh token once: each is good for one exchange, which gives the next. */
export const takeRefreshToken = async (
  db: Db,
  clientId: string,
  token: string
): Promise<Taken<OauthGrant>> => {
  const { rows: [taken] } = await sql<Row>`
    update oauth_refresh_tokens r set used_at = now() from oauth_grants g
    where r.hash = ${hashOf(token)} and g.id = r.grant_id and g.client_id = ${clientId}
      and r.used_at is null and r.expires_at > now() and g.revoked_at is null
    returning g.id, g.client_id, g.merchant, g.name, g.scopes`.execute(db)
  if (taken !== undefined) return grantOf(taken)
  const used = await grantOfRefreshToken(db, clientId, token)
  if (used?.used !== true) return undefined
  await endGrant(db, used.id)
  return "reused"
}

/** Whose refresh token it is, and whether it is still good. */
export const grantOfRefreshToken = async (
  db: Db,
  clientId: string,
  token: string
): Promise<(OauthGrant & { readonly used: boolean; readonly live: boolean }) | undefined> => {
  const { rows: [found] } = await sql<Row & { used: boolean; live: boolean }>`
    select g.id, g.client_id, g.merchant, g.name, g.scopes, r.used_at is not null as used,
      r.used_at is null and r.expires_at > now() and g.revoked_at is null as live
    from oauth_refresh_tokens r join oauth_grants g on g.id = r.grant_id
    where r.hash = ${hashOf(token)} and g.client_id = ${clientId}`.execute(db)
  return found && { ...grantOf(found), used: found.used, live: found.live }
}
