import { type Kysely, sql } from "kysely"

/** Merchants' endpoints, deliveries to them, and messages written to customers. */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const statements = [
    `create table webhook_directories (
      merchant text primary key,
      doc jsonb not null
    )`,
    `create table webhook_secrets (
      endpoint_id text primary key,
      merchant text not null,
      secret text not null
    )`,
    `create table webhook_deliveries (
      id text primary key,
      partition integer not null,
      merchant text not null,
      endpoint_id text not null,
      about text not null,
      created_millis bigint not null,
      due_millis bigint,
      doc jsonb not null
    ) with (fillfactor = 70)`,
    `create index webhook_deliveries_by_endpoint
      on webhook_deliveries (endpoint_id, created_millis desc)`,
    `create index webhook_deliveries_by_about on webhook_deliveries (about)`,
    `create index webhook_deliveries_by_due on webhook_deliveries (partition, due_millis)
      where due_millis is not null`,
    `create table notifications (
      id text primary key,
      merchant text not null,
      event_id text not null,
      about text not null,
      channel text not null,
      recipient text not null,
      locale text not null,
      template text not null,
      subject text not null,
      body text not null,
      created_millis bigint not null
    )`,
    `create index notifications_by_about on notifications (about)`
  ]
  for (const statement of statements) await sql.raw(statement).execute(db)
}
