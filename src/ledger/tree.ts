import { sql } from "kysely"
import { signCheckpoint, type Signer, verifierKey } from "../domain/checkpoint.ts"
import { append, type Completed, type Frontier, type Hash, rootOf } from "../domain/merkle.ts"
import type { Db } from "../store/database.ts"
import { rowsOf } from "../store/rowsOf.ts"
import { entryColumns, type EntryRow, hashOfEntry, type LeafEntry, leavesOf } from "./leaf.ts"

/** Leaves of one row, and the step between stored levels: 2^8. */
export const TILE_LEAVES = 256
export const TILE_LEVELS = 8
const HASH_BYTES = 32

/** The database's transactions are numbered anew: what is written now would sort before what is in the tree. */
class TreeFromElsewhere extends Error {
  constructor() {
    super(
      "the journal's tree ends beyond this server's transactions: the database was restored from a " +
        "logical copy. Raise the server's next transaction (pg_resetwal -x) before anything is written."
    )
  }
}

interface TreeRow {
  readonly size: string
  readonly frontier: Buffer
  readonly last_transaction: string
  readonly last_id: string
  readonly elsewhere: boolean
}

interface CommittedEntry {
  readonly id: string
  readonly transaction_id: string
  readonly entry: LeafEntry
}

interface Tile {
  readonly index: number
  readonly ids: Array<string>
  readonly hashes: Array<Hash>
  last: CommittedEntry | undefined
}

export const hashesIn = (bytes: Buffer): Array<Hash> =>
  Array.from(
    { length: bytes.length / HASH_BYTES },
    (_, index) => bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES)
  )

/**
 * Appends what has been committed since, signs the new tree, and answers how many entries that were.
 *
 * Nobody who writes the journal waits for this: it follows behind. Entries are taken in the order of
 * (transaction, id), and only below the oldest transaction still under way, so that no entry can
 * appear before one that has its place. Whoever moves the tree's row from the size it read appends;
 * for others who tried at the same time nothing happens.
 */
export const appendCommitted = async (
  db: Db,
  signer: Signer,
  options: { readonly entriesMax: number; readonly time: string }
): Promise<number> => {
  const tree = await readTree(db)
  const entries = await committedAfter(db, tree, options.entriesMax)
  if (entries.length === 0) return 0
  const size = Number(tree.size)
  let frontier: Frontier = { size, hashes: hashesIn(tree.frontier) }
  const roots: Array<Completed> = []
  const tiles = await openTiles(db, size)
  for (const one of entries) {
    const leaf = hashOfEntry(one.entry)
    addLeaf(tiles, frontier.size, one, leaf)
    const next = append(frontier, leaf)
    frontier = next.frontier
    roots.push(...next.completed.filter(({ level }) => level % TILE_LEVELS === 0))
  }
  const note = signCheckpoint(signer, {
    size: frontier.size,
    root: rootOf(frontier),
    time: options.time
  })
  const moved = await store(db, { before: size, frontier, tiles, roots, note, signer })
  return moved ? entries.length : 0
}

const readTree = async (db: Db): Promise<TreeRow> => {
  const { rows } = await sql<TreeRow>`
    select size::text, frontier, last_transaction::text, last_id,
      last_transaction >= pg_snapshot_xmax(pg_current_snapshot()) as elsewhere
    from audit_tree`.execute(db)
  const tree = rows[0]!
  if (tree.elsewhere) throw new TreeFromElsewhere()
  return tree
}

const committedAfter = async (
  db: Db,
  tree: TreeRow,
  limit: number
): Promise<ReadonlyArray<CommittedEntry>> => {
  const { rows } = await sql<EntryRow & { transaction_id: string }>`
    select e.transaction_id::text, ${entryColumns} from journal_entries e
    where (e.transaction_id, e.id) > (${tree.last_transaction}::xid8, ${tree.last_id})
      and e.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    order by e.transaction_id, e.id limit ${limit}`.execute(db)
  const leaves = await leavesOf(db, rows)
  return rows.map(({ id, transaction_id }, index) => ({
    id,
    transaction_id,
    entry: leaves[index]!
  }))
}

/** The last tile where it is not full yet. */
const openTiles = async (db: Db, size: number): Promise<Map<number, Tile>> => {
  const index = Math.floor(size / TILE_LEAVES)
  if (size % TILE_LEAVES === 0) return new Map()
  const { rows } = await sql<{ entry_ids: Array<string>; hashes: Buffer }>`
    select entry_ids, hashes from audit_tiles where index = ${index}`.execute(db)
  const { entry_ids, hashes } = rows[0]!
  return new Map([[
    index,
    { index, ids: [...entry_ids], hashes: hashesIn(hashes), last: undefined }
  ]])
}

const addLeaf = (tiles: Map<number, Tile>, at: number, one: CommittedEntry, leaf: Hash) => {
  const index = Math.floor(at / TILE_LEAVES)
  const tile = tiles.get(index) ?? { index, ids: [], hashes: [], last: undefined }
  tile.ids.push(one.id)
  tile.hashes.push(leaf)
  tile.last = one
  tiles.set(index, tile)
}

interface Grown {
  readonly before: number
  readonly frontier: Frontier
  readonly tiles: ReadonlyMap<number, Tile>
  readonly roots: ReadonlyArray<Completed>
  readonly note: string
  readonly signer: Signer
}

const hex = (hashes: ReadonlyArray<Hash>): string =>
  `\\x${Buffer.concat(hashes.map((hash) => Buffer.from(hash))).toString("hex")}`

const store = (db: Db, grown: Grown): Promise<boolean> => {
  const { before, frontier, note, roots, signer } = grown
  const tiles = [...grown.tiles.values()]
  const last = tiles.at(-1)!.last!
  return db.transaction().execute(async (trx) => {
    const moved = await sql`
      update audit_tree set size = ${frontier.size}, frontier = ${hex(frontier.hashes)}::bytea,
        last_transaction = ${last.transaction_id}::xid8, last_id = ${last.id}
      where size = ${before}`.execute(trx)
    if (moved.numAffectedRows !== 1n) return false
    await sql`
      insert into audit_tiles (index, entry_ids, hashes, last_transaction, last_id)
      select index, array(select jsonb_array_elements_text(ids)), hashes, last_transaction::xid8,
        last_id
      from ${
      rowsOf(tiles, {
        index: ["bigint", ({ index }) => index],
        ids: ["jsonb", ({ ids }) => JSON.stringify(ids)],
        hashes: ["bytea", ({ hashes }) => hex(hashes)],
        last_transaction: ["text", ({ last }) => last!.transaction_id],
        last_id: ["text", ({ last }) => last!.id]
      })
    } as new
      on conflict (index) do update set entry_ids = excluded.entry_ids, hashes = excluded.hashes,
        last_transaction = excluded.last_transaction, last_id = excluded.last_id`.execute(trx)
    if (roots.length > 0) {
      await sql`
        insert into audit_roots (level, index, hash) select * from ${
        rowsOf(roots, {
          level: ["smallint", ({ level }) => level / TILE_LEVELS],
          index: ["bigint", ({ index }) => index],
          hash: ["bytea", ({ hash }) => hex([hash])]
        })
      } as new`.execute(trx)
    }
    await sql`
      insert into audit_keys (verifier_key, since_size) values (${verifierKey(signer)}, ${before})
      on conflict do nothing`.execute(trx)
    await sql`
      insert into audit_checkpoints (size, note) values (${frontier.size}, ${note})`.execute(trx)
    return true
  })
}
