import { sql } from "kysely"
import { consistencyProof, type Hash, inclusionProof } from "../domain/merkle.ts"
import type { Db } from "../store/database.ts"
import { entryColumns, type EntryRow, type LeafEntry, leavesOf } from "./leaf.ts"
import { storedTree } from "./storedTree.ts"
import { TILE_LEAVES } from "./tree.ts"

interface StoredCheckpoint {
  readonly size: number
  readonly note: string
}

/** The newest, or the one of a size. */
export const checkpointOf = async (
  db: Db,
  size?: number
): Promise<StoredCheckpoint | undefined> => {
  const { rows } = await sql<{ size: string; note: string }>`
    select c.size::text, c.note from audit_checkpoints c
    where ${size === undefined ? sql`true` : sql`c.size = ${size}`}
    order by c.size desc limit 1`.execute(db)
  return rows[0] && { size: Number(rows[0].size), note: rows[0].note }
}

export const verifierKeys = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ verifier_key: string }>`
    select verifier_key from audit_keys order by since_size desc`.execute(db)
  return rows.map(({ verifier_key }) => verifier_key)
}

interface ProvedEntry {
  readonly entry: LeafEntry
  readonly position: number
  readonly proof: ReadonlyArray<string>
}

interface Receipt {
  readonly checkpoint: StoredCheckpoint
  readonly entries: ReadonlyArray<ProvedEntry>
  /** Entries so new that no checkpoint covers them yet. */
  readonly uncovered: ReadonlyArray<string>
}

const base64 = (hash: Hash): string => Buffer.from(hash).toString("base64")

/** Every entry of a payment with the proof that it is in the newest signed tree. */
export const receiptOf = async (
  db: Db,
  merchant: string | undefined,
  paymentId: string
): Promise<Receipt | undefined> => {
  const checkpoint = await checkpointOf(db)
  if (checkpoint === undefined) return undefined
  const { rows } = await sql<
    EntryRow & { tile: string | null; place: number | null }
  >`
    select ${entryColumns}, t.index::text as tile, array_position(t.entry_ids, e.id) as place
    from journal_entries e left join lateral (
      select index, entry_ids from audit_tiles
      where (last_transaction, last_id) >= (e.transaction_id, e.id)
      order by last_transaction, last_id limit 1
    ) t on true
    where e.payment_id = ${paymentId}
      and ${merchant === undefined ? sql`true` : sql`e.merchant = ${merchant}`}
    order by e.transaction_id, e.id`.execute(db)
  const leaves = await leavesOf(db, rows)
  const subtree = storedTree(db)
  const entries: Array<ProvedEntry> = []
  const uncovered: Array<string> = []
  for (const [index, { id, place, tile }] of rows.entries()) {
    const position = tile === null || place === null
      ? Infinity
      : Number(tile) * TILE_LEAVES + place - 1
    if (position >= checkpoint.size) uncovered.push(id)
    else {
      const proof = await inclusionProof(subtree, position, checkpoint.size)
      entries.push({ entry: leaves[index]!, position, proof: proof.map(base64) })
    }
  }
  return { checkpoint, entries, uncovered }
}

/** Shows that the tree of the second checkpoint begins with that of the first. */
export const consistencyOf = async (
  db: Db,
  first: number,
  second: number
): Promise<ReadonlyArray<string>> =>
  (await consistencyProof(storedTree(db), first, second)).map(base64)
