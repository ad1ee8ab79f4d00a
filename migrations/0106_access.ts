import { type Kysely, sql } from "kysely"

/** Keys that end, are rotated and say what they may do; one row is one secret, and a key may have two. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `alter table api_keys
      add column id text,
      add column role text,
      add column expires_at timestamptz,
      add column addresses text[] not null default '{}',
      add column requests_per_second integer check (requests_per_second > 0),
      add column used_at timestamptz,
      add column made_by text,
      add column is_test boolean not null default false`,
    `update api_keys set id = left(encode(hash, 'hex'), 16)`,
    // A release that knows no identifiers makes keys, too.
    `alter table api_keys
      alter column id set default left(replace(gen_random_uuid()::text, '-', ''), 16),
      alter column id set not null`,
    `create index api_keys_by_id on api_keys (id)`,
    // What the two former words meant. They stay beside it: an edge of the release before reads nothing else.
    `update api_keys set scopes = scopes || array['payments:read', 'payments:write', 'refunds:write',
        'payouts:write', 'transfers:write', 'ledger:read', 'webhooks:manage', 'events:read', 'reports:read']
      where merchant <> '' and 'merchant' = any(scopes)`,
    `update api_keys set scopes = scopes || array['payments:read', 'payments:write', 'refunds:write',
        'payouts:write', 'transfers:write', 'ledger:read', 'webhooks:manage', 'events:read', 'reports:read',
        'reviews:decide', 'finance:read', 'finance:write', 'operations:read', 'operations:write',
        'dead_letters:settle', 'personal_data:read', 'audit:read', 'metrics:read']
      where merchant = '' and 'operator' = any(scopes)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
