import { type Kysely, sql } from "kysely"

/** API keys, stored hashed, and claimed idempotency keys. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table api_keys (
      hash bytea primary key,
      name text not null,
      merchant text not null,
      scopes text[] not null,
      created_at timestamptz not null default now(),
      revoked_at timestamptz
    )`,
    `create table idempotency_keys (
      merchant text not null,
      operation text not null,
      key text not null,
      fingerprint text not null,
      about text not null,
      state text not null check (state in ('claimed', 'published', 'refused')),
      refusal jsonb,
      created_at timestamptz not null default now(),
      primary key (merchant, operation, key)
    ) with (fillfactor = 80)`,
    `create index idempotency_keys_by_about on idempotency_keys (about)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
