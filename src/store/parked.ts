import { type RawBuilder, sql } from "kysely"
import type { Db, Statement, Trx } from "./database.ts"

/** Families of one mailbox have keys of their own. */
export interface KeyName {
  readonly family: string
  readonly merchant: string
  readonly actorKey: string
}

export interface ParkedKeyRow extends KeyName {
  readonly attempts: number
  readonly quarantined: boolean
  readonly reason: string
  readonly wakeAtMillis: number
  readonly waitsFor?: {
    readonly key: string
    readonly seq: number
    readonly part: number
    readonly step?: number
  }
  readonly paused?: boolean
}

export interface ParkedMessageRow extends KeyName {
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly subject: string
  readonly atMillis: number
  readonly headers: string
  readonly body: Uint8Array
}

export const parkedKeys = async (
  trx: Trx,
  families: ReadonlyArray<string>,
  partition: number
): Promise<ReadonlyArray<ParkedKeyRow>> => {
  const { rows } = await sql<
    Omit<ParkedKeyRow, "wakeAtMillis" | "waitsFor"> & {
      wakeAtMillis: string
      waitsFor: NonNullable<ParkedKeyRow["waitsFor"]> | null
    }
  >`
    select family, merchant, actor_key as "actorKey", attempts, quarantined, paused, reason,
      wake_at_millis as "wakeAtMillis", waits_for as "waitsFor"
    from parked_keys where family = any(${families}) and partition = ${partition}`.execute(trx)
  return rows.map(({ waitsFor, ...row }) => ({
    ...row,
    wakeAtMillis: Number(row.wakeAtMillis),
    ...(waitsFor !== null && { waitsFor })
  }))
}

/** The oldest waiting messages of each key, in order, at most `limit` a key. */
export const parkedMessages = async (
  db: Db,
  partition: number,
  keys: ReadonlyArray<KeyName>,
  limit: number
): Promise<ReadonlyArray<ParkedMessageRow>> => {
  const { rows } = await sql<
    Omit<ParkedMessageRow, "seq" | "atMillis" | "headers"> & {
      seq: string
      atMillis: string
      headers: unknown
    }
  >`
    select m.family, m.merchant, m.actor_key as "actorKey", m.seq, m.part, m.step, m.subject, m.at_millis as "atMillis",
      m.headers, m.body
    from unnest(${keys.map((key) => key.family)}::text[],
      ${keys.map((key) => key.merchant)}::text[],
      ${keys.map((key) => key.actorKey)}::text[]) as k (family, merchant, actor_key)
    cross join lateral (
      select * from parked_messages p
      where p.family = k.family and p.partition = ${partition}
        and p.merchant = k.merchant and p.actor_key = k.actor_key
      order by p.seq, p.part, p.step limit ${limit}) m
    order by m.seq, m.part, m.step`.execute(db)
  return rows.map((row) => ({
    ...row,
    seq: Number(row.seq),
    atMillis: Number(row.atMillis),
    headers: JSON.stringify(row.headers)
  }))
}

export const park = (
  partition: number,
  keys: ReadonlyArray<ParkedKeyRow>,
  messages: ReadonlyArray<ParkedMessageRow>
): ReadonlyArray<Statement> => {
  const parkedKeys = sql`
    insert into parked_keys (family, partition, merchant, actor_key, attempts, quarantined, reason,
      wake_at_millis, waits_for, paused)
    select family, ${partition}::int, merchant, actor_key, attempts, quarantined, reason,
      wake_at_millis, waits_for, paused
    from unnest(${keys.map((key) => key.family)}::text[],
      ${keys.map((key) => key.merchant)}::text[], ${keys.map((key) => key.actorKey)}::text[],
      ${keys.map((key) => key.attempts)}::int[], ${keys.map((key) => key.quarantined)}::boolean[],
      ${keys.map((key) => key.reason)}::text[], ${keys.map((key) => key.wakeAtMillis)}::bigint[],
      ${keys.map(({ waitsFor }) => waitsFor ? JSON.stringify(waitsFor) : null)}::jsonb[],
      ${keys.map(({ paused }) => paused ?? false)}::boolean[])
      as k (family, merchant, actor_key, attempts, quarantined, reason, wake_at_millis, waits_for,
        paused)
    on conflict (family, partition, merchant, actor_key) do update set
      attempts = excluded.attempts, quarantined = excluded.quarantined, reason = excluded.reason,
      wake_at_millis = excluded.wake_at_millis, waits_for = excluded.waits_for,
      paused = excluded.paused`
  // A woken letter that fails again is already there, unchanged.
  const parkedMessages = sql`
    insert into parked_messages (family, partition, merchant, actor_key, seq, part, step, subject,
      at_millis, headers, body)
    select family, ${partition}::int, merchant, actor_key, seq, part, step, subject, at_millis,
      headers, body
    from unnest(${messages.map((one) => one.family)}::text[],
      ${messages.map((one) => one.merchant)}::text[],
      ${messages.map((one) => one.actorKey)}::text[], ${messages.map((one) => one.seq)}::bigint[],
      ${messages.map((one) => one.part)}::smallint[],
      ${messages.map((one) => one.step)}::int[],
      ${messages.map((one) => one.subject)}::text[],
      ${messages.map((one) => one.atMillis)}::bigint[],
      ${messages.map((one) => one.headers)}::jsonb[],
      ${messages.map((one) => Buffer.from(one.body))}::bytea[])
      as m (family, merchant, actor_key, seq, part, step, subject, at_millis, headers, body)
    on conflict do nothing`
  return [parkedKeys, parkedMessages]
}

/**
 * Whether one of these keys is set aside, to be asked of rows `w` with a partition and a merchant. A wake
 * for it would only wait behind it, and many of them would hide the others of their partition.
 */
export const isSetAside = (
  family: string,
  keys: ReadonlyArray<RawBuilder<unknown>>
): RawBuilder<boolean> =>
  sql`exists (
    select from parked_keys k
    where k.family = ${family} and k.partition = w.partition and k.merchant = w.merchant
      and k.actor_key in (${sql.join(keys)}))`

export const unpark = (
  partition: number,
  keys: ReadonlyArray<KeyName>,
  handled: ReadonlyArray<
    KeyName & { readonly seq: number; readonly part: number; readonly step: number }
  >
): ReadonlyArray<Statement> => {
  const freed = sql`
    delete from parked_keys p
    using unnest(${keys.map((key) => key.family)}::text[],
      ${keys.map((key) => key.merchant)}::text[],
      ${keys.map((key) => key.actorKey)}::text[]) as k (family, merchant, actor_key)
    where p.family = k.family and p.partition = ${partition}
      and p.merchant = k.merchant and p.actor_key = k.actor_key`
  const done = sql`
    delete from parked_messages p
    using unnest(${handled.map((one) => one.family)}::text[],
      ${handled.map((one) => one.merchant)}::text[],
      ${handled.map((one) => one.actorKey)}::text[],
      ${handled.map((one) => one.seq)}::bigint[],
      ${handled.map((one) => one.part)}::smallint[],
      ${handled.map((one) => one.step)}::int[])
      as k (family, merchant, actor_key, seq, part, step)
    where p.family = k.family and p.partition = ${partition} and p.merchant = k.merchant
      and p.actor_key = k.actor_key and p.seq = k.seq and p.part = k.part and p.step = k.step`
  return [freed, done]
}
