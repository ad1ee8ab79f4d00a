import { sql } from "kysely"
import { CHAIN_BEGIN, type Link, linkAfter } from "../domain/chain.ts"
import { type Signer, verifierKey } from "../domain/checkpoint.ts"
import type { Db } from "./database.ts"
import { rowsOf } from "./rowsOf.ts"

const ENTRIES_MAX = 500

/**
 * Numbers, chains and signs what was done since. One sequencer at a time: the numbers are its own, without a
 * gap, and follow no transaction's.
 */
export const chainActions = (db: Db, signer: Signer): Promise<number> =>
  db.transaction().execute(async (trx) => {
    await sql`select pg_advisory_xact_lock(hashtext('action_chain'))`.execute(trx)
    const { rows: entries } = await sql<{ id: string; merchant: string | null; entry: string }>`
      select id, merchant, entry from action_entries order by id limit ${ENTRIES_MAX}`.execute(trx)
    if (entries.length === 0) return 0
    const { rows: [last] } = await sql<{ number: string; hash: string }>`
      select number, encode(hash, 'hex') as hash from action_chain order by number desc limit 1`
      .execute(trx)
    let before = { number: Number(last?.number ?? 0), hash: last?.hash ?? CHAIN_BEGIN }
    const links = entries.map(({ entry, merchant }) => {
      const link = linkAfter(before, entry, signer)
      before = link
      return { ...link, merchant }
    })
    await sql`
      insert into action_chain (number, merchant, entry, hash, signature)
      select n.number, n.merchant, n.entry, decode(n.hash, 'hex'), decode(n.signature, 'base64')
      from ${
      rowsOf(links, {
        number: ["bigint", ({ number }) => number],
        merchant: ["text", ({ merchant }) => merchant],
        entry: ["text", ({ entry }) => entry],
        hash: ["text", ({ hash }) => hash],
        signature: ["text", ({ signature }) => signature]
      })
    } as n`.execute(trx)
    await sql`
      insert into audit_keys (verifier_key, since_size) values (${verifierKey(signer)}, 0)
      on conflict do nothing`.execute(trx)
    const ids = entries.map(({ id }) => id)
    await sql`delete from action_entries where id = any(${ids}::bigint[])`.execute(trx)
    return entries.length
  })

/** The chain from behind a number on, a merchant's own entries alone where one is named. */
export const actionLinks = async (
  db: Db,
  { after, limit, merchant }: {
    readonly after: number
    readonly limit: number
    readonly merchant?: string | undefined
  }
): Promise<ReadonlyArray<Link>> => {
  const { rows } = await sql<Omit<Link, "number"> & { number: string }>`
    select number, entry, encode(hash, 'hex') as hash,
      translate(encode(signature, 'base64'), E'\n', '') as signature
    from action_chain
    where number > ${after}
      and (${merchant ?? null}::text is null or merchant = ${merchant ?? null})
    order by number limit ${limit}`.execute(db)
  return rows.map((row) => ({ ...row, number: Number(row.number) }))
}

/** Acts that stand in no entry as they are in the table, though their entry was chained. */
export const actsUnlikeChain = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ id: string }>`
    with acts as (
      select c.entry::jsonb as entry from action_chain c where c.entry::jsonb ->> 'kind' = 'act'
    )
    select coalesce(a.id, acts.entry ->> 'id') as id
    from operator_actions a full join acts on acts.entry ->> 'id' = a.id
    where (a.id is null or acts.entry is null or acts.entry ->> 'why' is distinct from a.why
        or acts.entry ->> 'who' is distinct from a.who or acts.entry ->> 'action' is distinct from a.action)
      and not exists (
        select 1 from action_entries e where e.entry::jsonb ->> 'id' = a.id
      )
    limit 20`.execute(db)
  return rows.map(({ id }) => id)
}
