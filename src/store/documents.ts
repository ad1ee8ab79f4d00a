import { sql } from "kysely"
import type { Db, Statement } from "./database.ts"
import { rowsOf } from "./rowsOf.ts"

interface DocumentKey {
  readonly merchant: string
  readonly key: string
}

interface Document extends DocumentKey {
  readonly doc: unknown
}

/** Of a table with the primary key (merchant, key) and a document: those that are there. */
export const documentsOf = async (
  db: Db,
  table: string,
  keys: ReadonlyArray<DocumentKey>
): Promise<ReadonlyArray<Document>> => {
  const { rows } = await sql<Document>`
    select merchant, key, doc
    from unnest(${keys.map(({ merchant }) => merchant)}::text[],
      ${keys.map(({ key }) => key)}::text[]) as wanted (merchant, key)
    join ${sql.table(table)} using (merchant, key)`.execute(db)
  return rows
}

export const saveDocuments = (
  table: string,
  documents: ReadonlyArray<DocumentKey & { readonly json: string }>
): Statement =>
  sql`
    insert into ${sql.table(table)} (merchant, key, doc)
    select * from ${
    rowsOf(documents, {
      merchant: ["text", ({ merchant }) => merchant],
      key: ["text", ({ key }) => key],
      doc: ["json", ({ json }) => json]
    })
  } as changed
    on conflict (merchant, key) do update set doc = excluded.doc`
