import { sql } from "kysely"
import type { Db } from "../store/database.ts"
import { type Evidence, evidenceOf } from "./evidence.ts"
import { entryColumns, type EntryRow, type LeafEntry, leavesOf } from "./leaf.ts"
import { verifierKeys } from "./receipt.ts"
import { hashesIn, TILE_LEAVES } from "./tree.ts"

/** One line of an export. The order of the lines is part of what is verified. */
export type AuditLine =
  | {
    readonly type: "header"
    readonly version: 1
    readonly keys: ReadonlyArray<string>
    /** What the journal was when the export began; earlier versions did not say. */
    readonly journal?: Evidence
  }
  | {
    readonly type: "entry"
    readonly position: number
    /** What was hashed when the entry got its position; base64. */
    readonly leaf: string
    readonly id: string
    /** The entry as the journal holds it now; null where it holds it no more. */
    readonly entry: LeafEntry | null
  }
  /** An entry that the journal holds among those of the tree and that the tree does not know. */
  | { readonly type: "stray"; readonly entry: LeafEntry }
  | { readonly type: "checkpoint"; readonly note: string }

interface TileRow {
  readonly entry_ids: ReadonlyArray<string>
  readonly hashes: Buffer
  readonly last_transaction: string
  readonly last_id: string
}

/**
 * The journal up to the newest checkpoint, in the order of the tree, tile by tile: entries, what was
 * hashed for each, and every checkpoint where its tree ended. A tree only grows, so nothing is locked
 * and nothing waits.
 */
export async function* auditExport(
  ask: <A>(run: (db: Db) => Promise<A>) => Promise<A>
): AsyncGenerator<ReadonlyArray<AuditLine>> {
  const journal = await ask(evidenceOf)
  yield [{ type: "header", version: 1, keys: await ask(verifierKeys), journal }]
  let before = { last_transaction: "0", last_id: "" }
  for (let first = 0; first < journal.covered; first += TILE_LEAVES) {
    const tile = await ask((db) => tileOf(db, first / TILE_LEAVES))
    const end = Math.min(first + TILE_LEAVES, journal.covered)
    const [found, notes] = await Promise.all([
      ask((db) => entriesOf(db, tile, before)),
      ask((db) => notesBetween(db, first, end))
    ])
    yield linesOf(tile, first, end, found, notes)
    before = tile
  }
}

const tileOf = async (db: Db, index: number): Promise<TileRow> => {
  const { rows } = await sql<TileRow>`
    select entry_ids, hashes, last_transaction::text, last_id from audit_tiles
    where index = ${index}`.execute(db)
  return rows[0]!
}

/** By the place in the order of commits and by name: who changes the one does not hide behind the other. */
const entriesOf = async (
  db: Db,
  tile: TileRow,
  before: { readonly last_transaction: string; readonly last_id: string }
): Promise<ReadonlyArray<LeafEntry>> => {
  const { rows } = await sql<EntryRow>`
    select ${entryColumns} from journal_entries e
    where (e.transaction_id, e.id) > (${before.last_transaction}::xid8, ${before.last_id})
      and (e.transaction_id, e.id) <= (${tile.last_transaction}::xid8, ${tile.last_id})
    union all
    select ${entryColumns} from journal_entries e
    where e.id = any(${tile.entry_ids}::text[])
      and ((e.transaction_id, e.id) <= (${before.last_transaction}::xid8, ${before.last_id})
        or (e.transaction_id, e.id) > (${tile.last_transaction}::xid8, ${tile.last_id}))`
    .execute(db)
  return await leavesOf(db, rows)
}

const notesBetween = async (db: Db, first: number, end: number) => {
  const { rows } = await sql<{ size: string; note: string }>`
    select size::text, note from audit_checkpoints where size > ${first} and size <= ${end}`
    .execute(db)
  return new Map(rows.map(({ note, size }) => [Number(size), note]))
}

const linesOf = (
  tile: TileRow,
  first: number,
  end: number,
  found: ReadonlyArray<LeafEntry>,
  notes: ReadonlyMap<number, string>
): ReadonlyArray<AuditLine> => {
  const entries = new Map(found.map((entry) => [entry.id, entry]))
  const hashes = hashesIn(tile.hashes)
  const lines: Array<AuditLine> = []
  for (const [offset, id] of tile.entry_ids.entries()) {
    const position = first + offset
    const entry = entries.get(id) ?? null
    entries.delete(id)
    if (position >= end) continue
    lines.push({
      type: "entry",
      position,
      leaf: Buffer.from(hashes[offset]!).toString("base64"),
      id,
      entry
    })
    const note = notes.get(position + 1)
    if (note !== undefined) lines.push({ type: "checkpoint", note })
  }
  return [...lines, ...[...entries.values()].map((entry) => ({ type: "stray" as const, entry }))]
}
