import { Effect, Schema } from "effect"
import { sql } from "kysely"
import {
  type SavedState,
  type StateKey,
  stateKey,
  type TurnWrites
} from "../../src/runtime/actor.ts"
import { Database, type Trx } from "../../src/store/database.ts"
import { jsonArray } from "../../src/store/jsonArray.ts"
import { type Delivery, deliveryKey, DIRECTORY, type Row, State } from "./state.ts"

const decode = Schema.decodeUnknownSync(State)

export const load = Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
  const database = yield* Database
  const merchants = keys.filter(({ key }) => key === DIRECTORY).map(({ merchant }) => merchant)
  const deliveries = keys.filter(({ key }) => key !== DIRECTORY)
  const found = new Map<string, State>()
  if (merchants.length > 0) {
    const { rows } = yield* database.query(
      "messaging.directories",
      (db) =>
        sql<{ merchant: string; doc: unknown }>`
        select merchant, doc from webhook_directories
        where merchant = any(${merchants}::text[])`.execute(db)
    )
    for (const row of rows) found.set(stateKey(row.merchant, DIRECTORY), decode(row.doc))
  }
  if (deliveries.length > 0) {
    const ids = deliveries.map(({ key }) => key.slice(deliveryKey("").length))
    const { rows } = yield* database.query(
      "messaging.deliveries",
      (db) =>
        sql<{ merchant: string; id: string; doc: unknown }>`
        select merchant, id, doc from webhook_deliveries
        where id = any(${ids}::text[])`.execute(db)
    )
    for (const row of rows) found.set(stateKey(row.merchant, deliveryKey(row.id)), decode(row.doc))
  }
  return found
})

export const save = async (trx: Trx, writes: TurnWrites<State, Row>): Promise<void> => {
  const directories = writes.states.filter(({ state }) => state._tag === "Directory")
  const deliveries = writes.states.filter((saved): saved is SavedState<Delivery> =>
    saved.state._tag === "Delivery"
  )
  const sent: Array<Promise<unknown>> = []
  if (directories.length > 0) {
    sent.push(sql`
      insert into webhook_directories (merchant, doc)
      select * from unnest(${directories.map(({ merchant }) => merchant)}::text[],
        ${jsonArray(directories.map(({ json }) => json))}::jsonb[])
      on conflict (merchant) do update set doc = excluded.doc`.execute(trx))
  }
  if (deliveries.length > 0) sent.push(saveDeliveries(trx, deliveries))
  sent.push(saveRows(trx, writes.rows))
  await Promise.all(sent)
}

const saveDeliveries = (trx: Trx, deliveries: ReadonlyArray<SavedState<Delivery>>) =>
  sql`
    insert into webhook_deliveries (id, partition, merchant, endpoint_id, about, created_millis,
      due_millis, doc)
    select id, partition, merchant, endpoint_id, about, created_millis, due_millis, doc
    from unnest(${deliveries.map(({ state }) => state.id)}::text[],
      ${deliveries.map(({ partition }) => partition)}::int[],
      ${deliveries.map(({ merchant }) => merchant)}::text[],
      ${deliveries.map(({ state }) => state.endpoint_id)}::text[],
      ${deliveries.map(({ state }) => state.about)}::text[],
      ${deliveries.map(({ state }) => state.created_at)}::bigint[],
      ${deliveries.map(({ state }) => state.wake_at ?? null)}::bigint[],
      ${jsonArray(deliveries.map(({ json }) => json))}::jsonb[])
      as new (id, partition, merchant, endpoint_id, about, created_millis, due_millis, doc)
    on conflict (id) do update set due_millis = excluded.due_millis, doc = excluded.doc`
    .execute(trx)

const saveRows = async (trx: Trx, rows: TurnWrites<State, Row>["rows"]) => {
  const notifications = rows.flatMap(({ at, merchant, row }) =>
    row._tag === "Notification" ? [{ at, merchant, ...row.notification }] : []
  )
  const secrets = rows.flatMap(({ merchant, row }) =>
    row._tag === "Secret" ? [{ merchant, id: row.endpointId, secret: row.secret }] : []
  )
  const sent: Array<Promise<unknown>> = []
  if (notifications.length > 0) {
    sent.push(sql`
      insert into notifications (id, merchant, event_id, about, channel, recipient, locale,
        template, subject, body, created_millis)
      select * from unnest(${notifications.map(({ id }) => id)}::text[],
        ${notifications.map(({ merchant }) => merchant)}::text[],
        ${notifications.map(({ eventId }) => eventId)}::text[],
        ${notifications.map(({ about }) => about)}::text[],
        ${notifications.map(({ channel }) => channel)}::text[],
        ${notifications.map(({ recipient }) => recipient)}::text[],
        ${notifications.map(({ locale }) => locale)}::text[],
        ${notifications.map(({ template }) => template)}::text[],
        ${notifications.map(({ subject }) => subject)}::text[],
        ${notifications.map(({ text }) => text)}::text[],
        ${notifications.map(({ at }) => at)}::bigint[])`.execute(trx))
  }
  if (secrets.length > 0) {
    sent.push(sql`
      insert into webhook_secrets (endpoint_id, merchant, secret)
      select * from unnest(${secrets.map(({ id }) => id)}::text[],
        ${secrets.map(({ merchant }) => merchant)}::text[],
        ${secrets.map(({ secret }) => secret)}::text[])`.execute(trx))
  }
  await Promise.all(sent)
}

const OVERDUE_MAX = 200

export const overdue = Effect.fnUntraced(function* (partition: number, beforeMillis: number) {
  const database = yield* Database
  const { rows } = yield* database.query(
    "messaging.overdue",
    (db) =>
      sql<{ id: string; merchant: string; due_millis: string }>`
      select id, merchant, due_millis from webhook_deliveries
      where due_millis is not null and partition = ${partition} and due_millis < ${beforeMillis}
      order by due_millis limit ${OVERDUE_MAX}`.execute(db)
  )
  return rows.map((row) => ({
    id: row.id,
    atMillis: Number(row.due_millis),
    type: "wake",
    merchant: row.merchant,
    body: { delivery_id: row.id, due: Number(row.due_millis) }
  }))
})
