import { sql } from "kysely"
import { type Hash, nodeHash, type Subtree } from "../domain/merkle.ts"
import type { Db } from "../store/database.ts"
import { hashesIn, TILE_LEAVES, TILE_LEVELS } from "./tree.ts"

/** Pairs are hashed until one is left. */
const merged = (hashes: ReadonlyArray<Hash>): Hash => {
  let row = hashes
  while (row.length > 1) {
    row = Array.from(
      { length: row.length / 2 },
      (_, index) => nodeHash(row[2 * index]!, row[2 * index + 1]!)
    )
  }
  return row[0]!
}

/**
 * Complete subtrees as they are stored, for proofs. Each tile is read once. A tree only grows, so
 * what is read in several statements is of one tree as long as nobody asks beyond its size.
 */
export const storedTree = (db: Db): Subtree => {
  const tiles = new Map<number, Promise<ReadonlyArray<Hash>>>()
  const leavesOf = (tile: number) => {
    const known = tiles.get(tile)
    if (known !== undefined) return known
    const read = sql<{ hashes: Buffer }>`select hashes from audit_tiles where index = ${tile}`
      .execute(db).then(({ rows }) => hashesIn(rows[0]!.hashes))
    tiles.set(tile, read)
    return read
  }
  return async (level, index) => {
    if (level < TILE_LEVELS) {
      const first = index * 2 ** level
      const leaves = await leavesOf(Math.floor(first / TILE_LEAVES))
      const within = first % TILE_LEAVES
      return merged(leaves.slice(within, within + 2 ** level))
    }
    const count = 2 ** (level % TILE_LEVELS)
    const { rows } = await sql<{ hash: Buffer }>`
      select hash from audit_roots where level = ${Math.floor(level / TILE_LEVELS)}
        and index >= ${index * count} and index < ${(index + 1) * count}
      order by index`.execute(db)
    if (rows.length !== count) throw new Error(`the tree lacks a node of level ${level}`)
    return merged(rows.map(({ hash }) => hash))
  }
}
