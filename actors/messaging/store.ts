import { Effect, Schema } from "effect"
import { sql } from "kysely"
import {
  type SavedState,
  type StateKey,
  stateKey,
  type TurnWrites
} from "../../src/runtime/actor.ts"
import { Database, type Statement } from "../../src/store/database.ts"
import { isSetAside } from "../../src/store/parked.ts"
import { rowsOf } from "../../src/store/rowsOf.ts"
import { forAny } from "../../src/store/statements.ts"
import {
  type Delivery,
  deliveryKey,
  DIRECTORY,
  type Notification,
  type Row,
  State
} from "./state.ts"

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

export const save = (writes: TurnWrites<State, Row>): ReadonlyArray<Statement> => {
  const directories = writes.states.filter(({ state }) => state._tag === "Directory")
  const deliveries = writes.states.filter((saved): saved is SavedState<Delivery> =>
    saved.state._tag === "Delivery"
  )
  const notifications = writes.rows.flatMap(({ at, merchant, row }) =>
    row._tag === "Notification" ? [{ at, merchant, ...row.notification }] : []
  )
  const secrets = writes.rows.flatMap(({ merchant, row }) =>
    row._tag === "Secret" ? [{ merchant, id: row.endpointId, secret: row.secret }] : []
  )
  return [
    ...forAny(directories, saveDirectories),
    ...forAny(deliveries, saveDeliveries),
    ...forAny(notifications, insertNotifications),
    ...forAny(secrets, insertSecrets)
  ]
}

const saveDirectories = (directories: ReadonlyArray<SavedState<State>>): Statement =>
  sql`
    insert into webhook_directories (merchant, doc)
    select * from ${
    rowsOf(directories, {
      merchant: ["text", ({ merchant }) => merchant],
      doc: ["jsonb", ({ json }) => json]
    })
  } as changed
    on conflict (merchant) do update set doc = excluded.doc`

const saveDeliveries = (deliveries: ReadonlyArray<SavedState<Delivery>>): Statement =>
  sql`
    insert into webhook_deliveries (id, partition, merchant, endpoint_id, about, created_millis,
      due_millis, doc)
    select * from ${
    rowsOf(deliveries, {
      id: ["text", ({ state }) => state.id],
      partition: ["int", ({ partition }) => partition],
      merchant: ["text", ({ merchant }) => merchant],
      endpoint_id: ["text", ({ state }) => state.endpoint_id],
      about: ["text", ({ state }) => state.about],
      created_millis: ["bigint", ({ state }) => state.created_at],
      due_millis: ["bigint", ({ state }) => state.wake_at ?? null],
      doc: ["json", ({ json }) => json]
    })
  } as new
    on conflict (id) do update set due_millis = excluded.due_millis, doc = excluded.doc`

type Located<Row> = Row & { readonly merchant: string }

const insertNotifications = (
  notifications: ReadonlyArray<Located<Notification> & { readonly at: number }>
): Statement =>
  sql`
    insert into notifications (id, merchant, event_id, about, channel, recipient, locale,
      template, subject, body, created_millis)
    select * from ${
    rowsOf(notifications, {
      id: ["text", ({ id }) => id],
      merchant: ["text", ({ merchant }) => merchant],
      event_id: ["text", ({ eventId }) => eventId],
      about: ["text", ({ about }) => about],
      channel: ["text", ({ channel }) => channel],
      recipient: ["text", ({ recipient }) => recipient],
      locale: ["text", ({ locale }) => locale],
      template: ["text", ({ template }) => template],
      subject: ["text", ({ subject }) => subject],
      body: ["text", ({ text }) => text],
      created_millis: ["bigint", ({ at }) => at]
    })
  } as new`

const insertSecrets = (
  secrets: ReadonlyArray<Located<{ readonly id: string; readonly secret: string }>>
): Statement =>
  sql`
    insert into webhook_secrets (endpoint_id, merchant, secret)
    select * from unnest(${secrets.map(({ id }) => id)}::text[],
      ${secrets.map(({ merchant }) => merchant)}::text[],
      ${secrets.map(({ secret }) => secret)}::text[])`

const OVERDUE_MAX = 200

export const overdue = Effect.fnUntraced(function* (partition: number, beforeMillis: number) {
  const database = yield* Database
  const { rows } = yield* database.query(
    "messaging.overdue",
    (db) =>
      sql<{ id: string; merchant: string; due_millis: string }>`
      select id, merchant, due_millis from webhook_deliveries w
      where due_millis is not null and partition = ${partition} and due_millis < ${beforeMillis}
        and not ${isSetAside("messaging", [sql`${deliveryKey("")} || w.id`])}
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
