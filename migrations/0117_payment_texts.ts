import { type Kysely, sql } from "kysely"

/** Read and written by one statement with payments, so they change together. */
const TABLES = [
  "payments",
  "payment_past",
  "refused_commands",
  "balances",
  "payouts",
  "transfers",
  "fx_quotes",
  "fx_conversions",
  "merchants"
]

/**
 * The documents of payments, too, as the texts they are; with them what payments are searched by becomes
 * columns that their writer fills: to follow from a text it would have to be parsed again for each. Where
 * a worker of the release before does not fill them, the trigger does, and what its edges ask of a document
 * is answered of a text.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    // Of each page so much stays free that a payment's next states find room in it: all updates in place.
    `alter table payments set (fillfactor = 40)`,
    `alter table payments
      alter column amount drop expression,
      alter column reference drop expression,
      alter column customer drop expression,
      alter column metadata drop expression`,
    ...TABLES.map((table) => `alter table ${table} alter column doc type json using doc::json`),
    `create function fill_payment() returns trigger language plpgsql as $$
      begin
        new.amount := (new.doc ->> 'amount')::bigint;
        new.reference := new.doc ->> 'reference';
        new.customer := new.doc -> 'customer' ->> 'id';
        new.metadata := new.doc -> 'metadata';
        return new;
      end $$`,
    `create trigger fill_payment before insert on payments for each row when (new.amount is null)
      execute function fill_payment()`,
    `create function json_has(json, text) returns boolean immutable strict language sql
      return $1::jsonb ? $2`,
    `create operator ? (leftarg = json, rightarg = text, function = json_has)`,
    `create function jsonb_array_elements(json) returns setof jsonb immutable strict language sql
      begin atomic select pg_catalog.jsonb_array_elements($1::jsonb); end`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
