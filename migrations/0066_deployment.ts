import { type Kysely, sql } from "kysely"

/**
 * The number of partitions, where no worker gets past it: a release that knows nothing of the number (it
 * reckons with eight, and says nothing) or that was told another one takes no partition over.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table deployment (
      singleton boolean primary key default true check (singleton),
      partitions integer not null check (partitions between 1 and 64)
    )`,
    `create function reckons_with_partitions() returns trigger language plpgsql as $$
    declare
      ours integer := (select partitions from public.deployment);
      theirs integer := coalesce(nullif(current_setting('lastro.partitions', true), ''), '8');
    begin
      if ours <> theirs then
        raise exception 'this deployment has % partitions, and who takes one over reckons with %',
          ours, theirs using hint = 'Stop that worker; docs/upgrades.md says what to set first.';
      end if;
      return new;
    end $$`,
    // Taking over names the epoch; a turn's commit does not, and pays nothing.
    `create trigger cursors_reckon before update of epoch_revision on cursors
      for each row execute function reckons_with_partitions()`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
