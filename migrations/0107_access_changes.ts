import { type Kysely, sql } from "kysely"

/** Whose right has changed, until every edge was told. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table access_changes (
      number bigint generated always as identity primary key,
      id text not null
    )`,
    `create function access_changed() returns trigger language plpgsql as $$
    begin
      insert into public.access_changes (id) values (new.id);
      return new;
    end $$`,
    // Whoever changes it, and by whatever program.
    `create trigger api_keys_changed after update of scopes, role, expires_at, addresses,
      requests_per_second, revoked_at on api_keys
      for each row execute function access_changed()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
