import { type Kysely, sql } from "kysely"

/** People who signed in, by a hash of their cookie. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table sessions (
      hash bytea primary key,
      id text not null unique default left(replace(gen_random_uuid()::text, '-', ''), 16),
      name text not null,
      merchant text not null,
      scopes text[] not null,
      role text,
      key_id text,
      created_at timestamptz not null default now(),
      seen_at timestamptz not null default now(),
      expires_at timestamptz not null,
      ended_at timestamptz
    )`,
    `create index sessions_by_key on sessions (key_id) where key_id is not null`,
    `create trigger sessions_changed after update of scopes, role, expires_at, ended_at on sessions
      for each row execute function access_changed()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
