import { Schema } from "effect"
import { sql } from "kysely"
import type { Db } from "../../src/store/database.ts"
import { type Delivery, Directory, State } from "./state.ts"

const decodeDirectory = Schema.decodeUnknownSync(Directory)
const decodeState = Schema.decodeUnknownSync(State)

export const endpointsOf = async (db: Db, merchant: string): Promise<Directory["endpoints"]> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from webhook_directories where merchant = ${merchant}`.execute(db)
  return rows[0] === undefined ? [] : decodeDirectory(rows[0].doc).endpoints
}

export const secretOf = async (db: Db, endpointId: string): Promise<string | undefined> => {
  const { rows } = await sql<{ secret: string }>`
    select secret from webhook_secrets where endpoint_id = ${endpointId}`.execute(db)
  return rows[0]?.secret
}

const deliveriesFrom = (rows: ReadonlyArray<{ doc: unknown }>): ReadonlyArray<Delivery> =>
  rows.map(({ doc }) => decodeState(doc)).filter((state) => state._tag === "Delivery")

export const deliveriesTo = async (
  db: Db,
  merchant: string,
  endpointId: string,
  limit: number
): Promise<ReadonlyArray<Delivery>> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from webhook_deliveries
    where endpoint_id = ${endpointId} and merchant = ${merchant}
    order by created_millis desc, id desc limit ${limit}`.execute(db)
  return deliveriesFrom(rows)
}

export const deliveriesAbout = async (
  db: Db,
  merchant: string,
  about: string
): Promise<ReadonlyArray<Delivery>> => {
  const { rows } = await sql<{ doc: unknown }>`
    select doc from webhook_deliveries where about = ${about} and merchant = ${merchant}
    order by created_millis, id limit 1000`.execute(db)
  return deliveriesFrom(rows)
}

export interface NotificationView {
  readonly channel: string
  readonly locale: string
  readonly template: string
  readonly subject: string
  readonly at: number
}

export const notificationsAbout = async (
  db: Db,
  merchant: string,
  about: string
): Promise<ReadonlyArray<NotificationView>> => {
  const { rows } = await sql<Omit<NotificationView, "at"> & { at: string }>`
    select channel, locale, template, subject, created_millis::text as at
    from notifications where about = ${about} and merchant = ${merchant}
    order by created_millis, id limit 1000`.execute(db)
  return rows.map((row) => ({ ...row, at: Number(row.at) }))
}
