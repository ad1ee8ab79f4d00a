import { type Kysely, sql } from "kysely"

/** OAuth 2: who may ask for tokens, what merchants consented to, and what has ended before its time. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table oauth_clients (
      client_id text primary key,
      name text not null,
      merchant text not null,
      scopes text[] not null,
      secret_hash bytea,
      jwks jsonb,
      redirect_uris text[] not null default '{}',
      made_by text,
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    )`,
    `create table oauth_grants (
      id text primary key,
      client_id text not null references oauth_clients,
      merchant text not null,
      name text not null,
      scopes text[] not null,
      redirect_uri text not null,
      challenge text not null,
      code_hash bytea not null unique,
      code_expires_at timestamptz not null,
      code_used_at timestamptz,
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    )`,
    `create table oauth_refresh_tokens (
      hash bytea primary key,
      grant_id text not null references oauth_grants,
      expires_at timestamptz not null,
      used_at timestamptz
    )`,
    `create index oauth_refresh_tokens_by_grant on oauth_refresh_tokens (grant_id)`,
    `create table oauth_assertions (
      client_id text not null,
      jti text not null,
      expires_at timestamptz not null,
      primary key (client_id, jti)
    )`,
    `create table oauth_signing_keys (
      kid text primary key,
      jwk jsonb not null,
      created_at timestamptz not null default now()
    )`,
    // What tokens name that were given out before it ended. Of no use once they have expired.
    `create table access_ended (
      id text primary key,
      at timestamptz not null default now()
    )`,
    `create trigger access_ended_told after insert on access_ended
      for each row execute function access_changed()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
