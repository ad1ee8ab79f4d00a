import { type Kysely, sql } from "kysely"

/** What operators did, and what became of dead letters and of keys they hold. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table operator_actions (
      id text primary key,
      at timestamptz not null default now(),
      who text not null,
      action text not null,
      family text not null,
      merchant text,
      actor_key text,
      dead_letter text,
      why text not null,
      done_at timestamptz,
      outcome text
    )`,
    `create index operator_actions_by_time on operator_actions (at desc, id desc)`,
    `create index operator_actions_by_letter on operator_actions (dead_letter)
      where dead_letter is not null`,
    `alter table dead_letters add column part smallint not null default 0`,
    `alter table dead_letters add column settled_at timestamptz`,
    `alter table dead_letters add column outcome text`,
    `create index dead_letters_by_place on dead_letters (family, partition, seq, part)`,
    `create index dead_letters_open on dead_letters (created_at desc, id desc)
      where status = 'open'`,
    `alter table parked_keys add column paused boolean not null default false`,
    `alter table parked_keys add column since timestamptz not null default now()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
