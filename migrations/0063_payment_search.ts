import { type Kysely, sql } from "kysely"

/**
 * What payments are searched by, in columns that follow from the document: no writer fills them, and what is
 * stored already gets them here. None of them changes with a payment's states, so that updates stay in
 * place; a payment without a reference, a customer or metadata has no entry in their indexes.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `alter table payments
      add column amount bigint generated always as ((doc ->> 'amount')::bigint) stored,
      add column reference text generated always as (doc ->> 'reference') stored,
      add column customer text generated always as (doc -> 'customer' ->> 'id') stored,
      add column metadata jsonb generated always as (doc -> 'metadata') stored`,
    `create index payments_by_reference on payments (merchant, reference)
      where reference is not null`,
    `create index payments_by_customer
      on payments (merchant, customer, created_millis desc, id desc) where customer is not null`,
    // A hash of each pair: one entry a pair, whatever its length.
    `create index payments_by_metadata on payments using gin (metadata jsonb_path_ops)
      where metadata is not null`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
