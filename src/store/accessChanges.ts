import { sql } from "kysely"
import type { Db } from "./database.ts"

interface AccessChange {
  readonly number: string
  readonly id: string
}

const AT_ONCE_MAX = 200

/** Keys, tokens and sessions whose right has changed, and of which nobody has been told yet. */
export const untoldChanges = async (db: Db): Promise<ReadonlyArray<AccessChange>> => {
  const { rows } = await sql<AccessChange>`
    select number, id from access_changes order by number limit ${AT_ONCE_MAX}`.execute(db)
  return rows
}

/** Everybody has been told of these. */
export const forgetChanges = async (
  db: Db,
  changes: ReadonlyArray<AccessChange>
): Promise<void> => {
  const numbers = changes.map(({ number }) => number)
  await sql`delete from access_changes where number = any(${numbers}::bigint[])`.execute(db)
}
