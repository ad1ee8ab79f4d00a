import { randomBytes } from "node:crypto"
import { sql } from "kysely"
import { isScope, type Scope } from "../domain/scope.ts"
import type { Ordered } from "./accessKeys.ts"
import type { Db } from "./database.ts"
import { hashOf } from "./keySecret.ts"
import { keepAction } from "./operatorActions.ts"

const ID_BYTES = 9
const SECRET_BYTES = 32

/** A program that asks for tokens: one merchant's, the platform's, or a partner's that merchants consent to. */
export interface OauthClient {
  readonly client_id: string
  readonly name: string
  /** Whose it is; a partner's is nobody's until a merchant consents. */
  readonly merchant: string
  readonly scopes: ReadonlyArray<Scope>
  /** Where a partner's people are sent back to. Whoever has one acts for those who consented alone. */
  readonly redirect_uris: ReadonlyArray<string>
  /** Public keys it signs assertions with. */
  readonly jwks: { readonly keys: ReadonlyArray<object> } | null
}

export interface NewClient extends Omit<OauthClient, "client_id"> {}

/** Makes a client and writes down who did. Its secret is shown once, and kept nowhere. */
export const createClient = (
  db: Db,
  client: NewClient,
  ordered: Ordered
): Promise<{ readonly client_id: string; readonly client_secret: string }> =>
  db.transaction().execute(async (trx) => {
    const client_id = `client_${randomBytes(ID_BYTES).toString("hex")}`
    const client_secret = randomBytes(SECRET_BYTES).toString("base64url")
    await sql`
      insert into oauth_clients (client_id, name, merchant, scopes, secret_hash, jwks, redirect_uris,
        made_by)
      values (${client_id}, ${client.name}, ${client.merchant}, ${[...client.scopes]}::text[],
        ${hashOf(client_secret)}, ${
      client.jwks === null ? null : JSON.stringify(client.jwks)
    }::jsonb,
        ${[...client.redirect_uris]}::text[], ${ordered.who})`.execute(trx)
    await keepAction(trx, {
      id: ordered.action,
      who: ordered.who,
      action: "create_client",
      family: "edge",
      merchant: client.merchant === "" ? undefined : client.merchant,
      why: ordered.why,
      outcome: `made ${client_id} (${client.name}): ${client.scopes.join(" ")}`
    })
    return { client_id, client_secret }
  })

interface KnownClient extends OauthClient {
  readonly secretHash: Buffer | null
}

/** One that is not revoked. */
export const findClient = async (db: Db, clientId: string): Promise<KnownClient | undefined> => {
  const { rows: [found] } = await sql<
    Omit<KnownClient, "scopes"> & { scopes: ReadonlyArray<string> }
  >`
    select client_id, name, merchant, scopes, redirect_uris, jwks, secret_hash as "secretHash"
    from oauth_clients where client_id = ${clientId} and revoked_at is null`.execute(db)
  return found && { ...found, scopes: found.scopes.filter(isScope) }
}

/** Ends a client with every token it has. False where there is none that lives. */
export const revokeClient = (db: Db, clientId: string, ordered: Ordered): Promise<boolean> =>
  db.transaction().execute(async (trx) => {
    const { rows: [ended] } = await sql<{ name: string; merchant: string }>`
      update oauth_clients set revoked_at = now()
      where client_id = ${clientId} and revoked_at is null returning name, merchant`.execute(trx)
    if (ended === undefined) return false
    await sql`insert into access_ended (id) values (${clientId})
      on conflict (id) do nothing`.execute(trx)
    await keepAction(trx, {
      id: ordered.action,
      who: ordered.who,
      action: "revoke_client",
      family: "edge",
      merchant: ended.merchant === "" ? undefined : ended.merchant,
      why: ordered.why,
      outcome: `revoked ${clientId} (${ended.name})`
    })
    return true
  })

/** Takes an assertion's number once. False where it was used before. */
export const takeAssertion = async (
  db: Db,
  { clientId, expiresAt, jti }: {
    readonly clientId: string
    readonly jti: string
    readonly expiresAt: Date
  }
): Promise<boolean> => {
  await sql`delete from oauth_assertions where expires_at < now()`.execute(db)
  const { rows } = await sql`
    insert into oauth_assertions (client_id, jti, expires_at)
    values (${clientId}, ${jti}, ${expiresAt}) on conflict do nothing returning 1`.execute(db)
  return rows.length > 0
}
