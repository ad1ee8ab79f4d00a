import { type Kysely, sql } from "kysely"

/**
 * What people did, append only: an act and its outcome are entries of their own. Writers put them into
 * `action_entries` and wait for nobody; a sequencer follows, numbers, chains and signs them.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table action_entries (
      id bigint generated always as identity primary key,
      merchant text,
      entry text not null
    )`,
    `create table action_chain (
      number bigint primary key,
      merchant text,
      entry text not null,
      hash bytea not null,
      signature bytea not null
    )`,
    `create index action_chain_by_merchant on action_chain (merchant, number)`,
    `create function keep_action_entry() returns trigger language plpgsql as $$
    begin
      if tg_op = 'INSERT' then
        insert into public.action_entries (merchant, entry) values (new.merchant, jsonb_build_object(
          'kind', 'act', 'id', new.id, 'at', new.at, 'who', new.who, 'action', new.action,
          'family', new.family, 'merchant', new.merchant, 'key', new.actor_key,
          'dead_letter', new.dead_letter, 'why', new.why)::text);
      elsif row(new.id, new.at, new.who, new.action, new.family, new.merchant, new.actor_key,
          new.dead_letter, new.why)
        is distinct from row(old.id, old.at, old.who, old.action, old.family, old.merchant,
          old.actor_key, old.dead_letter, old.why) or old.done_at is not null then
        raise exception 'what was done is never changed' using errcode = 'restrict_violation';
      end if;
      if new.outcome is not null then
        insert into public.action_entries (merchant, entry) values (new.merchant, jsonb_build_object(
          'kind', 'outcome', 'id', new.id, 'at', new.done_at, 'outcome', new.outcome)::text);
      end if;
      return new;
    end $$`,
    `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'what was done is never changed' using errcode = 'restrict_violation';
    end $$`,
    `insert into action_entries (merchant, entry)
      select merchant, entry from (
        select at, 0 as part, id, merchant, jsonb_build_object(
          'kind', 'act', 'id', id, 'at', at, 'who', who, 'action', action, 'family', family,
          'merchant', merchant, 'key', actor_key, 'dead_letter', dead_letter, 'why', why)::text as entry
        from operator_actions
        union all
        select at, 1, id, merchant, jsonb_build_object(
          'kind', 'outcome', 'id', id, 'at', done_at, 'outcome', outcome)::text
        from operator_actions where outcome is not null
      ) earlier order by at, id, part`,
    `create trigger operator_actions_kept after insert or update on operator_actions
      for each row execute function keep_action_entry()`,
    `create trigger operator_actions_stay before delete on operator_actions
      for each row execute function refuse_change()`,
    `create trigger action_chain_stays before update or delete on action_chain
      for each row execute function refuse_change()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
